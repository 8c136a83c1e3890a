/** The employee's schedule: a duration a day, slots one by one or all, whom one looks for, and the confirmation. */

import { act, serverNow } from "../actions.js";
import { clock, day, t } from "../i18n/index.js";
import { dispatch } from "../store.js";
import { Dialog } from "../ui/dialog.js";
import { Component, h } from "../ui/dom.js";
import { button, field, loading } from "../ui/parts.js";

const SHORT = ["background", "experience"];
const LISTS = ["languages", "topics"];

function split(text) {
  return text.split(",").map((word) => word.trim()).filter(Boolean);
}

function hasBegun(start) {
  return Date.parse(start) <= serverNow();
}

/** What was drafted, else what is published: by day, the duration, the chosen starts, and those of them that have begun. */
export function draftOf(agenda) {
  const source = agenda.draft?.days?.length ? agenda.draft.days : agenda.days;
  const known = new Map(source.map((entry) => [entry.day, entry]));
  const durations = agenda.policy.durations;
  return new Map(agenda.bookable.map(({ day: key }) => {
    const entry = known.get(key);
    const starts = (entry?.slots ?? []).map((slot) => (typeof slot === "string" ? slot : slot.start));
    return [key, { duration: entry?.duration ?? durations[0], chosen: new Set(starts), begun: starts.filter(hasBegun), changed: false }];
  }));
}

export class ScheduleEditor extends Component {
  constructor(props) {
    super(props);
    const { agenda } = props.state.data;
    this.days = agenda ? draftOf(agenda) : null;
    this.busy = false;
  }

  setDuration(key, duration) {
    Object.assign(this.days.get(key), { duration, chosen: new Set(), begun: [], changed: true });
    this.refresh();
  }

  toggle(key, start) {
    const entry = this.days.get(key);
    if (!entry.chosen.delete(start)) entry.chosen.add(start);
    entry.changed = true;
    this.refresh();
  }

  all(key, slots, on) {
    const entry = this.days.get(key);
    Object.assign(entry, { chosen: new Set([...entry.begun, ...(on ? slots.map((slot) => slot.start) : [])]), changed: true });
    this.refresh();
  }

  async save(event) {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    const done = await this.drafted(this.about(event.target));
    const published = done && (await act("agenda.publish"));
    this.busy = false;
    if (!published) return;
    dispatch({ type: "data", name: "agenda", value: published });
    this.props.onClose();
  }

  about(form) {
    const value = (name) => form.elements[name].value.trim();
    const about = { question: value("question") };
    for (const name of SHORT) about[name] = value(name);
    for (const name of LISTS) about[name] = split(value(name));
    return about;
  }

  async drafted(about) {
    const { bookable } = this.props.state.data.agenda;
    const changed = [...this.days].filter(([, entry]) => entry.changed);
    const days = changed.length > 0 ? changed : [...this.days].slice(0, 1);
    for (const [key, entry] of days) {
      const slots = bookable.find((one) => one.day === key).slots[String(entry.duration)] ?? [];
      const all = slots.length > 0 && slots.every((slot) => entry.chosen.has(slot.start));
      const chosen = [...entry.chosen].filter((start) => !hasBegun(start) || entry.begun.includes(start)); // one may have begun meanwhile
      const params = { day: key, duration: entry.duration, slots: all ? "all" : chosen.sort(), about };
      if (!(await act("agenda.draft", params))) return false;
    }
    return true;
  }

  view({ state, onClose }) {
    const { agenda } = state.data;
    if (!agenda || !this.days) return h(Dialog, { title: t("editor.title"), onClose }, loading());
    const about = agenda.draft?.about ?? agenda.about;
    const total = [...this.days.values()].reduce((sum, entry) => sum + entry.chosen.size, 0);
    return h(Dialog, { title: t("editor.title"), onClose, size: "large" },
      h("form", { onsubmit: (event) => this.save(event) },
        agenda.quota ? h("p", { class: "quota" }, t("editor.quota", { limit: agenda.quota.limit, others: agenda.quota.used - agenda.quota.mine, mine: total })) : null,
        h("p", { class: "hint" }, t("one.zone", { zone: agenda.zone })),
        ...agenda.bookable.map((entry) => this.day(entry, agenda)),
        h("h3", null, t("editor.about")), h("p", { class: "hint" }, t("editor.aboutHint")),
        ...SHORT.map((name) => field(`about-${name}`, t(`editor.${name}`), h("textarea", { id: `about-${name}`, name, rows: 2, maxlength: 1000, defaultValue: about?.[name] ?? "" }))),
        ...LISTS.map((name) => field(`about-${name}`, t(`editor.${name}`), h("input", { id: `about-${name}`, name, defaultValue: (about?.[name] ?? []).join(", ") }), t("editor.commas"))),
        field("about-question", t("editor.question"), h("input", { id: "about-question", name: "question", maxlength: 1000, defaultValue: about?.question ?? "" })),
        h("div", { class: "dialog-actions" }, button(t("app.cancel"), { onclick: onClose }), button(t("editor.confirm"), { kind: "primary", type: "submit", disabled: this.busy }))));
  }

  day({ day: key, slots }, agenda) {
    const entry = this.days.get(key);
    const offered = (slots[String(entry.duration)] ?? []).filter((slot) => !hasBegun(slot.start));
    const everything = offered.length > 0 && offered.every((slot) => entry.chosen.has(slot.start));
    const name = day(`${key}T12:00:00Z`, "UTC");
    return h("fieldset", { key, class: "editor-day" },
      h("legend", { class: "sr-only" }, name),
      h("div", { class: "row spread" }, h("h3", { "aria-hidden": "true" }, name),
        h("div", { class: "row" },
          h("label", { for: `duration-${key}` }, t("editor.duration")),
          h("select", { id: `duration-${key}`, class: "small-select", onchange: (event) => this.setDuration(key, Number(event.target.value)) }, ...agenda.policy.durations.map((minutes) => h("option", { value: minutes, selected: minutes === entry.duration }, t("editor.minutes", { minutes })))),
          button(t(everything ? "editor.none" : "editor.all"), { kind: "small", onclick: () => this.all(key, offered, !everything) }))),
      h("div", { class: "slot-grid" }, ...offered.map((slot) => h("button", { key: slot.start, type: "button", class: "slot", "aria-pressed": String(entry.chosen.has(slot.start)), onclick: () => this.toggle(key, slot.start) }, clock(slot.start, agenda.zone)))));
  }
}
