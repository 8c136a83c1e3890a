/** The 1-1 chat itself: the two of them, the side chat, the time left. */

import { act, go } from "../actions.js";
import { countdown, moment, t } from "../i18n/index.js";
import { unlockSound } from "../media/sync.js";
import { enterMeeting } from "../rooms/meeting.js";
import { flagsOf } from "../state/media.js";
import { classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { button, loading } from "../ui/parts.js";
import { ChatTab } from "./chat.js";
import { lifeRing, mediaControls } from "./controls.js";
import { Banner, Ticker } from "./frame.js";
import { otherSide, slotText } from "./onetoone.js";
import { Tiles } from "./stage.js";

/** The page. */
export function MeetingPage({ state }) {
  const { id } = state.route;
  const chat = state.topics[`chat/${id}`];
  const offline = state.status === "reconnecting";
  const other = chat ? otherSide(chat.meeting, state.person.id) : null;
  return h("div", { class: classes("room", !chat && "outside", offline && "with-banner") },
    offline ? h(Banner, { state }) : null,
    h("header", { class: "room-head pair" },
      button(t("session.leave"), { kind: "leave", name: "leave", onclick: () => go("one-to-one") }),
      h("div", { class: "who grow" }, h("h1", null, other ? t("schedule.chatWith", { name: other.name }) : t("one.chat")), chat?.meeting.start ? h("p", null, slotText(chat.meeting, chat.meeting.zone)) : null),
      chat && chat.state !== "ended" ? timeLeft(chat) : null),
    h("main", { id: "main", tabindex: -1, class: "stage-area", "aria-label": t("stage.label") }, h(Notes, { state, chat }), h(Middle, { state, chat, id, other }),
      h("div", { class: "controls" }, ...(chat && chat.state !== "ended" ? mediaControls(`chat/${id}`, flagsOf(chat.media, state.person.id)) : []), lifeRing())),
    chat ? h("aside", { class: "panel single", "aria-label": t("tab.chat") }, h("h2", { class: "panel-title" }, t("tab.chat")),
      h("div", { class: "panel-body" }, h(ChatTab, { topic: `chat/${id}`, chat: chat.chat, me: state.person.id, moderator: false, session: null, over: chat.state === "ended" }))) : null);
}

function timeLeft(chat) {
  const until = chat.state === "waiting" ? chat.meeting.start : chat.ends_at;
  return h(Ticker, { deadline: until, every: 1000, draw: (left) => h("span", { class: classes("badge", left < 60 && chat.state === "running" ? "warn" : "info"), role: "timer" }, icon("clock", 16), t(chat.state === "waiting" ? "one.startsIn" : "one.timeLeft", { time: countdown(left) })) });
}

function Notes({ state, chat }) {
  const warned = chat?.client?.warned;
  return h("div", { class: "stage-notes" },
    warned && chat.state === "running" ? h("div", { class: "note warn", role: "alert" }, icon("clock"), t("one.endsIn", { n: warned })) : null,
    state.data.soundHeld ? h("div", { class: "note", role: "status" }, h("span", { class: "grow" }, t("stage.soundHeld")), button(t("stage.soundOn"), { kind: "primary small", onclick: unlockSound })) : null);
}

function Middle({ state, chat, id, other }) {
  const problem = state.data[`chat/${id}`]?.problem;
  if (!chat) {
    if (!problem) return h("div", { class: "waiting" }, loading());
    return h("div", { class: "waiting" }, h("h2", null, t("one.cannotJoin")), h("p", null, problem.data?.opens_at ? t("session.opensAt", { time: moment(problem.data.opens_at) }) : problem.text), button(t("app.again"), { kind: "primary", onclick: () => enterMeeting(id) }));
  }
  if (chat.state === "ended") {
    return h("div", { class: "waiting" }, h("h2", null, t("one.ended")), h("p", null, t("one.endedHint")), noteForm(chat, id), button(t("nav.one-to-one"), { kind: "primary", onclick: () => go("one-to-one") }));
  }
  const me = state.person;
  const people = [other, { id: me.id, name: me.name }].filter((person) => chat.present.includes(person.id)).map((person) => ({ ...person, host: false, on_screen: true, room: null }));
  if (!chat.present.includes(other.id)) {
    return h("div", { class: "stage-frame pair" }, h("div", { class: "waiting" }, h("h2", null, t("one.waitingFor", { name: other.name })), h("p", null, t("one.waitingHint"))), h(Tiles, { people, pictures: state.data.media, media: chat.media, me: me.id }));
  }
  return h("div", { class: "stage-frame" }, h(Tiles, { people, pictures: state.data.media, media: chat.media, me: me.id, speaking: chat.client?.speaking ?? [] }));
}

function noteForm(chat, id) {
  const save = (event) => {
    event.preventDefault();
    act("meeting.note", { id, text: event.target.elements.text.value });
  };
  return h("form", { class: "stack note-form", onsubmit: save }, h("label", { for: "note-text" }, t("one.noteLabel")), h("textarea", { id: "note-text", name: "text", rows: 4, maxlength: 4000, defaultValue: chat.note ?? "" }), button(t("app.save"), { type: "submit" }));
}
