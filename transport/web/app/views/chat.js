/** The Chat tab: messages, replies, reactions, what a moderator may do, and the field to write in. */

import { act, call, errorText, openDialog, serverNow, toast } from "../actions.js";
import { clock, t } from "../i18n/index.js";
import { dispatch } from "../store.js";
import { withOlder } from "../state/chat.js";
import { Confirm } from "../ui/dialog.js";
import { Component, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Avatar, Menu, badge, button, empty, iconButton } from "../ui/parts.js";
import { VirtualList } from "../ui/virtual.js";

const EMOJI = ["👍", "❤️", "😂", "👏", "🎉"];
const LIMIT = 4000;
const ROW = 58;
const FEW = 5;
/** Milliseconds. */
const SHORT = 5000;
/** So many messages within the first of these milliseconds are a rush; in which none can be pointed at, until they take the second. */
const MANY = 10;
const RUSH = 1000;
const CALM = 3000;

/** Props: topic, chat, me (id), moderator, session (id, null in a 1-1 chat), over: it can only be read. */
export class ChatTab extends Component {
  constructor(props) {
    super(props);
    this.replyTo = null;
    this.away = false;
    this.fetching = false;
    this.rush = false;
  }

  async older() {
    const { chat, topic } = this.props;
    if (!chat.more || this.fetching || chat.messages.length === 0) return;
    this.fetching = true;
    try {
      const page = await call("chat.history", { topic, before: chat.messages[0].id, limit: 100 });
      dispatch({ type: "topic", topic, change: (state) => ({ ...state, chat: withOlder(state.chat, page) }) });
    } catch (error) {
      toast(errorText(error), "bad");
    }
    this.fetching = false;
  }

  reply(message) {
    this.replyTo = message;
    this.refresh();
    this.vnode.dom.querySelector("textarea")?.focus();
  }

  async send(text) {
    const { topic } = this.props;
    const sent = await act("chat.send", { topic, text, ...(this.replyTo ? { reply_to: this.replyTo.id } : {}) });
    if (!sent) return false;
    this.replyTo = null;
    this.refresh();
    this.list?.toEnd();
    return true;
  }

  end(atEnd) {
    if (this.away === !atEnd) return;
    this.away = !atEnd;
    this.refresh();
  }

  view({ topic, chat, me, moderator, session, over }) {
    this.answer ??= (message) => this.reply(message);
    this.rush = rushing(chat.messages, this.rush);
    const bare = this.rush && !this.away;
    const row = (message) => h(Message, {
      message, parent: parentOf(chat, message), topic, me, moderator, session, mutedNow: chat.muted.includes(message.person), reply: this.answer, bare: bare || over, over,
    });
    return h("div", { class: "panel-column" },
      moderator && session && !over ? h(ModeratorTools, { session, chat, topic }) : h("div"),
      h("div", { class: "list-wrap" },
        h(VirtualList, {
          items: chat.messages, keyOf: (message) => message.id, row, estimate: ROW, stick: true, label: t("chat.label"), live: this.away || hurried(chat.messages) ? "off" : "polite",
          onStart: () => this.older(), onEnd: (atEnd) => this.end(atEnd), hold: (list) => { this.list = list; },
          emptyView: empty("chat", t("chat.none"), t("chat.noneHint")),
        }),
        this.away ? h("div", { class: "jump" }, button(t("chat.newest"), { kind: "primary small", onclick: () => this.list?.toEnd() })) : null),
      over ? readOnly() : h(Composer, { id: `chat-${topic}`, chat, me, moderator, replyTo: this.replyTo, onCancel: () => this.reply(null), onSend: (text) => this.send(text) }));
  }
}

/** Stands where one could write before it was over. */
export function readOnly() {
  return h("p", { class: "panel-foot muted small" }, t("tabs.over"));
}

/** Messages that come faster than they can be read aloud are not. */
function hurried(messages) {
  return messages.length >= FEW && Date.parse(messages.at(-1).at) - Date.parse(messages.at(-FEW).at) < SHORT;
}

/** Whether messages run by so fast that their rows are drawn without tools, which cost more than the rest of them. */
export function rushing(messages, before, now = serverNow()) {
  return messages.length >= MANY && now - Date.parse(messages.at(-MANY).at) < (before ? CALM : RUSH);
}

function parentOf(chat, message) {
  return message.reply_to ? chat.messages.find((other) => other.id === message.reply_to) ?? null : null;
}

