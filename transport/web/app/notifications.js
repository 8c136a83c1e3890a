/** Notifications: shown once as they come, kept in the list until read. */

import { act, go, openDialog, toast } from "./actions.js";
import { t, moment, hasText } from "./i18n/index.js";
import { dispatch, getState, subscribe } from "./store.js";
import { SupportDialog } from "./views/support.js";

function titleOf(session) {
  const { topics, event } = getState();
  return topics[`event/${event}`]?.sessions.find((card) => card.id === session)?.title ?? session ?? "";
}

/** What a notification says. */
export function noteText(note) {
  const { data } = note;
  const toMain = note.kind === "breakout.moved" && data.room === null;
  const key = toMain ? "note.breakout.movedToMain" : `note.${note.kind}`;
  const meeting = data.meeting;
  const me = getState().person?.id;
  const other = meeting && (meeting.employee.id === me ? meeting.participant : meeting.employee);
  const facts = {
    who: data.by_name ?? other?.name ?? "",
    title: data.title ?? titleOf(data.session),
    minutes: data.minutes ?? 0,
    room: data.room ?? "",
    time: meeting?.start ? moment(meeting.start, meeting.zone) : "",
    message: data.message?.text ?? data.message ?? meeting?.reason ?? "",
  };
  return t(hasText(key) ? key : "note.other", { kind: note.kind, ...facts });
}

/** Where a notification leads. */
export function notePlace(note) {
  const { data, kind } = note;
  if (kind === "meeting.waiting") return ["chat", data.meeting.id];
  if (kind.startsWith("meeting.")) return ["one-to-one"];
  if (kind === "schedule.reminder") return data.type === "chat" ? ["chat", data.id] : ["session", data.id];
  return data.session ? ["session", data.session] : ["lobby"];
}

/** Mark as read, here and on the other devices. */
export function readNotes(ids) {
  if (ids.length === 0) return;
  dispatch({ type: "read", ids });
  act("notifications.read", { ids });
}

/** Support answers in the life ring's dialog: one stays where one is. */
function isSupport(note) {
  return note.kind.startsWith("support.");
}

/** Open what a notification is about. */
export function openNote(note) {
  if (note.id) readNotes([note.id]);
  if (isSupport(note)) openDialog(SupportDialog, { ticket: note.data.ticket });
  else go(...notePlace(note));
}

/** Whether what a notification is about is open already. */
function isOpen(note) {
  const { route, ui } = getState();
  if (isSupport(note)) return ui.dialog?.view === SupportDialog;
  const [page, id] = notePlace(note);
  return route.page === page && (route.id ?? undefined) === id;
}

/** Show every new notification once. */
export function followNotifications() {
  subscribe((_state, { event }) => {
    if (event?.topic !== "me" || event.type === "notifications.read") return;
    const note = { at: event.at, ...event.data };
    setTimeout(() => (isOpen(note) ? showHere(note) : showElsewhere(note)));
  });
}

/** What a session and a 1-1 chat show by themselves to whoever is inside. */
const TOLD = new Set(["meeting.waiting", "stage.accepted", "stage.declined", "stage.invited", "breakout.moved"]);

/** What is about the open page is read by being shown. */
function showHere(note) {
  if (note.id) readNotes([note.id]);
  if (isSupport(note)) return; // the dialog shows it, and it is read out there
  const inside = getState().topics[notePlace(note).join("/")] !== undefined;
  if (!inside || !TOLD.has(note.kind)) toast(noteText(note));
}

function showElsewhere(note) {
  toast(noteText(note), "plain", { label: t("app.open"), run: () => openNote(note) });
}
