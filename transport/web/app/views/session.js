/** A session: stage and controls left, the four tabs right, Leave at the top. */

import { act, announce, go, openDialog } from "../actions.js";
import { clock, countdown, moment, shortDay, t, zoned } from "../i18n/index.js";
import { unlockSound } from "../media/sync.js";
import { OVER, enterSession, joinSession, nameOf, walkOut } from "../rooms/session.js";
import { roomsOpen } from "../state/breakout.js";
import { flagsOf } from "../state/media.js";
import { Confirm } from "../ui/dialog.js";
import { classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Menu, badge, button, loading } from "../ui/parts.js";
import { companyName } from "./cards.js";
import { lifeRing, mediaControls } from "./controls.js";
import { Banner, Ticker } from "./frame.js";
import { hostMenu, hostTools } from "./hosttools.js";
import { Panel } from "./panel.js";
import { Countdown, RequestBar } from "./request.js";
import { RoomsNote, callNotes } from "./rooms.js";
import { Stage, Tiles } from "./stage.js";

/** A far end of the rooms needs no clock on the stage. */
const SOON = 10 * 60_000;

/** The page of a session, inside or before its doors. */
export function SessionPage({ state }) {
  const { id } = state.route;
  const session = state.topics[`session/${id}`];
  if (session && session.client?.removed === undefined) return h(Inside, { state, session, id });
  const about = state.data[`session/${id}`];
  return h("div", { class: classes("room outside", state.status === "reconnecting" && "with-banner") },
    state.status === "reconnecting" ? h(Banner, { state }) : null,
    h("header", { class: "room-head" }, leaveButton(), h("div", { class: "who" }, h("h1", null, about?.session?.title ?? t("nav.session")))),
    h("main", { id: "main", tabindex: -1, class: "stage-area outside-area" }, h("div", { class: "stage-notes" }), h(Outside, { about, id, removed: session?.client?.removed }), h("div", { class: "controls" }, lifeRing())));
}

function leaveButton() {
  return button(t("session.leave"), { kind: "leave", name: "leave", onclick: walkOut });
}

/** Before the doors open, full, banned, over. */
function Outside({ about, id, removed }) {
  if (removed !== undefined) return waiting(t("session.removed"), removed || t("session.removedHint"));
  if (!about || (!about.problem && !about.session)) return h("div", { class: "waiting" }, loading());
  const { problem, session } = about;
  if (session && OVER.has(session.state) && about.shut) return waiting(t(`session.${session.state}`), t("session.overShut"), button(t("nav.lobby"), { kind: "primary", onclick: () => go("lobby") }));
  if (!problem) return h("div", { class: "waiting" }, loading());
  if (problem.reason === "session_full") return full(about, id);
  if (problem.data?.register) return waiting(t("session.needsSeat"), t("session.needsSeatText"), button(t("session.registerAndJoin"), { kind: "primary", onclick: () => registerAndJoin(id) }));
  const opens = problem.data?.opens_at;
  if (opens) {
    return waiting(t("session.notYet"), t("session.opens", { day: shortDay(opens), time: zoned(clock(opens), opens) }),
      h(Ticker, { deadline: opens, every: 1000, draw: (left) => (left < 86_400 ? h("p", { class: "big-time", role: "timer" }, countdown(left)) : h("span")) }));
  }
  return waiting(t("session.cannotJoin"), problem.text, button(t("app.again"), { kind: "primary", onclick: () => joinSession(id) }));
}

async function registerAndJoin(id, wait = false) {
  if (await act("session.register", { session: id, ...(wait ? { wait } : {}) })) await enterSession(id);
}

function full(about, id) {
  return waiting(t("session.fullTitle"), t("session.fullText"), about.me?.waiting ? badge(t("session.waitingPlace", { n: about.me.waiting }), "warn") : button(t("session.waitingList"), { kind: "primary", onclick: () => registerAndJoin(id, true) }), button(t("app.again"), { onclick: () => joinSession(id) }));
}

function waiting(title, text, ...more) {
  return h("div", { class: "waiting" }, h("h2", null, title), h("p", null, text), ...more);
}

function Inside({ state, session, id }) {
  const offline = state.status === "reconnecting";
  const room = session.me.room === null ? null : state.topics[`room/${id}.${session.me.room}`] ?? null;
  return h("div", { class: classes("room", offline && "with-banner") },
    offline ? h(Banner, { state }) : null,
    h(Head, { state, session, id, room }),
    h("main", { id: "main", tabindex: -1, class: "stage-area", "aria-label": t("stage.label") }, h(Notes, { state, session, id, room }), centre(state, session, id, room), h(Controls, { state, session, id, room })),
    h(Panel, { state, session, id, room }));
}

function centre(state, session, id, room) {
  const me = state.person.id;
  if (OVER.has(session.session.state)) return waiting(t(`session.${session.session.state}`), session.client?.cancelled || t("session.overHint"), button(t("nav.lobby"), { kind: "primary", onclick: () => go("lobby") }));
  const status = session.me.stage.state;
  const overlay = status === "accepted" || status === "countdown" ? h(Countdown, { key: "countdown", session, id }) : null;
  return h("div", { class: "stage-frame" }, picture(session, id, room, me, state.data.media), overlay);
}

