/** Being in a session: joining, the way back after a drop, the people list when it is too long for events. */

import { act, announce, call, errorText, go, serverNow, theConnection, toast } from "../actions.js";
import { t } from "../i18n/index.js";
import { dispatch, getState } from "../store.js";
import { flagsOf } from "../state/media.js";
import { pastOf } from "../state/past.js";
import { withListed, withPage } from "../state/people.js";

/** Milliseconds the server has to tell of a room by itself. */
const ROOM_WAIT = 800;
/** Milliseconds in which several words about one change come. */
const LOOK_AGAIN = 150;
/** So many messages and questions of a session that is over are read at first. */
const MESSAGES = 50;
const QUESTIONS = 500;
/** States after which nothing is said any more. */
export const OVER = new Set(["ended", "cancelled"]);
let doors = null;
let looking = null;
/** The room that the viewer was last told to be in. */
let told = null;

function topicOf(id) {
  return `session/${id}`;
}

function keep(id, change) {
  const before = getState().data[topicOf(id)] ?? {};
  dispatch({ type: "data", name: topicOf(id), value: { ...before, ...change } });
}

/** Look at a session and go in, if that is allowed now. */
export async function enterSession(id) {
  keep(id, { problem: null, left: false, shut: false });
  try {
    const about = await call("session.get", { session: id });
    keep(id, about);
    loadCompany(about.session.company);
    await (OVER.has(about.session.state) ? readPast(id, about) : joinSession(id));
  } catch (error) {
    keep(id, { problem: { reason: error.reason, text: errorText(error), data: error.data } });
  }
}

/** What was said stays readable to those who may (rule 8); the others see that it is over. */
async function readPast(id, about) {
  const topic = topicOf(id);
  try {
    const [chat, qa] = await Promise.all([call("chat.history", { topic, limit: MESSAGES }), call("qa.list", { session: id, limit: QUESTIONS })]);
    dispatch({ type: "event", event: { topic, type: "snapshot", data: pastOf(about, chat, qa) } });
  } catch {
    keep(id, { shut: true });
  }
}

async function loadCompany(company) {
  if (!company || getState().topics[`company/${company}`]) return;
  await act("company.get", { company }, { quiet: ["not_found"] });
}

/** Go in; a refusal is kept for the page to show, and doors that open later are waited for. */
export async function joinSession(id) {
  clearTimeout(doors);
  try {
    await call("session.join", { session: id });
    keep(id, { problem: null, left: false });
  } catch (error) {
    keep(id, { problem: { reason: error.reason, text: errorText(error), data: error.data } });
    const opens = Date.parse(error.data?.opens_at ?? "");
    if (opens) doors = setTimeout(() => joinIfStillHere(id), Math.max(500, Math.min(opens - serverNow() + 200, 2 ** 31 - 1)));
  }
}

function joinIfStillHere(id) {
  const { route } = getState();
  if (route.page === "session" && route.id === id) joinSession(id);
}

/** Leave without ending anything; `next` is the page that follows. */
export function leaveSession(id) {
  clearTimeout(doors);
  told = null;
  const topic = topicOf(id);
  const state = getState();
  const known = state.topics[topic];
  if (!known) return;
  if (!OVER.has(known.session.state) && known.client?.removed === undefined) {
    call("session.leave", { session: id }, { retry: false }).catch(() => {});
  }
  const rooms = Object.keys(state.topics).filter((name) => name.startsWith(`room/${id}.`));
  for (const name of [topic, ...rooms, `company/${known.session.company}`]) {
    theConnection().forget(name);
    dispatch({ type: "forget", topic: name });
  }
}

/** Back after a drop: what was not resumed is joined anew. */
export async function sessionConnected(id, recovered) {
  const topic = topicOf(id);
  const known = getState().topics[topic];
  if (!known) return enterSession(id);
  if (OVER.has(known.session.state)) return undefined;
  if (!recovered[topic]) await joinSession(id);
  const room = getState().topics[topic]?.me.room;
  const missing = room && !recovered[roomTopic(id, room)];
  if (missing) await act("breakout.room", { session: id, room }, { quiet: ["not_found", "wrong_state"] });
  return refreshPeople(id);
}

/** Ask for the list of people again. */
export async function refreshPeople(id, query = "") {
  try {
    const answer = await call("people.list", { session: id, limit: 200, ...(query ? { query } : {}) }, { retry: false });
    if (query) return answer;
    dispatch({ type: "topic", topic: topicOf(id), change: (session) => ({ ...session, people: withListed(session.people, answer) }) });
    return answer;
  } catch {
    return null; // the next change of people asks again
  }
}

/** Ask for the people after those listed. */
export async function morePeople(id) {
  const people = getState().topics[topicOf(id)]?.people;
  if (!people?.next || people.loading) return;
  mark(id, { loading: true });
  try {
    const answer = await call("people.list", { session: id, limit: 200, after: people.next });
    dispatch({ type: "topic", topic: topicOf(id), change: (session) => ({ ...session, people: withPage(session.people, answer) }) });
  } catch (error) {
    toast(errorText(error), "bad");
  }
  mark(id, { loading: false });
}

