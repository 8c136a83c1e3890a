/** Being in a 1-1 chat. */

import { call, errorText, theConnection } from "../actions.js";
import { readNotes } from "../notifications.js";
import { dispatch, getState } from "../store.js";

function keep(id, value) {
  dispatch({ type: "data", name: `chat/${id}`, value });
}

/** Go into a confirmed chat; the refusal is kept for the page to show. */
export async function enterMeeting(id) {
  try {
    await call("meeting.join", { id });
    keep(id, { problem: null });
    readNotes(getState().notifications.filter((note) => note.kind === "meeting.waiting" && note.data.meeting.id === id).map((note) => note.id));
  } catch (error) {
    keep(id, { problem: { reason: error.reason, text: errorText(error), data: error.data } });
  }
}

/** Leave the chat. */
export function leaveMeeting(id) {
  if (!getState().topics[`chat/${id}`]) return;
  call("meeting.leave", { id }, { retry: false }).catch(() => {});
  theConnection().forget(`chat/${id}`);
  dispatch({ type: "forget", topic: `chat/${id}` });
}
