/** How views act: through the connection, with refusals shown as texts. */

import { LANGUAGES, hasText, t } from "./i18n/index.js";
import { freshKey } from "./rpc.js";
import { dispatch, getState } from "./store.js";

let connection = null;
let toasts = 0;
const TOAST_FOR = 7000;

/** Give the views their connection. */
export function useConnection(given) {
  connection = given;
}

/** The connection in use. */
export function theConnection() {
  return connection;
}

/** Milliseconds since 1970 by the server's clock. */
export function serverNow() {
  return Date.now() + (connection?.clockOffset ?? 0);
}

/** Carry out a method; fails with an `RpcError`. */
export function call(method, params = {}, options = {}) {
  return connection.call(method, params, options);
}

/** Carry out a command once, whatever happens to the connection; null and a message if it was refused. */
export async function act(method, params = {}, { quiet = [] } = {}) {
  try {
    return await connection.call(method, { ...params, key: freshKey() });
  } catch (error) {
    if (!quiet.includes(error.reason)) toast(errorText(error), "bad");
    return null;
  }
}

/** Ask for something and keep the answer under `name`; keeps the old one if it fails. */
export async function load(name, method, params = {}) {
  try {
    const value = await connection.call(method, params);
    dispatch({ type: "data", name, value });
    return value;
  } catch (error) {
    if (error.reason !== "disconnected") toast(errorText(error), "bad");
    return null;
  }
}

/** A refusal in the viewer's language; what has no text of ours is shown as the server said it. */
export function errorText(error) {
  const key = `error.${wordsFor(error)}`;
  if (!hasText(key)) return error.message;
  return t(key, { retry: Math.ceil(error.data?.retry_after ?? 1), who: error.data?.by_name ?? "", ...error.data });
}

/** The end of a refusal's text; one reason may mean different things. */
function wordsFor({ reason, data }) {
  if (reason === "no_free_slots" && getState().person?.role === "participant") return "no_free_slots.theirs";
  if (reason === "quota_exceeded" && data?.left === undefined) return "quota_exceeded.requests";
  if (reason === "already_decided" && !data?.by_name) return "already_decided.unnamed";
  return reason;
}

/** Show a short message that goes away by itself. */
export function toast(text, kind = "plain", action = null) {
  const id = ++toasts;
  dispatch({ type: "toast", toast: { id, text, kind, action } });
  announce(text);
  setTimeout(() => dispatch({ type: "untoast", id }), TOAST_FOR);
}

/** Have a screen reader say something. */
export function announce(text) {
  const place = document.getElementById("announcer");
  if (!place) return;
  place.textContent = "";
  setTimeout(() => { place.textContent = text; }, 50);
}

/** Open a dialog: a component and its props. */
export function openDialog(view, props = {}) {
  dispatch({ type: "dialog", dialog: { view, props } });
}

/** Close whatever dialog is open. */
export function closeDialog() {
  dispatch({ type: "dialog", dialog: null });
}

/** Go to a page. */
export function go(page, id = null) {
  location.hash = id === null ? `#/${page}` : `#/${page}/${encodeURIComponent(id)}`;
}

/** Where the viewer is, for a support ticket. */
export function whereabouts() {
  const { page, id } = getState().route;
  return id === null ? page : `${page}/${id}`;
}

/** What support needs to know of this browser; nothing personal. */
export function diagnostics() {
  const { status } = getState();
  const link = navigator.connection?.effectiveType;
  return {
    browser: navigator.userAgent.slice(0, 300),
    language: navigator.language,
    screen: `${innerWidth}x${innerHeight}@${devicePixelRatio}`,
    online: String(navigator.onLine),
    connection: status,
    ...(link ? { network: link } : {}),
    webrtc: String("RTCPeerConnection" in globalThis),
    languages: Object.keys(LANGUAGES).join(","),
  };
}

/** Give the viewer a text as a file. */
export function saveFile(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Save the calendar file that a method answers with. */
export async function saveCalendar(method, params, name) {
  const result = await act(method, params);
  if (result) saveFile(`${name}.ics`, result.calendar, "text/calendar");
}
