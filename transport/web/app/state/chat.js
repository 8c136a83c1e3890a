/** What events make of a chat: settings, messages, reactions. Pure. */

/** Messages held; older ones are fetched again by pages when somebody scrolls to them. */
export const KEPT = 2000;
const SLACK = 200;

function posted(chat, data, { at }) {
  if (chat.messages.some((message) => message.id === data.id)) return chat;
  const messages = [...chat.messages, { ...data, at, deleted: false, reactions: {} }];
  if (messages.length <= KEPT + SLACK) return { ...chat, messages };
  return { ...chat, messages: messages.slice(-KEPT), more: true };
}

function changeOne(chat, id, change) {
  const at = chat.messages.findIndex((message) => message.id === id);
  if (at < 0) return chat;
  const messages = chat.messages.slice();
  messages[at] = { ...messages[at], ...change(messages[at]) };
  return { ...chat, messages };
}

function deleted(chat, data) {
  return changeOne(chat, data.id, () => ({ deleted: true, text: "", reactions: {} }));
}

function reacted(chat, data, { me }) {
  return changeOne(chat, data.id, ({ reactions }) => {
    const { [data.emoji]: before, ...others } = reactions;
    if (data.count === 0) return { reactions: others };
    const mine = data.person === me ? data.on : Boolean(before?.mine);
    return { reactions: { ...reactions, [data.emoji]: { count: data.count, mine } } };
  });
}

function muted(chat, data) {
  if (data.person === null) return { ...chat, closed: data.muted };
  const others = chat.muted.filter((person) => person !== data.person);
  return { ...chat, muted: data.muted ? [...others, data.person] : others };
}

/** Put an older page in front of what is held. */
export function withOlder(chat, page) {
  const held = new Set(chat.messages.map((message) => message.id));
  const older = page.messages.filter((message) => !held.has(message.id));
  return { ...chat, messages: [...older, ...chat.messages], more: page.more };
}

export const chatEvents = {
  "chat.posted": posted,
  "chat.deleted": deleted,
  "chat.reacted": reacted,
  "chat.muted": muted,
  "chat.slowed": (chat, data) => ({ ...chat, slow: data.seconds }),
};
