/** Small pieces every page is made of. */

import { t } from "../i18n/index.js";
import { Component, classes, h } from "./dom.js";
import { icon } from "./icons.js";

const TONES = 8;

/** A person's initials on a tone that stays the same for the same person. */
export function Avatar({ id, name, size = "medium" }) {
  const initials = String(name ?? "?").trim().split(/\s+/).map((word) => [...word][0] ?? "").slice(0, 2).join("");
  return h("span", { class: `avatar ${size} tone-${toneOf(id ?? name ?? "")}`, "aria-hidden": "true" }, initials.toUpperCase() || "?");
}

function toneOf(text) {
  let sum = 7;
  for (const letter of String(text)) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % TONES;
}

/** A button with a label to read, and maybe an icon. */
export function button(label, { kind = "plain", name, onclick, ...rest } = {}) {
  return h("button", { type: "button", class: `button ${kind}`, onclick, ...rest }, name ? icon(name) : null, h("span", null, label));
}

/** A button that shows only its icon; its label is read out and shown as a tooltip. */
export function iconButton(label, name, { kind = "quiet", onclick, ...rest } = {}) {
  return h("button", { type: "button", class: `icon-button ${kind}`, "aria-label": label, title: label, onclick, ...rest }, icon(name));
}

/** A small mark, such as LIVE. */
export function badge(text, kind = "neutral") {
  return h("span", { class: `badge ${kind}` }, text);
}

/** What stands where a list is empty. */
export function empty(name, title, hint, ...more) {
  return h("div", { class: "empty" }, icon(name, 32), h("p", { class: "empty-title" }, title), hint ? h("p", { class: "muted" }, hint) : null, ...more);
}

/** A quiet placeholder while something loads. */
export function loading(label = t("app.loading")) {
  return h("div", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), h("span", null, label));
}

/** A labelled field; `control` gets the id. */
export function field(id, label, control, hint) {
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    control,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
  );
}

/** Tabs after the ARIA pattern: arrow keys move, one tab stop. `tabs` are {id, label, count?, unread?, icon?}. */
export function Tabs({ label, tabs, active, onSelect, idPrefix }) {
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === active);
    const to = step === -Infinity ? 0 : step === Infinity ? tabs.length - 1 : (at + step + tabs.length) % tabs.length;
    onSelect(tabs[to].id);
    document.getElementById(`${idPrefix}-tab-${tabs[to].id}`)?.focus();
  };
  return h(
    "div",
    { class: "tabs", role: "tablist", "aria-label": label, onkeydown: move },
    ...tabs.map((tab) => oneTab(tab, tab.id === active, onSelect, idPrefix)),
  );
}

function oneTab(tab, selected, onSelect, prefix) {
  const unread = tab.unread > 0;
  return h(
    "button",
    {
      key: tab.id, id: `${prefix}-tab-${tab.id}`, type: "button", role: "tab", class: classes("tab", selected && "selected"),
      "aria-selected": String(selected), "aria-controls": `${prefix}-panel`, tabindex: selected ? 0 : -1, onclick: () => onSelect(tab.id),
    },
    tab.icon ? icon(tab.icon, 18) : null,
    h("span", null, tab.label),
    tab.count !== undefined ? h("span", { class: "count" }, tab.count) : null,
    unread ? h("span", { class: "unread" }, h("span", { "aria-hidden": "true" }, tab.unread > 99 ? "99+" : tab.unread), h("span", { class: "sr-only" }, t("tabs.unread", { n: tab.unread }))) : null,
  );
}

const GAP = 6;

/** Put a list beside its button, above everything and inside the window: below it, or above where there is no room. */
function placeBeside(list, button) {
  list.showPopover();
  const { bottom, top, right } = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = list;
  const below = bottom + GAP + height <= innerHeight;
  list.style.setProperty("top", `${below ? bottom + GAP : Math.max(GAP, top - GAP - height)}px`);
  list.style.setProperty("left", `${Math.max(GAP, Math.min(right - width, innerWidth - width - GAP))}px`);
}

/** A menu button: click or keys open it, arrow keys move in it, Escape closes it. Items: {label, name, run, danger}. */
export class Menu extends Component {
  constructor(props) {
    super(props);
    this.open = false;
    this.away = (event) => !this.vnode.dom.contains(event.target) && this.set(false);
  }

  set(open, focusButton = false) {
    if (this.open === open) return;
    this.open = open;
    document[open ? "addEventListener" : "removeEventListener"]("pointerdown", this.away);
    this.refresh();
    if (open) {
      placeBeside(this.vnode.dom.querySelector("[role=menu]"), this.vnode.dom.querySelector("button"));
      this.vnode.dom.querySelector("[role=menuitem]")?.focus();
    } else if (focusButton) this.vnode.dom.querySelector("button").focus();
  }

  unmounted() {
    document.removeEventListener("pointerdown", this.away);
  }

  keys(event) {
    const items = [...this.vnode.dom.querySelectorAll("[role=menuitem]")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      this.set(false, true);
    } else if (event.key === "Tab") this.set(false);
    else if (to !== undefined) {
      event.preventDefault();
      items[(to + items.length) % items.length]?.focus();
    }
  }

  view({ label, items, name = "more", text, kind = "quiet" }) {
    const attributes = { type: "button", "aria-haspopup": "menu", "aria-expanded": String(this.open), onclick: () => this.set(!this.open) };
    const opener = text
      ? h("button", { ...attributes, class: `button ${kind}` }, icon(name), h("span", null, text))
      : h("button", { ...attributes, class: `icon-button ${kind}`, "aria-label": label, title: label }, icon(name));
    return h("div", { class: "menu" }, opener, this.open ? this.list(label, items) : null);
  }

  list(label, items) {
    const run = (item) => {
      this.set(false, true);
      item.run();
    };
    return h(
      "div",
      { class: "menu-list", popover: "manual", role: "menu", "aria-label": label, onkeydown: (event) => this.keys(event) },
      ...items.map((item) =>
        h("button", { type: "button", role: "menuitem", tabindex: -1, class: classes("menu-item", item.danger && "danger"), onclick: () => run(item) }, item.name ? icon(item.name, 18) : null, h("span", null, item.label)),
      ),
    );
  }
}
