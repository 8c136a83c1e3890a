/** What events make of the breakout rooms as the session tells of them. Pure. */

import { OFF } from "./media.js";
import { changePeople } from "./people.js";
import { NONE } from "./stage.js";

function roomId(number) {
  return number === null ? null : String(number);
}

function moveMe(session, room) {
  if (room === null) return { ...session, me: { ...session.me, room: null } };
  return { ...session, me: { ...session.me, room: roomId(room), stage: NONE } };
}

function toRooms(session, moved) {
  const ids = Object.keys(moved);
  const people = changePeople(session.people, ids, (person) => ({ ...person, room: roomId(moved[person.id]), on_screen: person.host && person.on_screen }));
  const staying = (list) => list.filter((item) => !(item.person in moved));
  const { stage } = session;
  const requests = staying(stage.requests);
  const count = stage.request_count - (stage.requests.length - requests.length);
  return { ...session, people, stage: { ...stage, requests, request_count: count, seats: staying(stage.seats), invites: staying(stage.invites) } };
}

function opened(session, data, { me, at }) {
  const rooms = data.rooms.map((room) => ({
    ...room,
    assigned: Object.keys(data.assigned).filter((person) => data.assigned[person] === room.number),
    here: Object.keys(data.moved).filter((person) => data.moved[person] === room.number),
    help: null,
  }));
  const you = { assigned: data.assigned[me] ?? null, room: data.moved[me] ?? null };
  const breakout = { state: "open", assign: data.assign, round: data.round, opened_at: at, ends_at: data.ends_at, closing: null, late: data.late, rooms, you };
  const next = { ...toRooms(session, data.moved), breakout };
  return you.room === null ? next : moveMe(next, you.room);
}

function moved(session, data, { me }) {
  const { person } = data;
  const rooms = session.breakout.rooms.map((room) => ({
    ...room,
    here: room.number === data.room ? [...new Set([...room.here, person])] : room.here.filter((id) => id !== person),
    assigned: room.number === data.assigned ? [...new Set([...room.assigned, person])] : room.assigned.filter((id) => id !== person),
  }));
  const own = person === me;
  const you = own ? { assigned: data.assigned, room: data.room } : session.breakout.you;
  const base = data.room === null
    ? { ...session, people: changePeople(session.people, [person], (one) => ({ ...one, room: null })) }
    : toRooms(session, { [person]: data.room });
  const next = { ...base, breakout: { ...session.breakout, rooms, you } };
  return own ? moveMe(next, data.room) : next;
}

function changeRoom(session, number, change) {
  const rooms = session.breakout.rooms.map((room) => (room.number === number ? { ...room, ...change } : room));
  return { ...session, breakout: { ...session.breakout, rooms } };
}

function closed(session, data, { me }) {
  const back = new Set(data.moved);
  const rooms = session.breakout.rooms.map((room) => ({ ...room, here: room.here.filter((id) => !back.has(id)), help: null }));
  const people = changePeople(session.people, data.moved, (person) => ({ ...person, room: null }));
  const flags = { ...session.media.people };
  for (const [person, kept] of Object.entries(data.media ?? {})) flags[person] = { ...(flags[person] ?? OFF), ...kept };
  const breakout = { ...session.breakout, state: "closed", closing: null, rooms, you: { assigned: null, room: null } };
  const next = { ...session, people, breakout, media: { ...session.media, people: flags } };
  return back.has(me) || session.me.room !== null ? moveMe(next, null) : next;
}

function timed(session, data) {
  const closing = data.seconds === undefined ? session.breakout.closing && { ...session.breakout.closing, ends_at: data.ends_at } : { ends_at: data.ends_at, seconds: data.seconds };
  const state = data.seconds === undefined ? session.breakout.state : "closing";
  return { ...session, breakout: { ...session.breakout, ends_at: data.ends_at, closing, state } };
}

export const breakoutEvents = {
  "breakout.opened": opened,
  "breakout.moved": moved,
  "breakout.renamed": (session, data) => changeRoom(session, data.room, { name: data.name }),
  "breakout.broadcast": (session, data, { at }) => ({ ...session, client: { ...session.client, broadcast: { ...data, at } } }),
  "breakout.help_asked": (session, data, { at }) => changeRoom(session, data.room, { help: { by: data.by, at } }),
  "breakout.help_answered": (session, data) => changeRoom(session, data.room, { help: null }),
  "breakout.extended": timed,
  "breakout.closing": timed,
  "breakout.closed": closed,
};

function entered(room, data) {
  const { person } = data;
  const others = room.members.filter((member) => member.id !== person.id);
  return { ...room, members: [...others, { here: true, ...person }] };
}

function leftRoom(room, data) {
  const people = { ...room.media.people };
  delete people[data.person];
  const members = room.members.map((member) => (member.id === data.person ? { ...member, here: false } : member));
  return { ...room, members, media: { ...room.media, people } };
}

export const roomEvents = {
  "room.entered": entered,
  "room.left": leftRoom,
  "room.renamed": (room, data) => ({ ...room, name: data.name }),
  "room.told": (room, data, { at }) => ({ ...room, client: { ...room.client, broadcast: { ...data, at } } }),
  "room.help": (room, data) => ({ ...room, help: data.help }),
  "room.timed": (room, data) => ({ ...room, ends_at: data.ends_at, closing: data.closing }),
  "room.closed": (room) => ({ ...room, state: "closed" }),
};
