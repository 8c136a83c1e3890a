/** What events make of the breakout rooms, as the session tells of them, and of one room. Pure. */

import { OFF } from "./media.js";
import { changePeople } from "./people.js";
import { NONE, silenced } from "./stage.js";

/** Whether there are rooms to be in now. */
export function roomsOpen(session) {
  return Boolean(session.breakout) && session.breakout.state !== "closed";
}

function without(list, gone) {
  return list.filter((item) => !gone.has(item.person));
}

/** People go into rooms: off the stage, and everything off in the main call. */
function intoRooms(session, rooms, me) {
  const gone = new Set(Object.keys(rooms));
  const { stage } = session;
  const requests = without(stage.requests, gone);
  const next = {
    ...session,
    people: changePeople(session.people, gone, (person) => ({ ...person, room: rooms[person.id], on_screen: person.host && person.on_screen })),
    media: silenced(session.media, gone),
    stage: { ...stage, requests, request_count: stage.request_count - (stage.requests.length - requests.length), seats: without(stage.seats, gone), invites: without(stage.invites, gone) },
  };
  return gone.has(me) ? { ...next, me: { ...next.me, room: rooms[me], stage: NONE } } : next;
}

/** People are back in the main call, with what is on again there. */
function intoMain(session, back, media, me) {
  const flags = { ...session.media.people };
  for (const [person, kept] of Object.entries(media)) flags[person] = { ...(flags[person] ?? OFF), ...kept };
  const next = {
    ...session,
    people: changePeople(session.people, back, (person) => ({ ...person, room: null })),
    media: { ...session.media, people: flags },
  };
  return back.includes(me) ? { ...next, me: { ...next.me, room: null } } : next;
}

function opened(session, data, { me, at }) {
  const { assigned, moved, by: _by, ...about } = data;
  const here = new Set(moved);
  const rooms = data.rooms.map((room) => {
    const people = Object.keys(assigned).filter((person) => assigned[person] === room.id);
    return { ...room, assigned: people, here: people.filter((person) => here.has(person)), help: null };
  });
  const you = { assigned: assigned[me] ?? null, room: here.has(me) ? assigned[me] : null };
  const breakout = { ...about, state: "open", opened_at: at, closing: null, rooms, you };
  const places = Object.fromEntries(moved.map((person) => [person, assigned[person]]));
  return { ...intoRooms(session, places, me), breakout };
}

function moved(session, data, { me }) {
  const { person, room: to } = data;
  const rooms = session.breakout.rooms.map((room) => ({
    ...room,
    here: with_(room.here, person, room.id === to),
    assigned: with_(room.assigned, person, room.id === data.assigned),
  }));
  const you = person === me ? { assigned: data.assigned, room: to } : session.breakout.you;
  const base = to === null ? intoMain(session, [person], data.media ? { [person]: data.media } : {}, me) : intoRooms(session, { [person]: to }, me);
  return { ...base, breakout: { ...session.breakout, rooms, you } };
}

function with_(list, person, belongs) {
  const others = list.filter((id) => id !== person);
  return belongs ? [...others, person] : others;
}

function changeRoom(session, id, change) {
  const rooms = session.breakout.rooms.map((room) => (room.id === id ? { ...room, ...change } : room));
  return { ...session, breakout: { ...session.breakout, rooms } };
}

function closed(session, data, { me }) {
  const back = new Set(data.moved);
  const rooms = session.breakout.rooms.map((room) => ({ ...room, here: room.here.filter((id) => !back.has(id)), help: null }));
  const breakout = { ...session.breakout, state: "closed", closing: null, rooms, you: { assigned: session.breakout.you.assigned, room: null } };
  const client = { ...session.client, broadcast: null };
  return { ...intoMain(session, data.moved, data.media ?? {}, me), breakout, client };
}

function timed(session, data) {
  return { ...session, breakout: { ...session.breakout, state: "open", closing: null, ends_at: data.ends_at } };
}

function closing(session, { ends_at, seconds }) {
  return { ...session, breakout: { ...session.breakout, state: "closing", ends_at, closing: { ends_at, seconds } } };
}

export const breakoutEvents = {
  "breakout.opened": opened,
  "breakout.moved": moved,
  "breakout.renamed": (session, data) => changeRoom(session, data.room, { name: data.name }),
  "breakout.broadcast": (session, data, { at }) => ({ ...session, client: { ...session.client, broadcast: { ...data, at } } }),
  "breakout.help_asked": (session, data, { at }) => changeRoom(session, data.room, { help: { by: data.by, name: data.by_name, at } }),
  "breakout.help_answered": (session, data) => changeRoom(session, data.room, { help: null }),
  "breakout.timed": timed,
  "breakout.closing": closing,
  "breakout.closed": closed,
};

function entered(room, data) {
  const { person, mic, camera } = data;
  const others = room.people.filter((one) => one.id !== person.id);
  const flags = { ...(room.media.people[person.id] ?? OFF), mic, camera, screen: false };
  return { ...room, people: [...others, person], media: { ...room.media, people: { ...room.media.people, [person.id]: flags } } };
}

function leftRoom(room, data) {
  return { ...room, people: room.people.filter((one) => one.id !== data.person), media: silenced(room.media, [data.person]) };
}

export const roomEvents = { "room.entered": entered, "room.left": leftRoom };
