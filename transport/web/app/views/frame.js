/** The frame around the pages: navigation, notifications, the life ring, the reconnect banner, messages. */

import { dispatch, getState } from "../store.js";
import { announce, openDialog, serverNow, theConnection } from "../actions.js";
import { LANGUAGES, moment, setLanguage, t } from "../i18n/index.js";
import { noteText, openNote, readNotes } from "../notifications.js";
import { Dialog } from "../ui/dialog.js";
import { Component, classes, h } from "../ui/dom.js";
import { icon, mark } from "../ui/icons.js";
import { Avatar, button, empty, iconButton } from "../ui/parts.js";
import { SupportDialog } from "./support.js";

const LINKS = [
  ["lobby", "lobby"],
  ["program", "calendar"],
  ["schedule", "star"],
  ["companies", "building"],
  ["one-to-one", "chat"],
];

/** The event as the lobby's topic tells it. */
export function eventOf(state) {
  return state.topics[`event/${state.event}`] ?? null;
}

/** The event's time zone. */
export function zoneOf(state) {
  return eventOf(state)?.event.time_zone;
}

/** Whether the viewer answers support tickets. */
export function isStaff(person) {
  return person.role === "organizer" || Boolean(person.grants?.includes("support"));
}

/** The bar at the top of every page. */
export function TopBar({ state }) {
  const { person, notifications } = state;
  return h(
    "header",
    { class: "topbar" },
    h("a", { class: "brand", href: "#/lobby" }, mark(), h("span", null, eventOf(state)?.event.name ?? "Greenroom", h("small", null, "Greenroom"))),
    h("nav", { class: classes("nav", person.role === "organizer" && "many"), "aria-label": t("nav.label") }, ...navigation(state)),
    h("div", { class: "top-tools" },
      h(LanguageChoice, { language: state.ui.language }),
      h(Bell, { count: notifications.length }),
      iconButton(t("support.ring"), "ring", { onclick: () => openDialog(SupportDialog) }),
      h("span", { class: "me" }, h(Avatar, { id: person.id, name: person.name, size: "small" }), h("span", null, person.name))),
  );
}

function navigation(state) {
  const links = [...LINKS];
  if (isStaff(state.person)) links.push(["support", "ring"]);
  if (state.person.role === "organizer") links.push(["organizer", "figures"]);
  const here = state.route.page === "company" ? "companies" : state.route.page;
  return links.map(([page, name]) =>
    h("a", { key: page, href: `#/${page}`, "aria-current": page === here ? "page" : undefined }, icon(name), h("span", null, t(`nav.${page}`))),
  );
}

function LanguageChoice({ language }) {
  const choose = (event) => {
    setLanguage(event.target.value);
    dispatch({ type: "language", language: event.target.value });
    location.reload();
  };
  const current = document.documentElement.lang || language;
  return h("select", { class: "language", "aria-label": t("app.language"), onchange: choose },
    ...Object.keys(LANGUAGES).map((tag) => h("option", { value: tag, selected: tag === current, lang: tag, "aria-label": LANGUAGES[tag]["language.name"] }, tag.toUpperCase())));
}

function Bell({ count }) {
  const label = count ? t("notes.open", { n: count }) : t("notes.title");
  return h("button", { type: "button", class: "icon-button quiet", "aria-label": label, title: label, onclick: () => openDialog(Notifications) },
    icon("bell"), count ? h("span", { class: "badge-dot", "aria-hidden": "true" }, count > 99 ? "99+" : count) : null);
}

function Notifications({ state, onClose }) {
  const notes = state.notifications.slice().reverse();
  const open = (note) => {
    onClose();
    openNote(note);
  };
  return h(
    Dialog,
    { title: t("notes.title"), onClose },
    notes.length === 0 ? empty("bell", t("notes.none"), t("notes.noneHint")) : h("ul", { class: "notifications" }, ...notes.map((note) =>
      h("li", { key: note.id, class: "notification" },
        h("div", null, h("p", null, noteText(note)), h("p", { class: "muted small" }, moment(note.at))),
        h("div", { class: "row" }, button(t("app.open"), { kind: "small", onclick: () => open(note) }), iconButton(t("notes.read"), "check", { kind: "small", onclick: () => readNotes([note.id]) }))))),
    notes.length > 1 ? h("div", { class: "dialog-actions" }, button(t("notes.readAll"), { onclick: () => readNotes(notes.map((note) => note.id)) })) : null,
  );
}

/** Says that the connection is gone and coming back; nothing has to be done. */
export function Banner({ state }) {
  if (state.status !== "reconnecting") return h("div", { hidden: true });
  return h("div", { class: "banner", role: "alert" },
    icon("offline"), h("span", null, t("banner.reconnecting")),
    h("button", { type: "button", class: "link", onclick: () => theConnection().hurry() }, t("banner.now")));
}

/** Short messages at the corner, above any dialog. */
export class Toasts extends Component {
  mounted() {
    this.updated();
  }

  /** A popover shown last lies above a modal dialog. */
  updated() {
    const { dom } = this.vnode;
    if (!dom.showPopover) return;
    if (dom.matches(":popover-open")) dom.hidePopover();
    if (this.props.toasts.length > 0) dom.showPopover();
  }

  view({ toasts }) {
    return h("div", { class: "toasts", popover: "manual" }, ...toasts.map((toast) => oneToast(toast)));
  }
}

function oneToast(toast) {
  const close = () => dispatch({ type: "untoast", id: toast.id });
  const run = () => {
    close();
    toast.action.run();
  };
  return h("div", { key: toast.id, class: classes("toast", toast.kind) },
    h("span", { class: "grow" }, toast.text),
    toast.action ? h("button", { type: "button", class: "link", onclick: run }, toast.action.label) : null,
    iconButton(t("app.close"), "close", { kind: "small", onclick: close }));
}

/** With so many seconds left, what a screen reader would else repeat with each of them is said. */
const SAID = [300, 60, 30, 10];

/** Something that changes with the seconds until `deadline`; `draw` gets the seconds left, and so does `say`, at first and now and then. */
export class Ticker extends Component {
  mounted() {
    this.timer = setInterval(() => this.refresh(), this.props.every ?? 250);
    this.updated();
  }

  updated() {
    const { deadline, say } = this.props;
    const left = this.left();
    const moment = `${deadline} ${SAID.filter((mark) => left <= mark).length}`;
    if (!say || left <= 0 || moment === this.said) return;
    this.said = moment;
    announce(say(left));
  }

  left() {
    return (Date.parse(this.props.deadline) - serverNow()) / 1000;
  }

  unmounted() {
    clearInterval(this.timer);
  }

  view({ draw }) {
    return draw(this.left());
  }
}

/** The name of somebody whose id is known from the session. */
export function nameIn(session, id) {
  return session?.people.people.find((person) => person.id === id)?.name ?? (id === getState().person?.id ? getState().person.name : id);
}
