/**
 * Makes what is sent equal to what the state says: where I am, whether I may be seen there, what I have on.
 *
 * A browser's refusal of a device is reported once and the source put off; it is not tried for ever.
 */

import { act, call, toast } from "../actions.js";
import { hasText, t } from "../i18n/index.js";
import { dispatch, getState, subscribe } from "../store.js";
import { flagsOf } from "../state/media.js";
import { withBackground } from "./background.js";
import { acquire, liveTrack, onDevices, release } from "./devices.js";
import { Place } from "./rtc.js";

let place = null;
let key = null;
let busy = false;
let again = false;
let version = 0;
let sharing = false;

/** What the state wants of the media: `{key, room, publish, flags}` or null when nowhere. */
export function wantedMedia(state) {
  const { page, id } = state.route;
  const me = state.person?.id;
  if (page === "chat") return wantedInChat(state.topics[`chat/${id}`], id, me);
  const session = page === "session" ? state.topics[`session/${id}`] : null;
  if (!session || !session.me || ["ended", "cancelled", "scheduled"].includes(session.session.state)) return null;
  if (session.client?.removed !== undefined) return null;
  const number = session.me.room;
  const room = number === null ? `session/${id}` : `room/${id}.${number}`;
  const topic = state.topics[room];
  if (!topic) return { key: `session/${id}`, room: `session/${id}`, publish: false, flags: flagsOf(null, me) };
  const publish = number !== null || session.me.host || session.me.stage.state === "on_screen";
  return { key: `session/${id}`, room, publish, flags: flagsOf(topic.media, me) };
}

function wantedInChat(chat, id, me) {
  if (!chat || chat.state === "ended") return null;
  return { key: `chat/${id}`, room: `chat/${id}`, publish: true, flags: flagsOf(chat.media, me) };
}

/** The place whose pictures are shown now. */
export function currentPlace() {
  return place;
}

/** Ask for the sound to start, after a click. */
export function unlockSound() {
  place?.unlock();
  dispatch({ type: "data", name: "soundHeld", value: false });
}

function changed() {
  dispatch({ type: "data", name: "media", value: ++version });
}

function openPlace(wanted) {
  place?.close();
  key = wanted?.key ?? null;
  if (!wanted) {
    place = null;
    release("mic");
    release("camera");
    release("screen");
    return;
  }
  place = new Place((method, params) => call(method, params, { retry: false }), changed);
  place.onSilenced = () => dispatch({ type: "data", name: "soundHeld", value: true });
}

async function sync() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    do {
      again = false;
      await syncOnce();
    } while (again);
  } finally {
    busy = false;
  }
}

async function syncOnce() {
  const wanted = wantedMedia(getState());
  if ((wanted?.key ?? null) !== key) openPlace(wanted);
  if (!wanted) return;
  place.moveTo(wanted.room);
  if (early.length > 0) catchUp();
  const { flags } = wanted;
  const on = (source) => wanted.publish && flags[source] && !flags.blocked.includes(source);
  const mic = await track("mic", on("mic"), wanted);
  const camera = await track("camera", on("camera"), wanted);
  const screen = await track("screen", on("screen"), wanted);
  const shown = await picture(camera, flags.background, wanted);
  if (key !== wanted.key || !place) return;
  const before = place.local.video;
  await place.send({ audio: mic, video: shown, screen });
  if (shown !== before) changed();
}

/** The camera with its background; where that fails it is put off, and the camera is sent as it is. */
async function picture(camera, background, wanted) {
  try {
    return await withBackground(camera, background);
  } catch (error) {
    console.warn("greenroom: the background could not be drawn:", error.message);
    toast(t("background.failed"), "bad");
    act("media.set", { topic: wanted.room, background: "none" });
    return camera;
  }
}

async function track(source, on, wanted) {
  if (source === "screen") return screenTrack(on, wanted);
  if (!on) {
    if (!getState().data.previewing) release(source);
    return null;
  }
  try {
    return await acquire(source);
  } catch (error) {
    report(source, error);
    return turnOff(source, wanted);
  }
}

/** A screen that was just chosen waits until everybody has been told of it. */
function screenTrack(on, wanted) {
  if (on) {
    sharing = false;
    return liveTrack("screen") ?? turnOff("screen", wanted);
  }
  if (!sharing) release("screen");
  return null;
}

function turnOff(source, wanted) {
  act("media.set", { topic: wanted.room, [source]: false });
  return null;
}

/** Say why a device could not be used. */
export function report(source, error) {
  const key_ = `device.${error.name}`;
  toast(t(hasText(key_) ? key_ : "device.failed", { source: t(`device.${source}`) }), "bad");
}

/** Signals that came before the place was known here: the server does not wait for that. */
const early = [];
const EARLY = 16;

function signalled({ topic, type, data }) {
  if (place && isHere(topic)) place.handle(type, data);
  else if (type !== "rtc.speaking") early.splice(0, Math.max(0, early.push({ topic, type, data }) - EARLY));
}

/** A session and its breakout rooms are one place. */
function isHere(topic) {
  return topic === key || (key !== null && topic.startsWith(`${key.replace("session/", "room/")}.`));
}

function catchUp() {
  const waiting = early.splice(0);
  for (const event of waiting) signalled(event);
}

/** The wire is back and the page is in its room again. */
export function resumeMedia() {
  place?.resumed();
}

/** Begin to follow the state; once. */
export function watchMedia() {
  subscribe((state, action) => {
    if (action.type === "event" && action.event.type.startsWith("rtc.")) {
      signalled(action.event);
      return;
    }
    if (action.type === "status" && action.status === "reconnecting") place?.lost();
    if (["event", "route", "forget", "topic"].includes(action.type)) sync();
  });
  onDevices((source) => {
    if (source === "screen" && !liveTrack("screen")) screenEnded();
    if (source !== "list") {
      changed();
      sync();
    }
  });
}

/** The browser's own "stop sharing" was used. */
function screenEnded() {
  const wanted = wantedMedia(getState());
  if (wanted?.flags.screen) turnOff("screen", wanted);
}

/** Share a screen: the browser asks which, then everybody is told. */
export async function shareScreen(topic) {
  sharing = true;
  try {
    await acquire("screen");
  } catch (error) {
    sharing = false;
    if (error.name !== "NotAllowedError") report("screen", error);
    return;
  }
  const answer = await act("media.set", { topic, screen: true });
  if (answer) return;
  sharing = false;
  release("screen");
}

/** The pictures of a person: my own come from this device. */
export function pictureOf(person, source, me) {
  if (person !== me) return place?.streamOf(person, source) ?? null;
  const track_ = source === "screen" ? liveTrack("screen") : place?.local.video;
  return track_ ? streamFor(track_) : null;
}

const own = new WeakMap();

function streamFor(track_) {
  if (!own.has(track_)) own.set(track_, new MediaStream([track_]));
  return own.get(track_);
}
