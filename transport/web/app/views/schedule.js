/** My Schedule: what I registered for, what I host, and my confirmed 1-1 chats, in time order. */

import { go, saveCalendar, serverNow } from "../actions.js";
import { clock, day, t } from "../i18n/index.js";
import { classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { badge, button, empty, loading } from "../ui/parts.js";
import { localTime } from "./cards.js";
import { byDay } from "./program.js";

/** The page. */
export function Schedule({ state }) {
  const schedule = state.data.schedule;
  if (!schedule) return loading();
  const { items, zone } = schedule;
  return h("div", { class: "page" },
    h("div", { class: "page-head" },
      h("div", null, h("h1", null, t("nav.schedule")), h("p", { class: "muted" }, t("schedule.hint", { zone }))),
      items.length ? button(t("schedule.download"), { name: "download", onclick: () => saveCalendar("schedule.calendar", {}, "my-schedule") }) : null),
    items.length === 0 ? h("div", { class: "card" }, empty("star", t("schedule.none"), t("schedule.noneHint"), button(t("nav.program"), { kind: "primary", onclick: () => go("program") }))) : null,
    ...byDay(items, zone).map(([key, group]) =>
      h("section", { key, class: "stack" }, h("h2", { class: "day-title" }, day(group[0].start, zone)), ...group.map((item) => h(Item, { key: item.id, item, zone, items, tick: state.now })))));
}

function titleOf(item) {
  return item.type === "chat" ? t("schedule.chatWith", { name: item.with.name }) : item.title;
}

function Item({ item, zone, items }) {
  const joinable = item.joinable || (item.opens_at && Date.parse(item.opens_at) <= serverNow() && serverNow() < Date.parse(item.end));
  const page = item.type === "chat" ? "chat" : "session";
  const clashes = item.overlaps.map((id) => items.find((other) => other.id === id)).filter(Boolean).map(titleOf);
  return h("article", { class: classes("card row-card", item.live && "is-live") },
    h("p", { class: "when" }, `${clock(item.start, zone)}–${clock(item.end, zone)}`, h("small", null, localTime(item, zone))),
    h("div", { class: "stack" },
      h("h3", null, titleOf(item)),
      h("div", { class: "row" },
        badge(item.type === "chat" ? t("kind.chat") : t(`kind.${item.kind}`)),
        item.live ? badge(t("session.live"), "live") : null,
        item.type === "session" ? badge(t(`schedule.role.${item.role}`), item.role === "waiting" ? "warn" : "good") : null,
        clashes.length ? badge(t("schedule.overlaps", { titles: clashes.join(", ") }), "warn long") : null)),
    h("div", { class: "row" },
      joinable ? button(t("session.join"), { kind: "primary", onclick: () => go(page, item.id) })
        : h("span", { class: "muted small row" }, icon("clock", 16), t("session.opensAt", { time: clock(item.opens_at ?? item.start, zone) }))));
}
