/**
 * A list that draws only the rows in sight, so ten thousand cost as much as twenty.
 *
 * Row heights are measured once drawn and remembered by key; unseen ones count as `estimate`. With
 * `stick`, a reader at the end stays at the end while rows arrive, and anybody else is left where they read.
 */

import { Component, h } from "./dom.js";

const OVERSCAN = 6;
/** Rows beyond the overscan that may stay before they are taken out, all at once: that moves everything below. */
const SLACK = 12;
const SPARE = 500;

/** Offsets of each row, and after the last the whole height. */
export function offsetsOf(items, heights, keyOf, estimate) {
  const offsets = new Array(items.length + 1);
  let sum = 0;
  for (let at = 0; at < items.length; at++) {
    offsets[at] = sum;
    sum += heights.get(keyOf(items[at])) ?? estimate;
  }
  offsets[items.length] = sum;
  return offsets;
}

/** The rows [from, to) that touch the window [top, top + height), by bisection. */
export function windowOf(offsets, top, height, overscan = OVERSCAN) {
  const count = offsets.length - 1;
  const first = Math.max(0, bisect(offsets, top) - 1 - overscan);
  const last = Math.min(count, bisect(offsets, top + height) + overscan);
  return [Math.min(first, count), last];
}

/** The window to draw: the one `drawn` before, for as long as it holds what is wanted and not much more. */
export function keptWindow([from, to], drawn, count) {
  if (!drawn) return [from, to];
  const first = drawn.from <= from && from - drawn.from <= SLACK ? drawn.from : from;
  const last = drawn.to >= to && drawn.to - to <= SLACK ? Math.min(drawn.to, count) : to;
  return [first, last];
}

function bisect(offsets, value) {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsets[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Props: items, keyOf, row(item), estimate, stick, label, onStart (top reached), onEnd(atEnd), hold(list), emptyView. */
export class VirtualList extends Component {
  constructor(props) {
    super(props);
    this.heights = new Map();
    this.top = 0;
    this.height = 600;
    this.atEnd = true;
    this.firstKey = null;
    this.element = null;
    this.offsets = null;
  }

  mounted() {
    this.props.hold?.(this);
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.element);
    this.measure();
    this.stickIfWanted();
  }

  unmounted() {
    this.observer?.disconnect();
  }

  measure() {
    if (!this.element) return;
    const height = this.element.clientHeight;
    const changed = this.measureRows() || height !== this.height;
    this.height = height;
    if (changed && this.stale()) this.refresh();
  }

  /** Which rows are to be drawn, and the room above and below them. */
  plan({ items, keyOf, estimate, stick } = this.props) {
    const offsets = this.reckoned(items, keyOf, estimate);
    const whole = offsets[items.length];
    const top = stick && this.atEnd ? Math.max(0, whole - this.height) : this.top;
    const { drawn } = this;
    const same = drawn && drawn.from < items.length && keyOf(items[drawn.from]) === drawn.key;
    const [from, to] = keptWindow(windowOf(offsets, top, this.height), same ? drawn : null, items.length);
    return { from, to, above: offsets[from], below: whole - offsets[to], key: from < items.length ? keyOf(items[from]) : null };
  }

  /** The offsets, reckoned again only when rows or heights have changed. */
  reckoned(items, keyOf, estimate) {
    if (this.offsets?.items !== items) this.offsets = { items, of: offsetsOf(items, this.heights, keyOf, estimate) };
    return this.offsets.of;
  }

  /** Whether what is drawn is no longer what should be. */
  stale() {
    const { from, to, above, below } = this.plan();
    const { drawn } = this;
    return !drawn || from !== drawn.from || to !== drawn.to || above !== drawn.above || below !== drawn.below;
  }

  measureRows() {
    let changed = false;
    for (const row of this.element.querySelectorAll("[data-row]")) {
      const { row: key } = row.dataset;
      const height = row.offsetHeight;
      if (height && this.heights.get(key) !== height) {
        this.heights.set(key, height);
        changed = true;
      }
    }
    if (changed) this.offsets = null;
    if (this.heights.size > 2 * this.props.items.length + SPARE) this.forgetGone();
    return changed;
  }

  /** Rows that are no longer in the list need no memory. */
  forgetGone() {
    const { items, keyOf } = this.props;
    const kept = new Set(items.map((item) => String(keyOf(item))));
    for (const key of this.heights.keys()) if (!kept.has(key)) this.heights.delete(key);
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    this.top = scrollTop;
    this.height = clientHeight;
    this.atEnd = scrollHeight - scrollTop - clientHeight < 40;
    if (scrollTop < 80) this.props.onStart?.();
    this.props.onEnd?.(this.atEnd);
    if (this.stale()) this.refresh();
  }

  updated() {
    if (!this.element) return;
    if (this.measureRows() && !this.pending) {
      this.pending = requestAnimationFrame(() => {
        this.pending = null;
        if (!this.gone && this.stale()) this.refresh();
      });
    }
    this.holdPlace();
    this.stickIfWanted();
  }

  /** Older rows put in front must not push away what is being read. */
  holdPlace() {
    const { items, keyOf, estimate } = this.props;
    const first = items.length ? keyOf(items[0]) : null;
    if (this.firstKey !== null && first !== this.firstKey && !this.atEnd) {
      const at = items.findIndex((item) => keyOf(item) === this.firstKey);
      if (at > 0) this.element.scrollTop += offsetsOf(items.slice(0, at), this.heights, keyOf, estimate)[at];
    }
    this.firstKey = first;
  }

  stickIfWanted() {
    if (this.props.stick && this.atEnd) {
      const bottom = this.element.scrollHeight;
      if (this.element.scrollTop + this.element.clientHeight < bottom - 1) this.element.scrollTop = bottom;
      this.top = this.element.scrollTop;
    }
  }

  /** Go to the newest row. */
  toEnd() {
    this.atEnd = true;
    this.element.scrollTop = this.element.scrollHeight;
  }

  view({ items, keyOf, row, estimate, label, stick, emptyView, listClass = "", live = "off" }) {
    this.drawn = this.plan({ items, keyOf, estimate, stick });
    const { from, to, above, below } = this.drawn;
    return h(
      "div",
      {
        class: `virtual ${listClass}`, tabindex: 0, role: "region", "aria-label": label, onscroll: () => this.scrolled(),
        ref: (element) => { this.element = element ?? this.element; },
      },
      items.length === 0 ? emptyView : h(
        "ul",
        { class: "virtual-rows", "aria-live": live, "aria-relevant": "additions", style: { "padding-top": `${above}px`, "padding-bottom": `${below}px` } },
        ...items.slice(from, to).map((item) => h("li", { key: keyOf(item), "data-row": keyOf(item) }, row(item))),
      ),
    );
  }
}
