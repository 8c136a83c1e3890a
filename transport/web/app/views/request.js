/** "Request to join with Mic & Camera" and what follows: pending, invited, countdown, on screen. */

import { act, announce, openDialog, serverNow } from "../actions.js";
import { t } from "../i18n/index.js";
import { Component, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { button } from "../ui/parts.js";
import { DeviceDialog } from "./devices.js";

const SECONDS = 5;
const LAST = 3;
/** Milliseconds until the controls that follow are there. */
const BACK = 100;

/** Open the chooser and send the request. */
export function openRequest(id, again = false) {
  openDialog(DeviceDialog, {
    title: t("stage.request"),
    hint: again ? null : t("stage.requestHint"),
    action: t("stage.send"),
    onChoose: (choice) => act("stage.request", { session: id, ...choice }),
  });
}

/** Whether the stage is open to requests of this person now. */
export function mayRequest(session) {
  return !session.me.host && session.me.room === null && ["live", "hostless"].includes(session.session.state);
}

/** The state of my request, with what can be done about it; in four places. */
export function RequestBar({ session, id, wide }) {
  if (!mayRequest(session)) return h("div", { hidden: true });
  const { stage } = session.me;
  const size = wide ? "wide" : "";
  if (stage.state === "pending") return pending(stage, id, size);
  if (stage.state === "invited") return invited(id);
  if (stage.state === "on_screen") return leaveButton(id, size);
  if (stage.state !== "none") return h("p", { class: "muted small" }, t("stage.gettingReady"));
  const back = stage.may_return_until && Date.parse(stage.may_return_until) > serverNow();
  return button(t(back ? "stage.return" : "stage.request"), { kind: `primary ${size}`, name: "hand", onclick: () => openRequest(id, back) });
}

function pending(stage, id, size) {
  return h("div", { class: "row spread request-state", role: "status" },
    h("span", { class: "row" }, icon("clock", 18), stage.position ? t("stage.position", { n: stage.position }) : t("stage.sent")),
    button(t("stage.withdraw"), { kind: `danger-quiet small ${size ? "" : ""}`, onclick: () => act("stage.withdraw", { session: id }) }));
}

function invited(id) {
  const accept = () => act("stage.answer", { session: id, accept: true });
  return h("div", { class: "row request-state", role: "status" },
    h("span", { class: "grow" }, t("stage.invited")),
    button(t("stage.decline"), { kind: "small", onclick: () => act("stage.answer", { session: id, accept: false }) }),
    button(t("stage.acceptInvite"), { kind: "primary small", onclick: accept }));
}

/** The seed's own words, hand and all. */
export function leaveButton(id, size = "") {
  return button(t("stage.deactivate"), { kind: `danger ${size}`, onclick: () => act("stage.leave", { session: id }) });
}

/** Five seconds to get ready, or to cancel. Showing it is what starts them. */
export class Countdown extends Component {
  constructor(props) {
    super(props);
    this.said = null;
  }

  mounted() {
    const { session, id } = this.props;
    if (session.me.stage.state === "accepted") act("stage.ready", { session: id }, { quiet: ["wrong_state"] });
    this.timer = setInterval(() => this.refresh(), 200);
    this.opener = document.activeElement;
    this.vnode.dom.querySelector("button")?.focus();
    announce(t("stage.countdownSaid"));
  }

  /** The focus goes back to where it was, or else to the controls that have come. */
  unmounted() {
    clearInterval(this.timer);
    setTimeout(() => {
      if (document.activeElement !== document.body) return;
      const place = this.opener?.isConnected && this.opener !== document.body ? this.opener : document.querySelector(".controls button");
      place?.focus();
    }, BACK);
  }

  /** The last seconds are said as well. */
  updated() {
    const left = this.left();
    if (left === this.said) return;
    this.said = left;
    if (left > 0 && left <= LAST) announce(String(left));
  }

  left() {
    const { state, deadline } = this.props.session.me.stage;
    if (state !== "countdown") return SECONDS;
    return Math.min(SECONDS, Math.max(0, Math.ceil((Date.parse(deadline) - serverNow()) / 1000)));
  }

  view({ session, id }) {
    const { mic, camera } = session.me.stage;
    return h("div", { class: "countdown", role: "alertdialog", "aria-labelledby": "countdown-title" },
      h("h2", { id: "countdown-title" }, t("stage.countdown")),
      h("div", { class: "countdown-digit", role: "timer" }, this.left()),
      h("p", { class: "row" }, icon(mic ? "mic" : "mic-off"), t(mic ? "people.micOn" : "people.micOff"), icon(camera ? "camera" : "camera-off"), t(camera ? "people.cameraOn" : "people.cameraOff")),
      button(t("stage.cancel"), { kind: "danger", onclick: () => act("stage.cancel", { session: id }) }));
  }
}
