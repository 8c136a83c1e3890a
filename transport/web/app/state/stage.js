/** What events make of the stage: seats, requests, invites, and my own way through them. Pure. */

import { OFF } from "./media.js";
import { changePeople } from "./people.js";

export const NONE = Object.freeze({ state: "none", position: null, deadline: null, mic: false, camera: false, may_return_until: null });

function without(list, person) {
  return list.filter((item) => item.person !== person);
}

function mine(session, data, context, stage) {
  if (data.person !== context.me) return session;
  return { ...session, me: { ...session.me, stage: { ...session.me.stage, ...stage } } };
}

function onStage(session, change) {
  return { ...session, stage: { ...session.stage, ...change } };
}

/** Take a request out of the queue; everybody behind moves up. */
function unqueued(session, person, context) {
  const { requests, request_count: count } = session.stage;
  const at = requests.findIndex((request) => request.person === person);
  if (at < 0) return session;
  const next = onStage(session, { requests: without(requests, person), request_count: count - 1 });
  const own = next.stage.requests.findIndex((request) => request.person === context.me);
  return own < 0 ? next : mine(next, { person: context.me }, context, { position: own + 1 });
}

function requested(session, data, context) {
  const { position, ...request } = data;
  const known = session.stage.requests.some((item) => item.person === data.person);
  const requests = known
    ? session.stage.requests.map((item) => (item.person === data.person ? { ...item, ...request } : item))
    : [...session.stage.requests, { ...request, at: context.at }];
  const count = session.stage.request_count + (known ? 0 : 1);
  return mine(onStage(session, { requests, request_count: count }), data, context, { state: "pending", position, mic: data.mic, camera: data.camera });
}

function withdrawn(session, data, context) {
  return mine(unqueued(session, data.person, context), data, context, NONE);
}

function accepted(session, data, context) {
  const next = unqueued(session, data.person, context);
  const seat = { person: data.person, name: data.name, state: "accepted", deadline: data.deadline, mic: data.mic, camera: data.camera };
  const seated = onStage(next, { seats: [...without(next.stage.seats, data.person), seat], invites: without(next.stage.invites, data.person) });
  return mine(seated, data, context, { state: "accepted", position: null, deadline: data.deadline, mic: data.mic, camera: data.camera });
}

function invited(session, data, context) {
  const invites = [...without(session.stage.invites, data.person), { ...data, at: context.at }];
  return mine(onStage(session, { invites }), data, context, { state: "invited" });
}

function uninvited(session, data, context) {
  return mine(onStage(session, { invites: without(session.stage.invites, data.person) }), data, context, NONE);
}

function countdown(session, data, context) {
  const seats = session.stage.seats.map((seat) => (seat.person === data.person ? { ...seat, state: "countdown", deadline: data.ends_at } : seat));
  return mine(onStage(session, { seats }), data, context, { state: "countdown", deadline: data.ends_at });
}

function unseated(session, data, context) {
  const next = onStage(session, { seats: without(session.stage.seats, data.person) });
  return mine(next, data, context, { ...NONE, may_return_until: data.may_return_until ?? null });
}

function entered(session, data, context) {
  const seat = { person: data.person, name: data.name, state: "on_screen", deadline: null, mic: data.mic, camera: data.camera };
  const next = onStage(session, { seats: [...without(session.stage.seats, data.person), seat] });
  const before = session.media.people[data.person] ?? OFF;
  const flags = { ...before, mic: data.mic, camera: data.camera, screen: false };
  const seen = {
    ...next,
    media: { ...next.media, people: { ...next.media.people, [data.person]: flags } },
    people: changePeople(next.people, [data.person], (person) => ({ ...person, on_screen: true })),
  };
  return mine(seen, data, context, { ...NONE, state: "on_screen", mic: data.mic, camera: data.camera });
}

/** All of a person's sources off; blocks hold. */
export function silenced(media, persons) {
  const people = { ...media.people };
  for (const person of persons) {
    if (people[person]) people[person] = { ...people[person], mic: false, camera: false, screen: false };
  }
  return { ...media, people };
}

function left(session, data, context) {
  const next = unseated(session, data, context);
  return {
    ...next,
    media: silenced(next.media, [data.person]),
    people: changePeople(next.people, [data.person], (person) => ({ ...person, on_screen: false })),
  };
}

export const stageEvents = {
  "stage.requested": requested,
  "stage.withdrawn": withdrawn,
  "stage.accepted": accepted,
  "stage.declined": withdrawn,
  "stage.invited": invited,
  "stage.uninvited": uninvited,
  "stage.answered": uninvited,
  "stage.countdown": countdown,
  "stage.cancelled": unseated,
  "stage.missed": unseated,
  "stage.entered": entered,
  "stage.left": left,
};

/** Take everything of people who left the session off the stage. */
export function goneFromStage(session, gone, context) {
  if (gone.length === 0) return session;
  let next = session;
  for (const person of gone) next = unqueued(next, person, context);
  const left_ = new Set(gone);
  const staying = (list) => list.filter((item) => !left_.has(item.person));
  next = onStage(next, { seats: staying(next.stage.seats), invites: staying(next.stage.invites) });
  return { ...next, media: silenced(next.media, gone) };
}
