/** Opening breakout rooms: random, by hand (dragging, or a list beside each name), again as before, or self-chosen. */

import { act, announce } from "../actions.js";
import { t } from "../i18n/index.js";
import { Dialog } from "../ui/dialog.js";
import { Component, classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { button, field } from "../ui/parts.js";

const MOST = 50;
const WAYS = ["random", "manual", "list", "self"];

/** The groups a written list names: one line a room, names or ids between commas. Unknown names are told. */
export function readGroups(text, people) {
  const byName = new Map(people.flatMap((person) => [[person.id.toLowerCase(), person.id], [person.name.toLowerCase(), person.id]]));
  const lines = text.split("\n").map((line) => line.split(",").map((name) => name.trim()).filter(Boolean)).filter((names) => names.length > 0);
  const groups = lines.map((names) => names.map((name) => byName.get(name.toLowerCase()) ?? name));
  const unknown = lines.flat().filter((name) => !byName.has(name.toLowerCase()));
  return { groups, unknown };
}

export class OpenRooms extends Component {
  constructor(props) {
    super(props);
    this.assign = "random";
    this.count = 2;
    this.minutes = "";
    this.late = "main";
    this.placed = {};
    this.list = "";
    this.over = null;
  }

  set(change) {
    Object.assign(this, change);
    this.refresh();
  }

  /** While it is being written the number may be empty, or too large for a moment. */
  typed({ target }) {
    const count = Math.trunc(Number(target.value));
    if (count >= 1 && count <= MOST) this.set({ count });
  }

  settle({ target }) {
    this.set({ count: Math.min(MOST, Math.max(1, Math.trunc(Number(target.value)) || this.count)) });
    target.value = String(this.count);
  }

  people() {
    const { state, id } = this.props;
    return state.topics[`session/${id}`].people.people.filter((person) => !person.host);
  }

  async open(event) {
    event.preventDefault();
    const { id, onClose } = this.props;
    const params = { session: id, rooms: this.count, assign: this.assign, late: this.late };
    if (this.minutes) params.minutes = Number(this.minutes);
    if (this.assign === "manual") params.groups = this.placedGroups();
    if (this.assign === "list") {
      const { groups } = readGroups(this.list, this.people());
      params.groups = groups;
      delete params.rooms;
    }
    if (await act("breakout.open", params)) onClose();
  }

  async openAgain() {
    const { id, onClose } = this.props;
    if (await act("breakout.open", { session: id, assign: "again", late: this.late })) onClose();
  }

  placedGroups() {
    const groups = Array.from({ length: this.count }, () => []);
    for (const [person, room] of Object.entries(this.placed)) groups[room - 1]?.push(person);
    return groups;
  }

  place(person, room) {
    this.set({ placed: { ...this.placed, [person]: room }, over: null });
  }

  /** Chosen in the list beside a name: the name moves to its room, and the focus with it. */
  choose(person, room) {
    this.place(person.id, room);
    document.getElementById(`room-of-${person.id}`)?.focus();
    announce(`${person.name}: ${room === 0 ? t("people.mainCall") : t("breakout.room", { number: room })}`);
  }

  view({ state, id, onClose }) {
    const before = state.topics[`session/${id}`].breakout;
    return h(Dialog, { title: t("breakout.open"), onClose, size: this.assign === "manual" ? "large" : "medium" },
      h("form", { onsubmit: (event) => this.open(event) },
        h("fieldset", { class: "stack" }, h("legend", { class: "legend" }, t("breakout.assign")),
          h("div", { class: "choices" }, ...WAYS.map((way) => h("button", { type: "button", class: "choice", "aria-pressed": String(way === this.assign), onclick: () => this.set({ assign: way }) }, t(`breakout.way.${way}`)))),
          h("p", { class: "hint" }, t(`breakout.hint.${this.assign}`))),
        this.assign === "list" ? this.listField() : field("rooms-count", t("breakout.count"), h("input", { id: "rooms-count", type: "number", min: 1, max: MOST, required: true, defaultValue: String(this.count), oninput: (event) => this.typed(event), onchange: (event) => this.settle(event) }), this.sizes()),
        this.assign === "manual" ? this.bins() : null,
        h("div", { class: "row" },
          field("rooms-minutes", t("breakout.minutes"), h("input", { id: "rooms-minutes", type: "number", min: 1, max: 240, oninput: (event) => this.set({ minutes: event.target.value }) }), t("breakout.minutesHint")),
          field("rooms-late", t("breakout.late"), h("select", { id: "rooms-late", onchange: (event) => this.set({ late: event.target.value }) }, h("option", { value: "main" }, t("breakout.lateMain")), h("option", { value: "smallest" }, t("breakout.lateSmallest"))))),
        h("div", { class: "dialog-actions" },
          before?.state === "closed" ? button(t("breakout.again"), { onclick: () => this.openAgain() }) : null,
          button(t("app.cancel"), { onclick: onClose }),
          button(t("breakout.openNow"), { kind: "primary", type: "submit" }))));
  }

  sizes() {
    if (this.assign !== "random") return null;
    const people = this.people().length;
    return t("breakout.sizes", { people, from: Math.floor(people / this.count), to: Math.ceil(people / this.count) });
  }

  listField() {
    const { unknown } = readGroups(this.list, this.people());
    return h("div", { class: "field" },
      h("label", { for: "rooms-list" }, t("breakout.list")),
      h("textarea", { id: "rooms-list", rows: 5, required: true, oninput: (event) => this.set({ list: event.target.value }) }),
      unknown.length ? h("p", { class: "hint" }, t("breakout.unknown", { names: unknown.join(", ") })) : null);
  }

  bins() {
    const rooms = Array.from({ length: this.count }, (_, at) => at + 1);
    const people = this.people();
    const inRoom = (room) => people.filter((person) => (this.placed[person.id] ?? 0) === room);
    return h("div", { class: "assign" }, this.bin(0, t("people.mainCall"), inRoom(0), rooms), ...rooms.map((room) => this.bin(room, t("breakout.room", { number: room }), inRoom(room), rooms)));
  }

  bin(room, title, people, rooms) {
    const drop = (event) => {
      event.preventDefault();
      this.place(event.dataTransfer.getData("text/plain"), room);
    };
    const over = (event) => {
      event.preventDefault();
      if (this.over !== room) this.set({ over: room });
    };
    return h("section", { key: room, class: classes("bin", this.over === room && "over"), "aria-label": title, ondragover: over, ondrop: drop },
      h("h3", null, `${title} · ${people.length}`),
      ...people.map((person) => this.chip(person, room, rooms)));
  }

  chip(person, room, rooms) {
    const drag = (event) => event.dataTransfer.setData("text/plain", person.id);
    return h("div", { key: person.id, class: "chip", draggable: "true", ondragstart: drag },
      icon("grip", 16),
      h("span", { class: "grow" }, person.name),
      h("select", { id: `room-of-${person.id}`, "aria-label": t("breakout.roomFor", { name: person.name }), onchange: (event) => this.choose(person, Number(event.target.value)) },
        h("option", { value: 0, selected: room === 0 }, t("people.mainCall")),
        ...rooms.map((number) => h("option", { value: number, selected: room === number }, t("breakout.room", { number })))));
  }
}
