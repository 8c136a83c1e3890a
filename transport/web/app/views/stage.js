/** The stage: hosts' video large, shares larger, everybody on screen beside them. */

import { t } from "../i18n/index.js";
import { currentPlace, pictureOf } from "../media/sync.js";
import { flagsOf } from "../state/media.js";
import { Component, classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Avatar, Menu } from "../ui/parts.js";
import { personItems } from "./people.js";

/** Who is shown in the main call: hosts who are here, then those on screen. */
export function shownOnStage(session) {
  const hosts = session.people.people.filter((person) => person.host && person.room === null);
  const known = new Map(session.people.people.map((person) => [person.id, person]));
  const seated = session.stage.seats.filter((seat) => seat.state === "on_screen");
  const others = seated.map((seat) => known.get(seat.person) ?? { id: seat.person, name: seat.name, host: false, on_screen: true, room: null, role: "participant" });
  return [...hosts, ...others.filter((person) => !person.host)];
}

/** A picture is between nearly square and wide; within that it fills what room there is. */
const NARROWEST = 4 / 3;
const WIDEST = 16 / 9;
const GAP = 10;

/** The largest tiles for `count` people in a box, in pixels: `{width, height}`. */
export function tileSize(count, box) {
  let best = { width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const across = (box.width - GAP * (columns - 1)) / columns;
    const down = (box.height - GAP * (rows - 1)) / rows;
    const width = Math.floor(Math.min(across, down * WIDEST));
    const height = Math.floor(Math.min(down, across / NARROWEST));
    if (width * height > best.width * best.height) best = { width, height };
  }
  return best;
}

/** Tiles as large as they fit, in rows that stand in the middle. Props: tiles (nodes). */
class Grid extends Component {
  mounted() {
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.vnode.dom);
    this.fit();
  }

  unmounted() {
    this.observer?.disconnect();
  }

  updated() {
    if (this.count !== this.props.tiles.length) this.fit();
  }

  fit() {
    const { dom } = this.vnode;
    this.count = this.props.tiles.length;
    const { width, height } = tileSize(this.count, { width: dom.clientWidth, height: dom.clientHeight });
    dom.style.setProperty("--tile-width", `${width}px`);
    dom.style.setProperty("--tile-height", `${height}px`);
  }

  view({ tiles }) {
    return h("div", { class: "stage grid" }, ...tiles);
  }
}

/** Tiles of people; with a share, that large and the people in a rail beside it. `pictures` changes as pictures come and go. */
export function Tiles({ people, media, me, speaking = [], menuFor, pictures }) {
  const sharing = people.filter((person) => { const flags = flagsOf(media, person.id); return flags.screen && !flags.blocked.includes("screen"); });
  const tile = (person) => h(Tile, { key: person.id, pictures, person, flags: flagsOf(media, person.id), me, speaking: speaking.includes(person.id), menu: menuFor?.(person) ?? null });
  if (sharing.length === 0) return h(Grid, { key: "grid", tiles: people.map(tile) });
  return h("div", { key: "focus", class: "stage focus" },
    h("div", { class: "stage shares", style: { "--columns": String(sharing.length > 1 ? 2 : 1) } }, ...sharing.map((person) => h(Share, { key: `share-${person.id}`, pictures, person, me }))),
    h("div", { class: "rail", tabindex: 0, role: "region", "aria-label": t("stage.onStage") }, ...people.map(tile)));
}

function Share({ person, me }) {
  const stream = pictureOf(person.id, "screen", me);
  return h("figure", { class: "tile share" },
    stream ? h(Picture, { key: "picture", stream, person: person.id, source: "screen", own: person.id === me, label: t("stage.shareOf", { name: person.name }) }) : h("p", { class: "muted" }, t("stage.shareComing")),
    h("figcaption", { class: "tile-name" }, icon("screen", 16), h("span", null, t("stage.shareOf", { name: person.name }))));
}

function Tile({ person, flags, me, speaking, menu }) {
  const own = person.id === me;
  const cameraOn = flags.camera && !flags.blocked.includes("camera");
  const stream = cameraOn ? pictureOf(person.id, "video", me) : null;
  const mic = flags.mic && !flags.blocked.includes("mic");
  const label = t("stage.tile", { name: person.name, mic: t(mic ? "people.micOn" : "people.micOff"), camera: t(cameraOn ? "people.cameraOn" : "people.cameraOff") });
  return h("figure", { class: classes("tile", own && "mirror", speaking && mic && "speaking"), "data-person": person.id, "aria-label": label, role: "group" },
    stream ? h(Picture, { key: "picture", stream, person: person.id, source: "video", own, label: person.name }) : h(Avatar, { key: "avatar", id: person.id, name: person.name, size: "large" }),
    h("figcaption", { key: "name", class: "tile-name" },
      icon(mic ? "mic" : "mic-off", 16), h("span", null, person.name, own ? ` ${t("people.you")}` : ""), person.host ? h("span", { class: "role" }, t("people.host")) : null),
    menu ? h("div", { key: "tools", class: "tile-tools" }, h(Menu, { label: t("app.moreFor", { title: person.name }), items: menu })) : null);
}

/** A video element that tells the server how large it is shown. */
class Picture extends Component {
  mounted() {
    const element = this.vnode.dom;
    this.observer = new ResizeObserver(() => this.report());
    this.observer.observe(element);
    this.updated();
  }

  updated() {
    const element = this.vnode.dom;
    if (element.paused) element.play().catch(() => {});
    this.report();
  }

  unmounted() {
    this.observer?.disconnect();
    currentPlace()?.viewed(this.props.person, this.props.source, 0);
  }

  report() {
    const { person, source, own } = this.props;
    if (!own) currentPlace()?.viewed(person, source, Math.round(this.vnode.dom.clientHeight * devicePixelRatio));
  }

  view({ stream, label }) {
    return h("video", { autoplay: true, playsinline: true, muted: true, srcObject: stream, "aria-label": label });
  }
}

/** The main call's stage. */
export function Stage({ session, id, me, pictures }) {
  const people = shownOnStage(session);
  if (people.length === 0) {
    return h("div", { class: "waiting" }, h("h2", null, t("stage.empty")), h("p", null, t("stage.emptyHint")));
  }
  const menuFor = session.me.moderator ? (person) => (person.id === me ? null : personItems(person, flagsOf(session.media, person.id), session, id)) : undefined;
  return h(Tiles, { people, pictures, media: session.media, me, speaking: session.client?.speaking ?? [], menuFor });
}
