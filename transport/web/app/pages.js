/** What each page needs to know: what it asks for when it opens, and lets go of when it closes. */

import { act, call, errorText, load, theConnection, toast } from "./actions.js";
import { enterMeeting, leaveMeeting } from "./rooms/meeting.js";
import { enterSession, leaveSession, sessionConnected, sessionEvent } from "./rooms/session.js";
import { dispatch, getState } from "./store.js";

let open = null;

async function loadEvent() {
  const topic = `event/${getState().event}`;
  if (getState().topics[topic]) return;
  await act("event.lobby");
}

function loadProgram(company) {
  return load(company ? `program/${company}` : "program", "event.program", company ? { company } : {});
}

async function enterCompany(id) {
  await loadEvent();
  const keep = (unknown) => dispatch({ type: "data", name: `company/${id}`, value: { unknown } });
  keep(false);
  try {
    await call("company.get", { company: id });
    await loadProgram(id);
  } catch (error) {
    if (error.reason === "not_found") keep(true);
    else toast(errorText(error), "bad");
  }
}

function leaveCompany(id) {
  theConnection().forget(`company/${id}`);
  dispatch({ type: "forget", topic: `company/${id}` });
}

/** Ask again for all that the 1-1 tab shows. */
export async function loadMeetings() {
  const { person } = getState();
  const tabs = ["requested", "in_scheduling", "confirmed", "completed", "declined"];
  await Promise.all(tabs.map((tab) => load(`meetings/${tab}`, "meeting.list", { tab })));
  if (person.role === "employee") await load("agenda", "agenda.get", { employee: person.id });
}

/** Everybody who has confirmed an availability: whom one may ask, or suggest. */
export function loadEmployees() {
  return load("employees", "agenda.list");
}

async function enterOneToOne() {
  await loadEvent();
  await Promise.all([loadMeetings(), loadEmployees()]);
}

async function enterSchedule() {
  await Promise.all([loadEvent(), load("schedule", "schedule.mine")]);
}

async function enterOrganizer() {
  await Promise.all([loadEvent(), loadProgram()]);
}

async function enterSupport() {
  const { person } = getState();
  await loadEvent();
  const staff = person.role === "organizer" || person.grants?.includes("support");
  if (staff) await act("support.queue");
}

const nothing = () => {};

/** Links lead into rooms past the lobby, but the times in them are told in the event's zone. */
function afterEvent(enter) {
  return async (id) => {
    const here = open;
    await loadEvent();
    if (open === here) await enter(id);
  };
}

const PAGES = {
  lobby: { enter: loadEvent },
  program: { enter: async () => { await loadEvent(); await loadProgram(); } },
  schedule: { enter: enterSchedule, again: enterSchedule },
  companies: { enter: loadEvent },
  company: { enter: enterCompany, leave: leaveCompany },
  session: { enter: afterEvent(enterSession), leave: leaveSession, connected: sessionConnected, event: sessionEvent },
  "one-to-one": { enter: enterOneToOne, again: loadMeetings },
  chat: { enter: afterEvent(enterMeeting), leave: leaveMeeting, connected: enterMeeting },
  support: { enter: enterSupport },
  organizer: { enter: enterOrganizer, again: enterOrganizer },
};

/** Close the page that was open, and open another. */
export function enterPage(route) {
  if (open && (open.page !== route.page || open.id !== route.id)) (PAGES[open.page]?.leave ?? nothing)(open.id, route);
  else if (open) return;
  open = route;
  (PAGES[route.page]?.enter ?? nothing)(route.id);
}

/** The connection is back: what could not be resumed is asked for again. */
export async function pageConnected(route, recovered) {
  const page = PAGES[route.page];
  if (page?.connected) await page.connected(route.id, recovered);
  else await (page?.enter ?? nothing)(route.id);
}

/** Something happened that the open page may want to ask more about. */
export function pageEvent(event) {
  const page = PAGES[open?.page];
  page?.event?.(open.id, event);
  const kind = event.topic === "me" ? event.data.kind ?? "" : event.type;
  if (page?.again && /^(meeting|schedule|session|program)\./.test(kind)) soon(page.again);
}

let waiting = null;

/** Many events at once lead to one question. */
function soon(again) {
  clearTimeout(waiting);
  waiting = setTimeout(again, 150);
}
