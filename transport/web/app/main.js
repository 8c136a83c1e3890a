/** Where the client begins: language, token, connection, and a picture of the state on every frame. */

import { announce, useConnection } from "./actions.js";
import { detectLanguage, setZone, t } from "./i18n/index.js";
import { resumeMedia, watchMedia } from "./media/sync.js";
import { followNotifications } from "./notifications.js";
import { enterPage, pageConnected, pageEvent } from "./pages.js";
import { claimsOf, parseRoute, takeToken } from "./router.js";
import { Connection } from "./rpc.js";
import { dispatch, getState, subscribe } from "./store.js";
import { h, render } from "./ui/dom.js";
import { App, titleOf } from "./views/app.js";
import { zoneOf } from "./views/frame.js";

const TICK = 5_000;
const HIDDEN_FRAME = 200;
/** Milliseconds between two pictures while nothing but what a crowd does has changed: nobody reads faster. */
const CROWD_FRAME = 100;
/** The same where drawing is slow: so many times as long as the last picture took, up to half a second. */
const CROWD_REST = 20;
const LONGEST_FRAME = 500;
const CROWD = new Set(["chat.posted", "chat.reacted", "qa.voted", "people.changed", "program.seats"]);

let titled = "";

/** The window's title says where one is; a change of page is said aloud, and the focus does not get lost. */
function entitle() {
  const state = getState();
  const title = titleOf(state);
  if (title !== titled) document.title = titled = title;
}

/** Whoever came by a button that is gone goes on at the page's beginning. */
function arrived() {
  requestAnimationFrame(() => {
    announce(titleOf(getState()));
    if (document.activeElement === document.body) document.getElementById("main")?.focus();
  });
}

/** Draw the state; should a view fail, the page is built anew rather than left half changed. */
function draw() {
  const root = document.getElementById("app");
  try {
    render(root, h(App, { state: getState() }));
    entitle();
  } catch (error) {
    reportError(error);
    root.vnode = null;
    root.replaceChildren();
    if (!getState().ui.dialog) return;
    dispatch({ type: "dialog", dialog: null });
  }
}

/** Draw on the next frame; what a crowd does, now and then. */
function drawSoon() {
  let wanted = false;
  let waiting = null;
  let next = -Infinity;
  const run = () => {
    wanted = false;
    const began = performance.now();
    draw();
    const rest = CROWD_REST * (performance.now() - began);
    next = began + Math.min(LONGEST_FRAME, Math.max(CROWD_FRAME, rest));
  };
  const soon = () => {
    clearTimeout(waiting);
    waiting = null;
    wanted = true;
    if (document.hidden) setTimeout(run, HIDDEN_FRAME);
    else requestAnimationFrame(run);
  };
  return (_state, action) => {
    if (wanted) return;
    const pause = action.type === "event" && CROWD.has(action.event.type) ? next - performance.now() : 0;
    if (pause <= 0) soon();
    else waiting ??= setTimeout(soon, pause);
  };
}

function route() {
  dispatch({ type: "route", route: parseRoute(location.hash) });
  if (!getState().person) return;
  enterPage(getState().route);
  arrived();
}

function connect(token) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const connection = new Connection(`${scheme}://${location.host}/v1/ws`, token, {
    onEvent: (event) => {
      dispatch({ type: "event", event });
      pageEvent(event);
    },
    onStatus: (status, error) => {
      if (status === "online" && getState().status === "reconnecting") announce(t("banner.back"));
      dispatch({ type: "status", status, error });
    },
    onConnected: (result) => {
      const first = getState().person === null;
      dispatch({ type: "connected", result: { ...result, person: { ...claimsOf(token), ...result.person } } });
      if (first) route();
      else pageConnected(getState().route, result.recovered ?? {}).then(resumeMedia);
    },
  });
  useConnection(connection);
  connection.start();
  return connection;
}

function start() {
  detectLanguage();
  const token = takeToken();
  subscribe((state) => setZone(zoneOf(state)));
  subscribe(drawSoon());
  if (token) {
    connect(token);
    addEventListener("hashchange", route);
    watchMedia();
    followNotifications();
  } else {
    dispatch({ type: "status", status: "closed", error: { reason: "no_token" } });
  }
  setInterval(() => dispatch({ type: "tick", now: Date.now() }), TICK);
  draw();
}

start();