function picture(session, id, room, me, pictures) {
  if (session.me.room !== null) {
    if (!room) return h("div", { class: "waiting" }, loading(t("breakout.moving")));
    const people = room.people.map((person) => ({ ...person, room: session.me.room, on_screen: true }));
    return h(Tiles, { people, pictures, media: room.media, me, speaking: room.client?.speaking ?? [] });
  }
  const { state: status, start } = session.session;
  if (status === "scheduled" || status === "backstage") {
    return waiting(t(session.me.moderator ? "session.readyToStart" : "session.waitingForHost"), t("session.startsAt", { time: moment(start) }),
      h(Ticker, { deadline: start, every: 1000, draw: (left) => (left > 0 ? h("p", { class: "big-time", role: "timer" }, countdown(left)) : h("span")) }));
  }
  return h(Stage, { session, id, me, pictures });
}

function Head({ state, session, id, room }) {
  const { title, state: status, company, end } = session.session;
  const menu = hostMenu(session, id);
  const name = room && nameOf(session, room);
  const confirmLeave = () => {
    if (session.me.host && status === "live") openDialog(Confirm, { title: t("session.leaveTitle"), text: t("session.leaveHost"), yes: t("session.leave"), onYes: walkOut });
    else walkOut();
  };
  return h("header", { class: "room-head" },
    button(t("session.leave"), { kind: "leave", name: "leave", onclick: confirmLeave }),
    h("div", { class: "who grow" }, h("h1", null, name ? `${name} · ${title}` : title), h("p", null, [company ? state.topics[`company/${company}`]?.company.name ?? companyName(state, company) : null, t("session.until", { time: moment(end) })].filter(Boolean).join(" · "))),
    status === "live" ? badge(t("session.live"), "live") : status === "hostless" ? badge(t("session.hostlessBadge"), "warn") : null,
    h("span", { class: "row present", "aria-label": t("people.count", { n: session.people.counts.present }) }, icon("people", 18), session.people.counts.present),
    ...hostTools(session, id),
    menu ? h(Menu, menu) : null);
}

function Notes({ state, session, id, room }) {
  const { hostless_until: until, state: status } = session.session;
  const { breakout } = session;
  const notes = [];
  if (status === "hostless" && until) notes.push(clockNote("hostless", until, "session.hostlessNote", true));
  if (state.data.soundHeld) notes.push(h("div", { key: "sound", class: "note", role: "status" }, h("span", { class: "grow" }, t("stage.soundHeld")), button(t("stage.soundOn"), { kind: "primary small", onclick: unlockSound })));
  if (session.me.stage.state === "invited") notes.push(h("div", { key: "invited", class: "note go" }, h(RequestBar, { session, id })));
  const closing = breakout?.state === "closing";
  if (roomsOpen(session) && breakout.ends_at && (closing || Date.parse(breakout.ends_at) - Date.now() < SOON) && (session.me.room !== null || session.me.moderator)) {
    notes.push(closing ? clockNote("closing", breakout.ends_at, "breakout.closingIn", true) : clockNote("rooms", breakout.ends_at, "breakout.endsIn"));
  }
  if (session.me.room !== null && session.client?.broadcast) notes.push(h("div", { key: "told", class: "note go", role: "status" }, icon("megaphone"), h("span", { class: "grow" }, `${session.client.broadcast.by_name}: ${session.client.broadcast.text}`)));
  notes.push(...callNotes(session, id), h(RoomsNote, { key: "choose", session, id }));
  return h("div", { class: "stage-notes" }, ...notes);
}

/** A note with the time left. It is no live region: with its seconds all of it would be read again. */
function clockNote(key, deadline, text, warn = false) {
  const say = (left) => t(text, { time: countdown(left) });
  return h(Ticker, { key, deadline, every: 500, say, draw: (left) => h("div", { class: classes("note", warn && "warn") }, icon("clock"), h("span", null, say(left))) });
}

function Controls({ state, session, id, room }) {
  const me = state.person.id;
  const status = session.me.stage.state;
  if (OVER.has(session.session.state)) return h("div", { class: "controls" }, lifeRing());
  if (session.me.room !== null) return h("div", { class: "controls" }, ...roomControls(session, id, room, me), lifeRing());
  const shown = session.me.host || status === "on_screen";
  return h("div", { class: "controls" },
    ...(shown ? mediaControls(`session/${id}`, flagsOf(session.media, me)) : []),
    status === "invited" ? null : h(RequestBar, { key: "request", session, id }),
    lifeRing());
}

function roomControls(session, id, room, me) {
  if (!room) return [];
  const topic = `room/${id}.${session.me.room}`;
  const own = session.breakout?.rooms.find((one) => one.id === session.me.room);
  const calling = Boolean(own?.help);
  const help = async () => {
    if (await act("breakout.help", { session: id })) announce(t("breakout.helpSent"));
  };
  return [
    ...mediaControls(topic, flagsOf(room.media, me)),
    session.me.host ? null : button(t(calling ? "breakout.helpSent" : "breakout.help"), { key: "help", name: "hand", disabled: calling, onclick: help }),
    button(t("breakout.toMain"), { key: "main", name: "back", onclick: () => act("breakout.main", { session: id }) }),
  ];
}
