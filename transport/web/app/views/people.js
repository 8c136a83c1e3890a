/** The People tab: who is here, who wants to join the stage, and what a host may do about each. */

import { act, openDialog } from "../actions.js";
import { t } from "../i18n/index.js";
import { morePeople, refreshPeople } from "../rooms/session.js";
import { roomsOpen } from "../state/breakout.js";
import { flagsOf } from "../state/media.js";
import { getState } from "../store.js";
import { AskText, Confirm } from "../ui/dialog.js";
import { Component, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Avatar, Menu, badge, button, empty, iconButton } from "../ui/parts.js";
import { VirtualList } from "../ui/virtual.js";
import { RequestChat } from "./meetingdialogs.js";

const ROW = 54;

/** Rows of the list: titles of groups between people. */
export function grouped(people, session, search) {
  if (search) return people.map((person) => ({ person }));
  const { breakout, me } = session;
  if (roomsOpen(session) && (me.room !== null || me.moderator)) return byRoom(people, session);
  const groups = [["hosts", (one) => one.host], ["onScreen", (one) => !one.host && one.on_screen], ["audience", (one) => !one.host && !one.on_screen]];
  return groups.flatMap(([name, belongs]) => withTitle(t(`people.${name}`), name, people.filter(belongs)));
}

function byRoom(people, session) {
  const { breakout, me } = session;
  const main = withTitle(t("people.mainCall"), "main", people.filter((one) => one.room === null));
  const shown = breakout.rooms.filter((room) => me.moderator || room.id === me.room);
  const rooms = shown.flatMap((room) => withTitle(room.name, `room-${room.id}`, people.filter((one) => one.room === room.id)));
  return me.room === null ? [...main, ...rooms] : [...rooms, ...main];
}

function withTitle(title, key, people) {
  return people.length === 0 ? [] : [{ title: `${title} · ${people.length}`, key }, ...people.map((person) => ({ person }))];
}

/** Props: session (topic state), id, me. */
export class PeopleTab extends Component {
  constructor(props) {
    super(props);
    this.words = "";
    this.found = null;
  }

  async search(words) {
    this.words = words.trim();
    this.found = null;
    this.refresh();
    if (!this.words || this.props.session.people.complete) return;
    const asked = this.words;
    const answer = await refreshPeople(this.props.id, asked);
    if (answer && asked === this.words) {
      this.found = answer.people;
      this.refresh();
    }
  }

  listed() {
    const { people } = this.props.session.people;
    if (!this.words) return people;
    if (this.found) return this.found;
    const words = this.words.toLocaleLowerCase();
    return people.filter((person) => person.name.toLocaleLowerCase().includes(words));
  }

  view({ session, id, me }) {
    const items = grouped(this.listed(), session, this.words !== "");
    const { counts } = session.people;
    return h("div", { class: "panel-column" },
      h("div", null,
        session.me.host ? h(Queue, { stage: session.stage, id }) : null,
        h("div", { class: "panel-tools" },
          h("p", { class: "muted small" }, t("people.count", { n: counts.present })),
          h("input", { type: "search", "aria-label": t("people.search"), placeholder: t("people.search"), oninput: (event) => this.search(event.target.value) }))),
      h("div", { class: "list-wrap" },
        h(VirtualList, {
          items, keyOf: (item) => item.key ?? item.person.id, estimate: ROW, label: t("people.label"),
          row: (item) => (item.title ? h("h3", { class: "group-title" }, item.title) : h(PersonRow, { person: item.person, session, id, me })),
          onEnd: (atEnd) => atEnd && !this.words && session.people.next && morePeople(id),
          emptyView: empty("people", this.words ? t("people.notFound") : t("people.none")),
        })));
  }
}

function PersonRow({ person, session, id, me }) {
  const flags = flagsOf(session.media, person.id);
  const shown = (person.host || person.on_screen) && person.room === null;
  return h("div", { class: "person" },
    h(Avatar, { id: person.id, name: person.name }),
    h("div", { class: "grow" },
      h("p", { class: "name" }, person.name, person.id === me ? ` ${t("people.you")}` : ""),
      h("p", { class: "state" }, person.host ? badge(t("people.host"), "good") : null, person.on_screen && !person.host ? badge(t("people.onScreen"), "info") : null, !person.host && person.role !== "participant" ? t(`role.${person.role}`) : null)),
    h("div", { class: "devices" },
      shown ? [icon(flags.mic ? "mic" : "mic-off", 17), icon(flags.camera ? "camera" : "camera-off", 17), h("span", { class: "sr-only" }, t(flags.mic ? "people.micOn" : "people.micOff"), ", ", t(flags.camera ? "people.cameraOn" : "people.cameraOff"))] : null,
      menuOf(person, session, id, me)));
}

