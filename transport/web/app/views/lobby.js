/** The lobby: what is on now, and what comes next. */

import { serverNow } from "../actions.js";
import { clock, day, moment, t, viewerZone } from "../i18n/index.js";
import { h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { badge, empty, loading } from "../ui/parts.js";
import { SessionCard } from "./cards.js";
import { eventOf } from "./frame.js";

const NEXT = 9;

/** The page a person sees first. */
export function Lobby({ state }) {
  const lobby = eventOf(state);
  if (!lobby) return loading();
  const live = lobby.sessions.filter((card) => card.live);
  const next = lobby.sessions.filter((card) => !card.live && !["ended", "cancelled"].includes(card.state)).slice(0, NEXT);
  return h("div", { class: "page" },
    h(Hero, { lobby, live: live.length }),
    h("section", { "aria-labelledby": "lobby-live" },
      h("div", { class: "section-title" }, h("h2", { id: "lobby-live" }, t("lobby.live")), live.length ? badge(t("session.live"), "live") : null),
      live.length ? h("div", { class: "cards" }, ...live.map((card) => h(SessionCard, { key: card.id, state, card }))) : h("div", { class: "card" }, empty("clock", t("lobby.noneLive"), next.length ? t("lobby.nextAt", { time: moment(next[0].start), title: next[0].title }) : null))),
    h("section", { "aria-labelledby": "lobby-next" },
      h("div", { class: "section-title" }, h("h2", { id: "lobby-next" }, t("lobby.next"))),
      next.length ? h("div", { class: "cards" }, ...next.map((card) => h(SessionCard, { key: card.id, state, card }))) : h("p", { class: "muted" }, t("lobby.noneNext"))));
}

function Hero({ lobby, live }) {
  const { event } = lobby;
  const now = serverNow();
  const zones = event.time_zone === viewerZone() ? t("lobby.zone", { zone: event.time_zone }) : t("lobby.zones", { zone: event.time_zone, time: clock(now, event.time_zone) });
  return h("header", { class: "hero" },
    h("h1", null, event.name),
    h("div", { class: "facts" },
      h("span", null, icon("calendar", 18), days(event)),
      h("span", null, icon("globe", 18), zones),
      h("span", null, icon("play", 18), t("lobby.liveCount", { n: live })),
      h("span", null, icon("building", 18), t("lobby.companyCount", { n: lobby.companies.length }))));
}

function days({ days: list }) {
  const first = day(`${list[0]}T12:00:00Z`, "UTC");
  return list.length === 1 ? first : `${first} – ${day(`${list.at(-1)}T12:00:00Z`, "UTC")}`;
}
