/** A session as a card or a row: in the lobby, the program, on a company's page. */

import { act, go, openDialog, saveCalendar, serverNow } from "../actions.js";
import { clock, ownTime, shortDay, t, zoned } from "../i18n/index.js";
import { Confirm } from "../ui/dialog.js";
import { classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Menu, badge, button } from "../ui/parts.js";
import { eventOf, zoneOf } from "./frame.js";

/** What the viewer may do now; after a public change of a card it is worked out again. */
export function joinRight(card, now = serverNow()) {
  if (["ended", "cancelled"].includes(card.state)) return "over";
  if (["register", "waiting_list"].includes(card.join)) return seatsLeft(card) > 0 ? "register" : "waiting_list";
  if (card.join === "soon" && card.opens_at && Date.parse(card.opens_at) <= now) return "now";
  return card.join ?? (card.capacity === null ? "soon" : "register");
}

/** The company's name. */
export function companyName(state, id) {
  return eventOf(state)?.companies.find((company) => company.id === id)?.name ?? id;
}

/** Marks of a card: live, soon, mine. */
export function marks(card) {
  const list = [];
  if (card.live) list.push(badge(t("session.live"), "live"));
  else if (card.state === "backstage") list.push(badge(t("session.opening"), "warn"));
  else if (card.state === "ended") list.push(badge(t("session.over")));
  else if (card.state === "cancelled") list.push(badge(t("session.cancelled"), "bad"));
  if (card.mine === "host") list.push(badge(t("session.youHost"), "info"));
  if (card.mine === "registered") list.push(badge(t("session.youRegistered"), "good"));
  if (card.mine === "waiting") list.push(badge(t("session.youWait"), "warn"));
  return list;
}

function seatsLeft(card) {
  return card.seats_left ?? Math.max(0, card.capacity - card.registered);
}

function seats(card) {
  if (card.capacity === null || card.capacity === undefined) return h("p", { class: "seats" }, t("session.open"));
  const left = seatsLeft(card);
  return h("div", { class: "seats" },
    h("span", null, left > 0 ? t("session.seatsLeft", { n: left }) : t("session.full")),
    h("progress", { max: card.capacity, value: card.capacity - left, "aria-label": t("session.seatsTaken", { taken: card.capacity - left, capacity: card.capacity }) }));
}

async function register(card, wait) {
  const answer = await act("session.register", { session: card.id, ...(wait ? { wait: true } : {}) }, { quiet: ["session_full"] });
  if (answer) await act("event.lobby");
  else if (!wait) openDialog(Confirm, { title: t("session.fullTitle"), text: t("session.fullText"), yes: t("session.waitingList"), onYes: () => register(card, true) });
}

function unregister(card) {
  const run = async () => (await act("session.unregister", { session: card.id })) && act("event.lobby");
  openDialog(Confirm, { title: t("session.unregisterTitle"), text: t("session.unregisterText", { title: card.title }), yes: t("session.unregister"), danger: true, onYes: run });
}

/** The one thing to do with a session now. */
export function joinAction(card, zone) {
  switch (joinRight(card)) {
    case "now":
      return button(t("session.join"), { kind: "primary", onclick: () => go("session", card.id) });
    case "register":
      return button(t("session.register"), { kind: "primary", onclick: () => register(card, false) });
    case "waiting_list":
      return button(t("session.waitingList"), { onclick: () => register(card, true) });
    case "full":
      return badge(t("session.full"), "bad");
    case "over":
      return null;
    default:
      return card.mine === "host"
        ? button(t("session.backstage"), { onclick: () => go("session", card.id) })
        : h("span", { class: "muted small" }, t("session.opensAt", { time: clock(card.opens_at ?? card.start, zone) }));
  }
}

function cardMenu(card) {
  const items = [];
  if (card.mine === "registered" || card.mine === "waiting") items.push({ label: t("session.unregister"), name: "close", run: () => unregister(card) });
  if (card.mine) items.push({ label: t("session.calendar"), name: "download", run: () => saveCalendar("schedule.calendar", {}, "my-schedule") });
  items.push({ label: t("session.details"), name: "forward", run: () => go("session", card.id) });
  return h(Menu, { label: t("app.moreFor", { title: card.title }), items });
}

function companyLink(state, card) {
  return card.company ? h("a", { href: `#/company/${encodeURIComponent(card.company)}` }, icon("building", 16), companyName(state, card.company)) : null;
}

/** A session as a card. */
export function SessionCard({ state, card }) {
  return h("article", { class: classes("card session-card", card.live && "is-live") },
    h("div", { class: "row spread" }, h("div", { class: "row" }, badge(t(`kind.${card.kind}`)), ...marks(card)), cardMenu(card)),
    h("h3", null, h("a", { href: `#/session/${encodeURIComponent(card.id)}` }, card.title)),
    h("div", { class: "meta" }, when(state, card), companyLink(state, card)),
    h("div", { class: "card-foot" }, seats(card), joinAction(card, zoneOf(state))));
}

function when(state, card) {
  const zone = zoneOf(state);
  return h("span", null, icon("clock", 16), zoned(`${shortDay(card.start, zone)}, ${clock(card.start, zone)}–${clock(card.end, zone)}`, card.start, zone));
}

/** A session as a row of the program. */
export function SessionRow({ state, card }) {
  const zone = zoneOf(state);
  return h("article", { class: classes("card row-card", card.live && "is-live") },
    h("p", { class: "when" }, `${clock(card.start, zone)}–${clock(card.end, zone)}`, h("small", null, localTime(card, zone))),
    h("div", { class: "stack" },
      h("h3", null, h("a", { href: `#/session/${encodeURIComponent(card.id)}` }, card.title)),
      h("div", { class: "row" }, badge(t(`kind.${card.kind}`)), ...marks(card)),
      h("div", { class: "meta" }, companyLink(state, card))),
    h("div", { class: "row" }, seats(card), joinAction(card, zone), cardMenu(card)));
}

/** The viewer's own time, where it differs from the event's. */
export function localTime(card, zone) {
  const time = ownTime(card.start, zone);
  return time && t("session.yourTime", { time });
}
