/** Watching breakout rooms: who is where, calls for help, broadcast, time, close; and choosing a room oneself. */

import { act, openDialog } from "../actions.js";
import { countdown, t } from "../i18n/index.js";
import { callText } from "../rooms/session.js";
import { roomsOpen } from "../state/breakout.js";
import { AskText, Confirm, Dialog } from "../ui/dialog.js";
import { classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Menu, badge, button } from "../ui/parts.js";
import { Ticker, nameIn } from "./frame.js";

const CLOSING = 30;
const EXTEND = 5;
/** So many calls for help are shown on the stage; the others are in the view of all rooms. */
const CALLS = 3;

/** The host's view of all rooms. */
export function RoomsDialog({ state, id, onClose }) {
  const session = state.topics[`session/${id}`];
  const breakout = session?.breakout;
  if (!breakout || !roomsOpen(session)) {
    return h(Dialog, { title: t("breakout.watch"), onClose }, h("p", null, t("breakout.allClosed")));
  }
  return h(Dialog, { title: t("breakout.watch"), onClose, size: "large" },
    h("div", { class: "row spread" }, timeLeft(breakout), h("div", { class: "row" }, ...roomsTools(id, breakout))),
    h("div", { class: "assign" }, ...breakout.rooms.map((room) => roomCard(room, session, id, onClose))));
}

function timeLeft(breakout) {
  if (!breakout.ends_at) return h("p", { class: "muted" }, t("breakout.noEnd"));
  return h(Ticker, { deadline: breakout.ends_at, every: 1000, draw: (left) => h("p", { class: "row" }, icon("clock", 18), t(breakout.state === "closing" ? "breakout.closingIn" : "breakout.endsIn", { time: countdown(left) })) });
}

function roomsTools(id, breakout) {
  const broadcast = () => openDialog(AskText, { title: t("breakout.broadcast"), label: t("breakout.broadcastLabel"), multiline: true, yes: t("chat.send"), onText: (text) => act("breakout.broadcast", { session: id, text }) });
  const close = () => openDialog(Confirm, { title: t("breakout.closeTitle"), text: t("breakout.closeText", { seconds: CLOSING }), yes: t("breakout.close"), danger: true, onYes: () => act("breakout.close", { session: id, countdown: CLOSING }) });
  return [
    button(t("breakout.broadcast"), { key: "tell", name: "megaphone", onclick: broadcast }),
    breakout.ends_at ? button(t("breakout.extend", { minutes: EXTEND }), { key: "extend", name: "clock", onclick: () => act("breakout.extend", { session: id, minutes: EXTEND }) }) : null,
    breakout.state === "closing"
      ? button(t("breakout.closeNow"), { key: "close", kind: "danger", onclick: () => act("breakout.close", { session: id, countdown: 0 }) })
      : button(t("breakout.close"), { key: "close", kind: "danger", onclick: close }),
  ];
}

function roomCard(room, session, id, onClose) {
  const enter = async (method) => {
    if (await act(method, { session: id, room: room.id })) onClose();
  };
  const rename = () => openDialog(AskText, { title: t("breakout.rename"), label: t("breakout.name"), initial: room.name, limit: 200, yes: t("app.save"), onText: (name) => act("breakout.rename", { session: id, room: room.id, name }) });
  return h("section", { key: room.id, class: classes("room-card", room.help && "help"), "aria-label": room.name },
    h("div", { class: "row spread" }, h("h3", null, room.name), h(Menu, { label: t("app.moreFor", { title: room.name }), items: [{ label: t("breakout.rename"), name: "edit", run: rename }] })),
    room.help ? h("div", { class: "row spread" }, badge(t("breakout.calls", { name: room.help.name }), "warn"), button(t("breakout.answerHelp"), { kind: "primary small", onclick: () => enter("breakout.answer") })) : null,
    h("p", { class: "muted small" }, t("breakout.here", { n: room.here.length })),
    h("ul", null, ...room.here.map((person) => h("li", { key: person, class: "row spread" }, nameIn(session, person), personMenu(person, room, session, id)))),
    button(t("breakout.enter"), { kind: "small", onclick: () => enter("breakout.enter") }));
}

function personMenu(person, room, session, id) {
  const move = (to) => act("breakout.move", { session: id, person, room: to });
  const others = session.breakout.rooms.filter((other) => other.id !== room.id);
  const items = [{ label: t("breakout.moveToMain"), name: "back", run: () => move(null) }, ...others.map((other) => ({ label: t("breakout.moveTo", { room: other.name }), name: "forward", run: () => move(other.id) }))];
  return h(Menu, { label: t("breakout.moveName", { name: nameIn(session, person) }), items });
}

/** Which rooms call for a host, for those who may go there. */
export function callNotes(session, id) {
  if (!roomsOpen(session) || !session.me.moderator) return [];
  return session.breakout.rooms.filter((room) => room.help).slice(0, CALLS).map((room) =>
    h("div", { key: `help-${room.id}`, class: "note go" }, icon("hand"), h("span", { class: "grow" }, callText(room)),
      button(t("breakout.enterName", { room: room.name }), { kind: "primary small", onclick: () => act("breakout.answer", { session: id, room: room.id }) })));
}

/** What somebody in the main call may do: go to their room, or choose one. */
export function RoomsNote({ session, id }) {
  const { breakout, me } = session;
  if (!roomsOpen(session) || me.room !== null) return h("div", { hidden: true });
  const own = breakout.rooms.find((room) => room.id === breakout.you?.assigned);
  const choose = breakout.assign === "self" && !own && !me.host;
  if (!own && !choose) return h("div", { hidden: true });
  const enter = (room) => act("breakout.enter", { session: id, room });
  return h("div", { class: "note go", role: "status" }, icon("rooms"),
    h("span", { class: "grow" }, own ? t("breakout.yourRoom", { room: own.name }) : t("breakout.choose")),
    own ? button(t("breakout.enterName", { room: own.name }), { kind: "primary small", onclick: () => enter(own.id) })
      : h("div", { class: "row" }, ...breakout.rooms.map((room) => button(`${room.name} · ${room.here.length}`, { key: room.id, kind: "small", onclick: () => enter(room.id) }))));
}
