/** The life ring's dialog with one's own ticket, and the page: the desk for staff. */

import { act, call, diagnostics, openDialog, whereabouts } from "../actions.js";
import { clock, t } from "../i18n/index.js";
import { subscribe } from "../store.js";
import { Dialog } from "../ui/dialog.js";
import { Component, classes, h } from "../ui/dom.js";
import { Avatar, badge, button, empty, loading } from "../ui/parts.js";
import { isStaff } from "./frame.js";

const LIMIT = 1000;
const TONES = { open: "warn", answered: "info", resolved: "good" };

/**
 * Ask for help from anywhere; says where one is and what the browser is, openly.
 *
 * Props: ticket, the id of one to show though it is resolved.
 */
export class SupportDialog extends Component {
  constructor(props) {
    super(props);
    this.tickets = null;
    this.last = props.ticket;
    this.facts = diagnostics();
  }

  /** An answer that comes while the dialog is open is shown in it. */
  mounted() {
    this.stop = subscribe((_state, { event }) => event?.topic === "me" && event.data.kind?.startsWith("support.") && this.load());
    this.load();
  }

  unmounted() {
    this.stop?.();
  }

  async load() {
    try {
      this.tickets = (await call("support.mine")).tickets;
    } catch {
      this.tickets ??= []; // the field to write in is what counts
    }
    if (!this.gone) this.refresh();
  }

  async send(event) {
    event.preventDefault();
    const form = event.target;
    const text = form.elements.text.value.trim();
    if (!text) return;
    const open = this.openTicket();
    const answer = open ? await act("support.reply", { id: open.id, text }) : await act("support.ask", { text, where: whereabouts(), diagnostics: this.facts });
    if (!answer) return;
    form.reset();
    this.tickets = [answer.ticket, ...(this.tickets ?? []).filter((ticket) => ticket.id !== answer.ticket.id)];
    this.refresh();
  }

  openTicket() {
    return this.tickets?.find((ticket) => ticket.state !== "resolved") ?? null;
  }

  view({ state, onClose }) {
    const open = this.openTicket();
    this.last = open?.id ?? this.last;
    const shown = this.tickets?.find((one) => one.id === this.last);
    return h(Dialog, { title: t("support.title"), onClose },
      h("p", { class: "muted" }, t("support.hint")),
      shown ? h(Thread, { ticket: shown, me: state.person.id }) : null,
      shown && !open ? h("p", { role: "status" }, badge(t("support.state.resolved"), TONES.resolved)) : null,
      h("form", { onsubmit: (event) => this.send(event) },
        h("div", { class: "field" }, h("label", { for: "support-text" }, t(open ? "support.more" : "support.what")), h("textarea", { id: "support-text", name: "text", rows: 3, required: true, maxlength: LIMIT, "data-first": true })),
        open ? null : h("details", null, h("summary", null, t("support.sent")), h("ul", { class: "small muted" }, h("li", null, `${t("support.where")}: ${whereabouts()}`), ...Object.entries(this.facts).map(([name, value]) => h("li", null, `${name}: ${value}`)))),
        h("div", { class: "dialog-actions" },
          open ? button(t("support.resolve"), { onclick: () => this.resolve(open) }) : null,
          button(t("support.send"), { kind: "primary", type: "submit" }))));
  }

  async resolve(ticket) {
    if (await act("support.resolve", { id: ticket.id })) this.load();
  }
}

function Thread({ ticket, me }) {
  return h("div", { class: "thread", role: "log", "aria-label": t("support.thread") },
    ...ticket.thread.map((message, at) => h("div", { key: at, class: classes("bubble", message.by.id === me && "mine") },
      h("strong", { class: "small" }, message.by.name, message.staff ? ` · ${t("support.staff")}` : ""), "\n", message.text)));
}

/** The page; who is not staff needs only the way to the dialog. */
export function Support({ state }) {
  if (isStaff(state.person)) return h(Desk, { state });
  return h("div", { class: "page" }, h("h1", null, t("nav.support")), h("p", { class: "muted" }, t("support.hint")),
    h("p", null, button(t("support.ring"), { kind: "primary", name: "ring", onclick: () => openDialog(SupportDialog) })));
}

class Desk extends Component {
  constructor(props) {
    super(props);
    this.chosen = null;
  }

  pick(id) {
    this.chosen = id;
    this.refresh();
  }

  async reply(event, ticket) {
    event.preventDefault();
    const form = event.target;
    const text = form.elements.text.value.trim();
    if (text && (await act("support.reply", { id: ticket.id, text }))) form.reset();
  }

  view({ state }) {
    const desk = state.topics[`support/${state.event}`] ?? state.topics.support;
    if (!desk) return loading();
    const tickets = desk.tickets.slice().sort((one, other) => (one.state === "open" ? 0 : 1) - (other.state === "open" ? 0 : 1) || Date.parse(one.asked_at) - Date.parse(other.asked_at));
    const ticket = tickets.find((one) => one.id === this.chosen) ?? null;
    return h("div", { class: "page" },
      h("div", { class: "page-head" }, h("div", null, h("h1", null, t("nav.support")), h("p", { class: "muted" }, t("support.waiting", { n: tickets.filter((one) => one.state === "open").length })))),
      tickets.length === 0 ? h("div", { class: "card" }, empty("ring", t("support.none"), t("support.noneHint"))) : h("div", { class: "desk" },
        h("ul", { class: "stack", "aria-label": t("support.queue") }, ...tickets.map((one) => h("li", { key: one.id }, this.entry(one)))),
        ticket ? this.opened(ticket, state) : h("div", { class: "card" }, empty("chat", t("support.pick")))));
  }

  entry(ticket) {
    return h("button", { type: "button", class: "ticket", "aria-current": String(ticket.id === this.chosen), onclick: () => this.pick(ticket.id) },
      h("span", { class: "row spread" }, h("strong", null, ticket.person.name), badge(t(`support.state.${ticket.state}`), TONES[ticket.state])),
      h("span", { class: "clamp" }, ticket.thread.at(-1)?.text), h("span", { class: "muted small" }, `${clock(ticket.asked_at)} · ${ticket.where ?? ""}`));
  }

  opened(ticket, state) {
    return h("section", { class: "card stack", key: ticket.id, "aria-label": ticket.person.name },
      h("div", { class: "row spread" }, h("div", { class: "row" }, h(Avatar, { id: ticket.person.id, name: ticket.person.name }), h("h2", null, ticket.person.name)), button(t("support.resolve"), { name: "check", onclick: () => act("support.resolve", { id: ticket.id }) })),
      h("details", null, h("summary", null, `${t("support.where")}: ${ticket.where ?? "–"}`), h("ul", { class: "small muted" }, ...Object.entries(ticket.diagnostics ?? {}).map(([name, value]) => h("li", null, `${name}: ${value}`)))),
      h(Thread, { ticket, me: state.person.id }),
      h("form", { class: "stack", onsubmit: (event) => this.reply(event, ticket) },
        h("label", { class: "sr-only", for: "desk-reply" }, t("support.reply")),
        h("textarea", { id: "desk-reply", name: "text", rows: 3, maxlength: LIMIT, required: true, placeholder: t("support.reply") }),
        h("div", { class: "dialog-actions" }, button(t("support.send"), { kind: "primary", type: "submit" }))));
  }
}
