/**
 * All that the client knows, in one value, changed only by `reduce`.
 *
 * Each topic's state is its snapshot, carried on by its events. Nothing here touches the page or the
 * network, so that all of it can be tested by feeding it events.
 */

import { reduceTopic } from "./state/topics.js";

const TOASTS = 4;

export const initial = Object.freeze({
  status: "connecting",
  statusError: null,
  now: 0,
  person: null,
  event: null,
  notifications: [],
  topics: {},
  route: { page: "lobby", id: null },
  data: {},
  ui: { toasts: [], dialog: null, tabs: {}, unread: {}, language: "en" },
});

const ACTIONS = {
  status: (state, action) => ({ ...state, status: action.status, statusError: action.error ?? null }),
  connected: (state, { result }) => ({
    ...state, person: result.person, event: result.event, notifications: result.notifications ?? state.notifications,
  }),
  tick: (state, { now }) => ({ ...state, now }),
  route: (state, { route }) => ({ ...state, route }),
  event: reduceEvent,
  forget: (state, { topic }) => {
    const { [topic]: _gone, ...topics } = state.topics;
    return { ...state, topics };
  },
  topic: (state, { topic, change }) =>
    state.topics[topic] ? { ...state, topics: { ...state.topics, [topic]: change(state.topics[topic]) } } : state,
  data: (state, { name, value }) => ({ ...state, data: { ...state.data, [name]: value } }),
  read: (state, { ids }) => ({ ...state, notifications: state.notifications.filter((note) => !ids.includes(note.id)) }),
  dialog: (state, { dialog }) => withUi(state, { dialog }),
  language: (state, { language }) => withUi(state, { language }),
  tab: tabbed,
  toast: (state, { toast }) => withUi(state, { toasts: [...state.ui.toasts, toast].slice(-TOASTS) }),
  untoast: (state, { id }) => withUi(state, { toasts: state.ui.toasts.filter((toast) => toast.id !== id) }),
};

/** Open a tab; what was unread in it, in any of the `seen` topics, is read. */
function tabbed(state, { topic, tab, seen = [topic] }) {
  const unread = { ...state.ui.unread };
  for (const name of seen) unread[name] = { ...unread[name], [tab]: 0 };
  return withUi(state, { tabs: { ...state.ui.tabs, [topic]: tab }, unread });
}

function withUi(state, change) {
  return { ...state, ui: { ...state.ui, ...change } };
}

/** The state after an action; unknown actions are mistakes. */
export function reduce(state, action) {
  return ACTIONS[action.type](state, action);
}

function reduceEvent(state, { event }) {
  if (event.topic === "me") return notified(state, event);
  const before = state.topics[event.topic];
  if (before === undefined && event.type !== "snapshot") return state;
  const context = { me: state.person?.id, at: event.at, topic: event.topic };
  const after = event.type === "snapshot" ? { ...event.data, client: before?.client } : reduceTopic(before, event, context);
  const next = after === before ? state : { ...state, topics: { ...state.topics, [event.topic]: after } };
  return marked(next, event);
}

function notified(state, event) {
  const { type, data, at } = event;
  if (type === "notifications.read") return ACTIONS.read(state, data);
  if (type !== "notification.added" || state.notifications.some((note) => note.id === data.id)) return state;
  return { ...state, notifications: [...state.notifications, { at, ...data }] };
}

const MARKS = { "chat.posted": "chat", "qa.asked": "qa", "stage.requested": "people" };

/** Count what arrived in a tab that is not being looked at. */
function marked(state, event) {
  const tab = MARKS[event.type];
  if (!tab || event.data.person === state.person?.id || tabOf(state, event.topic) === tab) return state;
  const counts = state.ui.unread[event.topic] ?? {};
  return withUi(state, { unread: { ...state.ui.unread, [event.topic]: { ...counts, [tab]: (counts[tab] ?? 0) + 1 } } });
}

/** Whose panel shows a topic: a breakout room's is its session's. */
function panelOf(topic) {
  return topic.startsWith("room/") ? `session/${topic.slice(5, topic.lastIndexOf("."))}` : topic;
}

/** Which tab of a topic's panel is open. */
export function tabOf(state, topic) {
  const panel = panelOf(topic);
  return state.ui.tabs[panel] ?? (panel.startsWith("session/") ? "company" : "chat");
}

let current = initial;
const listeners = new Set();

/** The present state. */
export function getState() {
  return current;
}

/** Change the state and tell everybody who listens; of events always, as some change nothing kept here. */
export function dispatch(action) {
  const before = current;
  current = reduce(before, action);
  if (current === before && action.type !== "event") return;
  for (const listener of listeners) listener(current, action);
}

/** Be told of every change; returns the way to stop. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
