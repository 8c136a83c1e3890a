/** Which events change which part of which topic. Pure. */

import { breakoutEvents, roomEvents } from "./breakout.js";
import { chatEvents } from "./chat.js";
import { mediaEvents } from "./media.js";
import { peopleEvents } from "./people.js";
import { qaEvents } from "./qa.js";
import { goneFromStage, stageEvents } from "./stage.js";

/** Let reducers of one member act on the whole. */
function on(member, table) {
  const lift = (reducer) => (state, data, context) => {
    const after = reducer(state[member], data, context);
    return after === state[member] ? state : { ...state, [member]: after };
  };
  return Object.fromEntries(Object.entries(table).map(([type, reducer]) => [type, lift(reducer)]));
}

function about(session, change) {
  return { ...session, session: { ...session.session, ...change } };
}

function peopleChanged(session, data, context) {
  const people = peopleEvents["people.changed"](session.people, data);
  const next = { ...session, people };
  return goneFromStage({ ...next, session: { ...next.session, present: data.counts.present } }, data.left, context);
}

function removed(session, data, context) {
  return data.person === context.me ? { ...session, client: { ...session.client, removed: data.message ?? "" } } : session;
}

const sessionEvents = {
  "session.changed": (session, data) => about(session, data),
  "session.backstage": (session) => about(session, { state: "backstage" }),
  "session.started": (session, _data, { at }) => about(session, { state: "live", started_at: at, hostless_until: null }),
  "session.hostless": (session, data) => about(session, { state: "hostless", hostless_until: data.until }),
  "session.resumed": (session) => about(session, { state: "live", hostless_until: null }),
  "session.ended": (session, data, { at }) => about(session, { state: "ended", ended_at: at, end_reason: data.reason }),
  "session.cancelled": (session, data) => ({ ...about(session, { state: "cancelled" }), client: { ...session.client, cancelled: data.message } }),
  "people.changed": peopleChanged,
  "people.kicked": removed,
  "people.banned": (session, data, context) => ({ ...removed(session, data, context), bans: [...session.bans, { ...data, at: context.at }] }),
  "people.unbanned": (session, data) => ({ ...session, bans: session.bans.filter((ban) => ban.person !== data.person) }),
  "rtc.speaking": (session, data) => ({ ...session, client: { ...session.client, speaking: data.people.map((one) => one.person) } }),
};

function carded(state, data) {
  const before = state.sessions.find((card) => card.id === data.session.id);
  const card = { ...before, ...data.session };
  const sessions = before ? state.sessions.map((one) => (one.id === card.id ? card : one)) : [...state.sessions, card];
  return { ...state, sessions: sessions.sort((one, other) => Date.parse(one.start) - Date.parse(other.start)), stale: true };
}

function seated(state, data) {
  return { ...state, sessions: state.sessions.map((card) => (card.id in data.sessions ? { ...card, ...data.sessions[card.id] } : card)) };
}

function listed(state, data) {
  const others = state.companies.filter((company) => company.id !== data.company.id);
  return { ...state, companies: [...others, data.company] };
}

const eventEvents = {
  "event.changed": (state, data) => ({ ...state, event: data.event }),
  "program.changed": carded,
  "program.seats": seated,
  "company.listed": listed,
};

function ticketed(state, data) {
  const others = state.tickets.filter((ticket) => ticket.id !== data.ticket.id);
  return { ...state, tickets: [...others, data.ticket] };
}

function replied(state, data, { at }) {
  const change = (ticket) => ({ ...ticket, state: data.state, changed_at: at, thread: [...ticket.thread, data.message] });
  return { ...state, tickets: state.tickets.map((ticket) => (ticket.id === data.id ? change(ticket) : ticket)) };
}

const supportEvents = {
  "support.asked": ticketed,
  "support.replied": replied,
  "support.resolved": (state, data) => ({ ...state, tickets: state.tickets.filter((ticket) => ticket.id !== data.id) }),
};

const meetingEvents = {
  "meeting.began": (chat) => ({ ...chat, state: "running" }),
  "meeting.ended": (chat) => ({ ...chat, state: "ended" }),
  "meeting.joined": (chat, data) => ({ ...chat, present: [...new Set([...chat.present, data.person])] }),
  "meeting.left": (chat, data) => ({ ...chat, present: chat.present.filter((person) => person !== data.person) }),
  "meeting.warned": (chat, data) => ({ ...chat, client: { ...chat.client, warned: data.minutes } }),
  "rtc.speaking": sessionEvents["rtc.speaking"],
};

const TABLES = {
  event: eventEvents,
  company: { "company.changed": (state, data) => ({ ...state, company: data.company }) },
  session: { ...sessionEvents, ...stageEvents, ...breakoutEvents, ...on("chat", chatEvents), ...on("media", mediaEvents), ...on("qa", qaEvents) },
  room: { ...roomEvents, ...on("chat", chatEvents), ...on("media", mediaEvents), "rtc.speaking": sessionEvents["rtc.speaking"] },
  chat: { ...meetingEvents, ...on("chat", chatEvents), ...on("media", mediaEvents) },
  support: supportEvents,
};

/** The state of a topic after an event; events nobody knows change nothing. */
export function reduceTopic(state, event, context) {
  const kind = event.topic.split("/", 1)[0];
  const reducer = TABLES[kind]?.[event.type];
  if (reducer) return reducer(state, event.data, context);
  if (kind === "chat" && event.data?.meeting) return { ...state, meeting: event.data.meeting };
  return state;
}
