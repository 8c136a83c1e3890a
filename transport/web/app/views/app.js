/** The whole page: the frame with its navigation, or a room that fills the window. */

import { closeDialog } from "../actions.js";
import { hasText, t } from "../i18n/index.js";
import { h } from "../ui/dom.js";
import { button, loading } from "../ui/parts.js";
import { Companies, CompanyPage } from "./companies.js";
import { Banner, Toasts, TopBar, eventOf } from "./frame.js";
import { Lobby } from "./lobby.js";
import { MeetingPage } from "./meeting.js";
import { OneToOne } from "./onetoone.js";
import { Organizer } from "./organizer.js";
import { Program } from "./program.js";
import { Schedule } from "./schedule.js";
import { SessionPage } from "./session.js";
import { Support } from "./support.js";

const PAGES = {
  lobby: Lobby,
  program: Program,
  schedule: Schedule,
  companies: Companies,
  company: CompanyPage,
  "one-to-one": OneToOne,
  support: Support,
  organizer: Organizer,
};
const ROOMS = { session: SessionPage, chat: MeetingPage };

/** What is on the page, from the state alone. */
export function App({ state }) {
  return h("div", { class: "whole" }, content(state), dialog(state), h(Toasts, { toasts: state.ui.toasts }));
}

/** What the window is called: the page, then the event. */
export function titleOf(state) {
  const { page, id } = state.route;
  const place = { session: state.topics[`session/${id}`]?.session.title, company: state.topics[`company/${id}`]?.company.name, chat: t("one.chat") };
  const name = state.person ? place[page] ?? t(hasText(`nav.${page}`) ? `nav.${page}` : "nav.lobby") : "";
  return [name, eventOf(state)?.event.name, "Greenroom"].filter(Boolean).join(" · ");
}

function content(state) {
  if (state.status === "closed") return h(Closed, { error: state.statusError });
  if (!state.person) return h("main", { class: "page" }, state.status === "reconnecting" ? h(Banner, { state }) : null, loading(t("app.connecting")));
  const { page } = state.route;
  if (ROOMS[page]) return h(ROOMS[page], { key: `${page}/${state.route.id}`, state });
  const view = PAGES[page] ?? Lobby;
  return h(
    "div",
    { class: "app" },
    h("a", { class: "skip-link", href: "#main", onclick: skip }, t("app.skip")),
    h(TopBar, { state }),
    h(Banner, { state }),
    h("main", { id: "main", tabindex: -1, class: "main" }, h(view, { key: `${page}/${state.route.id}`, state })),
  );
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function dialog(state) {
  const { dialog: open } = state.ui;
  return open ? h(open.view, { key: "dialog", state, onClose: closeDialog, ...open.props }) : null;
}

/** There is no way on: no token, a refused one, banned, or open somewhere else. */
function Closed({ error }) {
  const reason = error?.reason && error.reason in REASONS ? error.reason : CODES[error?.code] ?? "other";
  return h(
    "main",
    { class: "page closed-page" },
    h("div", { class: "card stack" },
      h("h1", null, t(`closed.${reason}.title`)),
      h("p", { class: "muted" }, t(`closed.${reason}.text`)),
      reason === "replaced" || reason === "other" ? h("p", null, button(t("closed.again"), { kind: "primary", onclick: () => location.reload() })) : null),
  );
}

const REASONS = { no_token: 1, unauthorized: 1, token_expired: 1, banned: 1 };
const CODES = { 3000: "unauthorized", 3005: "token_expired", 3503: "banned", 3504: "replaced" };
