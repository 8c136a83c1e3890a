/** Dialogs of the 1-1 tab: ask, decline, pick or move, cancel. */

import { act, call, errorText } from "../actions.js";
import { clock, dayKey, shortDay, t } from "../i18n/index.js";
import { loadEmployees } from "../pages.js";
import { AskText, Dialog } from "../ui/dialog.js";
import { Component, h } from "../ui/dom.js";
import { Avatar, button, empty, field, loading } from "../ui/parts.js";
import { companyName } from "./cards.js";
import { eventOf } from "./frame.js";
import { TABS, change } from "./onetoone.js";

const MESSAGE = 1000;

/** Slots grouped by the day of the event's zone. */
export function slotsByDay(slots, zone) {
  const days = new Map();
  for (const slot of slots) days.set(dayKey(slot.start, zone), [...(days.get(dayKey(slot.start, zone)) ?? []), slot]);
  return [...days.values()];
}

/** Whom `state.person` may ask: a participant those who offer slots, an employee whom they have met here. */
export function candidates(state) {
  const { person, data } = state;
  if (person.role !== "employee") return data.employees?.employees ?? [];
  const known = new Map();
  for (const tab of TABS) for (const { participant } of data[`meetings/${tab}`]?.meetings ?? []) known.set(participant.id, participant);
  for (const topic of Object.values(state.topics)) {
    for (const one of topic.people?.people ?? []) if (one.role === "participant") known.set(one.id, { id: one.id, name: one.name });
  }
  return [...known.values()].sort((one, other) => one.name.localeCompare(other.name));
}

/** Ask somebody for a chat: whom, why, and the answer to their question. Props: to, name (of `to`). */
export class RequestChat extends Component {
  constructor(props) {
    super(props);
    this.to = props.to ?? "";
    this.agenda = null;
    this.problem = null;
  }

  async mounted() {
    if (this.to) this.look(this.to);
    await loadEmployees();
  }

  choose(id) {
    const input = this.vnode.dom.querySelector("#ask-to");
    input.value = id;
    this.look(id);
  }

  /** What was written is an id, or the name of somebody in the list. */
  written(words) {
    const text = words.trim();
    const named = candidates(this.props.state).find(({ name }) => name.toLocaleLowerCase() === text.toLocaleLowerCase());
    return this.look(named?.id ?? text);
  }

  async look(to) {
    this.to = to.trim();
    this.agenda = null;
    this.problem = null;
    if (!this.to) return this.refresh();
    const asked = this.to;
    try {
      const agenda = await call("agenda.get", { employee: asked });
      if (asked === this.to) this.agenda = agenda;
    } catch (error) {
      if (asked === this.to) this.problem = error.reason === "not_found" ? null : errorText(error);
    }
    return this.gone ? undefined : this.refresh();
  }

  async send(event) {
    event.preventDefault();
    const form = event.target;
    const params = { to: this.to, message: form.elements.message.value.trim() };
    const answer = form.elements.answer?.value.trim();
    if (answer) params.answer = answer;
    if (await change("meeting.request", params)) this.props.onClose();
  }

  view({ state, onClose }) {
    const about = this.agenda?.about;
    const others = candidates(state).filter(({ id }) => id !== state.person.id);
    return h(Dialog, { title: t("one.ask"), onClose },
      h("form", { onsubmit: (event) => this.send(event) },
        field("ask-to", t("one.to"), h("input", { id: "ask-to", name: "to", required: true, maxlength: 128, defaultValue: this.to, list: "ask-people", autocomplete: "off", "data-first": true, onchange: (event) => this.written(event.target.value) }), t("one.toHint")),
        h("datalist", { id: "ask-people" }, ...others.map(({ id, name }) => h("option", { value: id }, name))),
        this.people(others, state),
        this.problem ? h("p", { class: "badge bad" }, this.problem) : null,
        about ? h(About, { agenda: this.agenda, asked: this.to }) : null,
        field("ask-message", t("one.message"), h("textarea", { id: "ask-message", name: "message", rows: 3, maxlength: MESSAGE })),
        about?.question ? field("ask-answer", about.question, h("textarea", { id: "ask-answer", name: "answer", rows: 2, maxlength: MESSAGE })) : null,
        h("div", { class: "dialog-actions" }, button(t("app.cancel"), { onclick: onClose }), button(t("one.send"), { kind: "primary", type: "submit" }))));
  }

  people(others, state) {
    if (others.length === 0) return null;
    return h("div", { class: "people-choices", role: "group", "aria-label": t("one.offering") },
      ...others.map(({ id, name, company }) => h("button", { key: id, type: "button", class: "choice person-choice", "aria-pressed": String(id === this.to), onclick: () => this.choose(id) },
        h(Avatar, { id, name, size: "small" }), h("span", null, name, company ? h("small", { class: "muted" }, companyName(state, company)) : null))));
  }
}

