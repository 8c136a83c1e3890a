/** The right side of a session: Company, People, Q&A and Chat, with marks for what is unread. */

import { t } from "../i18n/index.js";
import { OVER } from "../rooms/session.js";
import { dispatch, tabOf } from "../store.js";
import { h } from "../ui/dom.js";
import { Tabs } from "../ui/parts.js";
import { ChatTab } from "./chat.js";
import { CompanyTab } from "./companytab.js";
import { PeopleTab } from "./people.js";
import { QaTab } from "./qa.js";
import { RequestBar, mayRequest } from "./request.js";

const TABS = ["company", "people", "qa", "chat"];

/** The panel. */
export function Panel({ state, session, id, room }) {
  const topic = `session/${id}`;
  const chatTopic = room ? `room/${id}.${session.me.room}` : topic;
  const active = tabOf(state, topic);
  const unread = (tab) => (tab === "chat" ? state.ui.unread[chatTopic]?.chat : state.ui.unread[topic]?.[tab]) ?? 0;
  const tabs = TABS.map((name) => ({
    id: name, label: t(`tab.${name}`), unread: name === active ? 0 : unread(name),
    count: name === "people" && session.me.moderator && session.stage.request_count > 0 ? session.stage.request_count : undefined,
  }));
  return h("aside", { class: "panel", "aria-label": t("tab.label") },
    h(Tabs, { label: t("tab.label"), tabs, active, idPrefix: "panel", onSelect: (tab) => dispatch({ type: "tab", topic, tab, seen: [topic, chatTopic] }) }),
    h("div", { class: "panel-body", role: "tabpanel", id: "panel-panel", "aria-labelledby": `panel-tab-${active}` }, content(active, { state, session, id, room, chatTopic })),
    active !== "company" && mayRequest(session) ? h("div", { class: "panel-foot request-foot" }, h(RequestBar, { session, id, wide: true })) : h("div"));
}

function content(active, { state, session, id, room, chatTopic }) {
  const me = state.person.id;
  const over = OVER.has(session.session.state);
  if (active === "company") return h(CompanyTab, { key: "company", known: state.topics[`company/${session.session.company}`] });
  if (active === "people") return h(PeopleTab, { key: "people", session, id, me });
  if (active === "qa") return h(QaTab, { key: "qa", session, id, over });
  const chat = room ? room.chat : session.chat;
  return h(ChatTab, { key: chatTopic, topic: chatTopic, chat, me, moderator: session.me.moderator, session: id, over });
}