function Message({ message, parent, topic, me, moderator, session, mutedNow, reply, bare, over }) {
  const own = message.person === me;
  return h("article", { class: "message" },
    h(Avatar, { id: message.person, name: message.name, size: "small" }),
    h("div", null,
      h("p", null, h("span", { class: "author" }, message.name), message.role === "host" ? [" ", badge(t("people.host"), "good")] : null, h("time", { datetime: message.at }, clock(message.at))),
      message.reply_to ? h("p", { class: "reply-to" }, parent ? `${parent.name}: ${parent.deleted ? t("chat.deleted") : parent.text}` : t("chat.replied")) : null,
      message.deleted ? h("p", { class: "gone" }, t("chat.deleted")) : h("p", { class: "text" }, message.text),
      message.deleted ? null : h(Reactions, { message, topic, over })),
    message.deleted || bare ? null : h("div", { class: "message-tools" },
      iconButton(t("chat.reply", { name: message.name }), "reply", { kind: "small", onclick: () => reply(message) }),
      h(Menu, { label: t("chat.more", { name: message.name }), items: messageItems(message, { topic, own, moderator, session, mutedNow }) })));
}

function messageItems(message, { topic, own, moderator, session, mutedNow }) {
  const react = (emoji) => act("chat.react", { topic, id: message.id, emoji, on: !message.reactions[emoji]?.mine });
  const items = EMOJI.map((emoji) => ({ label: t("chat.react", { emoji }), run: () => react(emoji) }));
  if (own || moderator) items.push({ label: t("chat.delete"), name: "trash", danger: true, run: () => openDialog(Confirm, { title: t("chat.delete"), text: t("chat.deleteText"), yes: t("chat.delete"), danger: true, onYes: () => act("chat.delete", { topic, id: message.id }) }) });
  if (moderator && !own && session) items.push({ label: t(mutedNow ? "chat.unmutePerson" : "chat.mutePerson", { name: message.name }), name: "mic-off", danger: !mutedNow, run: () => act("chat.mute", { session, person: message.person, muted: !mutedNow, ...roomOf(topic) }) });
  return items;
}

function roomOf(topic) {
  return topic.startsWith("room/") ? { room: topic.slice(topic.lastIndexOf(".") + 1) } : {};
}

function Reactions({ message, topic, over }) {
  const list = Object.entries(message.reactions);
  if (list.length === 0) return h("span", { hidden: true });
  return h("div", { class: "reactions" }, ...list.map(([emoji, { count, mine }]) =>
    h("button", { key: emoji, type: "button", class: "reaction", "aria-pressed": String(mine), disabled: over, "aria-label": t("chat.reaction", { emoji, n: count }), onclick: () => act("chat.react", { topic, id: message.id, emoji, on: !mine }) }, `${emoji} ${count}`)));
}

function ModeratorTools({ session, chat, topic }) {
  const room = roomOf(topic);
  return h("div", { class: "panel-tools" },
    h("div", { class: "row" },
      button(t(chat.closed ? "chat.openAll" : "chat.muteAll"), { kind: "small", onclick: () => act("chat.mute", { session, muted: !chat.closed, ...room }) }),
      h("select", { class: "small-select", "aria-label": t("chat.slow"), onchange: (event) => act("chat.slow", { session, seconds: Number(event.target.value), ...room }) },
        ...[0, 5, 10, 30, 60].map((seconds) => h("option", { value: seconds, selected: chat.slow === seconds }, seconds ? t("chat.slowBy", { seconds }) : t("chat.slowOff"))))));
}

/** The field to write in: Enter sends, Shift+Enter is a new line. */
export function Composer({ id, chat, me, moderator, replyTo, onCancel, onSend }) {
  const held = !moderator && (chat.closed || chat.muted.includes(me));
  const submit = async (event) => {
    event.preventDefault();
    const area = event.target.elements.text;
    const text = area.value.trim();
    if (!text || area.disabled) return;
    area.value = "";
    if (!(await onSend(text)) && !area.value) area.value = text;
    area.focus();
  };
  const keys = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  };
  return h("div", { class: "panel-foot" },
    replyTo ? h("div", { class: "row spread" }, h("p", { class: "reply-to grow" }, t("chat.replyTo", { name: replyTo.name })), iconButton(t("app.cancel"), "close", { kind: "small", onclick: onCancel })) : null,
    h("form", { class: "composer", onsubmit: submit },
      h("label", { class: "sr-only", for: id }, t("chat.write")),
      h("textarea", { id, name: "text", rows: 1, maxlength: LIMIT, disabled: held, placeholder: held ? t("chat.held") : t("chat.write"), onkeydown: keys }),
      h("button", { type: "submit", class: "icon-button", "aria-label": t("chat.send"), title: t("chat.send"), disabled: held }, icon("send"))),
    chat.slow && !moderator ? h("p", { class: "hint" }, t("chat.slowBy", { seconds: chat.slow })) : null);
}