function menuOf(person, session, id, me) {
  if (person.id === me) return null;
  const items = [...chatItems(person), ...(session.me.moderator ? personItems(person, flagsOf(session.media, person.id), session, id) : [])];
  return items.length > 0 ? h(Menu, { label: t("app.moreFor", { title: person.name }), items }) : null;
}

const SIDES = { employee: "participant", participant: "employee" };

/** A 1-1 chat is between a participant and an employee; hosts are shown as such, and are employees. */
function chatItems(person) {
  const side = person.role === "host" ? "employee" : person.role;
  if (SIDES[getState().person.role] !== side) return [];
  return [{ label: t("one.ask"), name: "chat", run: () => openDialog(RequestChat, { to: person.id, name: person.name }) }];
}

/** What a host may do about somebody; an organizer the same, but for the stage (rule 10). */
export function personItems(person, flags, session, id) {
  const about = { session: id, person: person.id };
  const items = [];
  const shown = (person.host || person.on_screen) && person.room === null;
  const invited = session.stage.invites.some((invite) => invite.person === person.id);
  const { host } = session.me;
  if (host && !person.host && !person.on_screen && person.room === null && !invited) items.push({ label: t("host.invite"), name: "hand", run: () => act("stage.invite", about) });
  if (shown) items.push(...mediaItems(flags, about));
  if (host && person.on_screen && !person.host) items.push({ label: t("host.removeFromStage"), name: "close", run: () => act("stage.remove", about) });
  items.push(...roomItems(person, session, about));
  if (!person.host) {
    items.push({ label: t("host.kick"), name: "leave", danger: true, run: () => askKick(person, about) });
    items.push({ label: t("host.ban"), name: "lock", danger: true, run: () => askBan(person, about) });
  }
  return items;
}

function mediaItems(flags, about) {
  const blocked = (source) => flags.blocked.includes(source);
  const item = (source, name) => blocked(source)
    ? { label: t(`host.unblock.${source}`), name, run: () => act("media.unblock", { ...about, [source]: true }) }
    : { label: t(`host.block.${source}`), name: `${name}-off`, run: () => act("media.block", { ...about, [source]: true }) };
  const items = [item("mic", "mic"), item("camera", "camera")];
  if (flags.screen || blocked("screen")) {
    items.push(blocked("screen")
      ? { label: t("host.unblock.screen"), name: "screen", run: () => act("media.unblock", { ...about, screen: true }) }
      : { label: t("host.block.screen"), name: "stop", run: () => act("media.block", { ...about, screen: true }) });
  }
  return items;
}

function roomItems(person, state, { session }) {
  if (!roomsOpen(state)) return [];
  const move = (room) => act("breakout.move", { session, person: person.id, room });
  const rooms = state.breakout.rooms.filter((room) => room.id !== person.room);
  const items = rooms.map((room) => ({ label: t("breakout.moveTo", { room: room.name }), name: "forward", run: () => move(room.id) }));
  return person.room === null ? items : [{ label: t("breakout.moveToMain"), name: "back", run: () => move(null) }, ...items];
}

function askKick(person, about) {
  openDialog(AskText, { title: t("host.kickTitle", { name: person.name }), label: t("host.kickMessage"), required: false, yes: t("host.kick"), onText: (message) => act("people.kick", { ...about, ...(message ? { message } : {}) }) });
}

function askBan(person, about) {
  openDialog(Confirm, { title: t("host.banTitle", { name: person.name }), text: t("host.banText"), yes: t("host.ban"), danger: true, onYes: () => act("people.ban", about) });
}

/** Requests to join, first come first shown; any host decides. */
function Queue({ stage, id }) {
  if (stage.request_count === 0) return h("div", { hidden: true });
  const decline = (request) => openDialog(AskText, { title: t("host.declineTitle", { name: request.name }), label: t("host.declineMessage"), required: false, yes: t("host.decline"), onText: (message) => act("stage.decline", { session: id, person: request.person, ...(message ? { message } : {}) }) });
  return h("section", { class: "queue", "aria-labelledby": "queue-title" },
    h("h3", { id: "queue-title" }, t("host.requests", { n: stage.request_count })),
    ...stage.requests.slice(0, 20).map((request) => h("div", { key: request.person, class: "queue-item" },
      h(Avatar, { id: request.person, name: request.name, size: "small" }),
      h("div", { class: "grow" }, h("p", { class: "name" }, request.name), h("p", { class: "state row" }, icon(request.mic ? "mic" : "mic-off", 15), icon(request.camera ? "camera" : "camera-off", 15))),
      h("div", { class: "row" },
        button(t("host.accept"), { kind: "primary small", "aria-label": t("host.acceptName", { name: request.name }), onclick: () => act("stage.accept", { session: id, person: request.person }) }),
        iconButton(t("host.declineName", { name: request.name }), "close", { onclick: () => decline(request) })))));
}