function About({ agenda, asked }) {
  const { about, employee, published } = agenda;
  const facts = [["background", about.background], ["experience", about.experience], ["languages", about.languages.join(", ")], ["topics", about.topics.join(", ")]].filter(([, value]) => value);
  return h("section", { class: "slots-box" },
    h("h3", null, employee?.name ?? asked), published ? null : h("p", null, t("one.unpublished")),
    h("dl", { class: "stack" }, ...facts.map(([name, value]) => h("div", { key: name }, h("dt", { class: "muted small" }, t(`editor.${name}`)), h("dd", { class: "prose" }, value)))));
}

/** Decline with a short message, and maybe somewhere else to go: one list, as only one thing may be suggested. */
export function DeclineDialog({ state, meeting, onClose }) {
  const colleagues = (state.data.employees?.employees ?? []).filter((one) => one.id !== meeting.employee.id && one.company === meeting.employee.company);
  const sessions = (eventOf(state)?.sessions ?? []).filter((card) => card.company === meeting.employee.company);
  const send = async (event) => {
    event.preventDefault();
    const { message, refer } = event.target.elements;
    const { kind } = refer.selectedOptions[0].dataset;
    const params = { id: meeting.id, message: message.value.trim() };
    if (kind) params.refer = { [kind]: refer.value };
    if (await change("meeting.decline", params)) onClose();
  };
  return h(Dialog, { title: t("one.declineTitle"), onClose },
    h("form", { onsubmit: send },
      field("decline-message", t("one.declineMessage"), h("textarea", { id: "decline-message", name: "message", rows: 3, required: true, maxlength: MESSAGE, "data-first": true }), t("one.declineHint")),
      field("decline-refer", t("one.suggest"), h("select", { id: "decline-refer", name: "refer" },
        h("option", { value: "" }, t("one.noSuggestion")),
        suggestions("employee", t("one.colleague"), colleagues.map(({ id, name }) => [id, name])),
        suggestions("session", t("one.liveSession"), sessions.map(({ id, title }) => [id, title])))),
      h("div", { class: "dialog-actions" }, button(t("app.cancel"), { onclick: onClose }), button(t("one.decline"), { kind: "danger", type: "submit" }))));
}

function suggestions(kind, label, choices) {
  if (choices.length === 0) return null;
  return h("optgroup", { label }, ...choices.map(([id, name]) => h("option", { value: id, "data-kind": kind }, name)));
}

/** Pick a free slot, or propose another. */
export class SlotDialog extends Component {
  constructor(props) {
    super(props);
    this.slots = null;
    this.chosen = null;
  }

  async mounted() {
    this.slots = (await act("meeting.slots", { id: this.props.meeting.id }))?.slots ?? [];
    if (!this.gone) this.refresh();
  }

  async confirm() {
    const { meeting, method, onClose } = this.props;
    if (await change(method, { id: meeting.id, slot: this.chosen })) onClose();
    else {
      this.chosen = null;
      this.mounted();
    }
  }

  choose(start) {
    this.chosen = start;
    this.refresh();
  }

  view({ meeting, title, onClose }) {
    const { zone } = meeting;
    return h(Dialog, { title, onClose },
      h("p", { class: "muted" }, t("one.zone", { zone })),
      this.slots === null ? loading() : this.slots.length === 0 ? empty("calendar", t("one.noFree")) : null,
      ...slotsByDay(this.slots ?? [], zone).map((slots) => h("section", { key: slots[0].start, class: "stack" },
        h("h3", null, shortDay(slots[0].start, zone)),
        h("div", { class: "slot-grid" }, ...slots.map((slot) => h("button", { key: slot.start, type: "button", class: "slot", "aria-pressed": String(slot.start === this.chosen), onclick: () => this.choose(slot.start) }, `${clock(slot.start, zone)}–${clock(slot.end, zone)}`))))),
      h("div", { class: "dialog-actions" }, button(t("app.cancel"), { onclick: onClose }), button(t("one.confirmSlot"), { kind: "primary", disabled: !this.chosen, onclick: () => this.confirm() })));
  }
}

/** Cancel a chat, with a word to the other side. */
export function CancelDialog({ meeting, onClose }) {
  return h(AskText, {
    title: t("one.cancel"), label: t("one.cancelMessage"), required: false, multiline: true, yes: t("one.cancel"), onClose,
    onText: (message) => change("meeting.cancel", { id: meeting.id, ...(message ? { message } : {}) }),
  });
}