function mark(id, change) {
  dispatch({ type: "topic", topic: topicOf(id), change: (session) => ({ ...session, people: { ...session.people, ...change } }) });
}

let asking = null;

/** Follow up on events that leave questions open. */
export function sessionEvent(id, event) {
  if (!getState().topics[topicOf(id)] && concerns(event, id)) lookAgain(id);
  tellRoom(id);
  if (event.topic !== topicOf(id)) return;
  const people = getState().topics[event.topic]?.people;
  if (event.type === "people.changed" && people?.stale && !asking) {
    asking = setTimeout(() => {
      asking = null;
      refreshPeople(id);
    }, 1000);
  }
  TELL[event.type]?.(event.data, getState(), getState().topics[event.topic]);
  if (["breakout.opened", "breakout.moved", "breakout.closed", "snapshot"].includes(event.type)) {
    forgetRooms(id);
    ensureRoom(id);
  }
}

/** Whether a session that one is not in has changed, or what one may do there. */
function concerns({ topic, type, data }, id) {
  return topic === "me" ? data.data?.session === id : type === "program.changed" && data.session.id === id;
}

/** Whoever waits outside is let in to what they now may do. */
function lookAgain(id) {
  clearTimeout(looking);
  looking = setTimeout(() => {
    const { route, topics } = getState();
    if (route.page === "session" && route.id === id && !topics[topicOf(id)]) enterSession(id);
  }, LOOK_AGAIN);
}

/** Whichever way one came into a room, or back: it is said where one is, and that one may be seen and heard. */
function tellRoom(id) {
  const { person, topics } = getState();
  const session = topics[topicOf(id)];
  if (!session || session.me.room === told) return;
  const room = topics[roomTopic(id, session.me.room)];
  if (session.me.room !== null && !room?.people.some((one) => one.id === person.id)) return;
  told = session.me.room;
  if (told === null) toast(t("breakout.back"));
  else toast(roomText(nameOf(session, room), flagsOf(room.media, person.id)));
}

function roomText(name, { mic, camera }) {
  if (mic && camera) return t("breakout.movedIn", { name });
  return t("breakout.movedAs", { name, mic: t(mic ? "people.micOn" : "people.micOff"), camera: t(camera ? "people.cameraOn" : "people.cameraOff") });
}

/** Which room calls for a host, and who in it. */
export function callText({ help, name }) {
  return t("breakout.callsIn", { name: help.name, room: name });
}

/** A room's name: a new one is told on the session. */
export function nameOf(session, room) {
  return session.breakout?.rooms.find((one) => one.id === room.id)?.name ?? room.name;
}

/** Rooms one is no longer in are let go; the server has ended their events already. */
function forgetRooms(id) {
  const state = getState();
  const session = state.topics[topicOf(id)];
  if (!session) return;
  const kept = session.me.room === null ? null : roomTopic(id, session.me.room);
  for (const name of Object.keys(state.topics)) {
    if (!name.startsWith(`room/${id}.`) || name === kept) continue;
    theConnection().drop(name);
    dispatch({ type: "forget", topic: name });
  }
}

function roomTopic(id, room) {
  return `room/${id}.${room}`;
}

/** Whoever is in a room hears of it by itself; should that fail, it is asked for. */
function ensureRoom(id) {
  setTimeout(() => {
    const { topics, status } = getState();
    const room = topics[topicOf(id)]?.me.room;
    if (status === "online" && room && !topics[roomTopic(id, room)]) act("breakout.room", { session: id, room }, { quiet: ["not_found", "wrong_state", "not_your_room"] });
  }, ROOM_WAIT);
}

const own = (data, state) => data.person === state.person.id;

/** What the viewer is told in words when it happens to them. */
const TELL = {
  "stage.declined": (data, state) => own(data, state) && toast(data.message ? t("stage.declinedWith", { who: data.by_name, message: data.message }) : t("stage.declined", { who: data.by_name })),
  "stage.missed": (data, state) => own(data, state) && toast(t("stage.missed"), "bad"),
  "stage.left": (data, state) => own(data, state) && data.reason === "removed" && toast(t("stage.removed")),
  "stage.entered": (data, state) => own(data, state) && toast(t("stage.entered")),
  "stage.invited": (data, state) => own(data, state) && toast(t("stage.invitedBy", { who: data.by_name })),
  "media.changed": (data, state) => own(data, state) && data.by !== data.person && data.blocked.length > 0 && toast(t("media.blocked")),
  "session.hostless": () => toast(t("session.hostless")),
  "session.started": () => toast(t("session.started")),
  "breakout.help_asked": (data, state, session) => session?.me.moderator && !own({ person: data.by }, state) && announce(callText(session.breakout.rooms.find((room) => room.id === data.room))),
  "breakout.help_answered": (data, _state, session) => session?.me.room === data.room && !session.me.moderator && toast(t("breakout.helpComing")),
  "breakout.broadcast": (data) => toast(t("breakout.told", { text: data.text })),
};

/** Go out of the page; leaving itself follows from the change of page. */
export function walkOut() {
  go("lobby");
}
