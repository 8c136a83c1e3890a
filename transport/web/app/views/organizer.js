/** The organizer's page: figures, live sessions, people, 1-1 chats, companies with their quotas, and bans. */

import { act, call, go, openDialog } from "../actions.js";
import { clock, number, shortDay, t } from "../i18n/index.js";
import { Component, h } from "../ui/dom.js";
import { Menu, badge, loading } from "../ui/parts.js";
import { companyName, marks } from "./cards.js";
import { eventOf } from "./frame.js";
import { confirmEnd } from "./hosttools.js";
import { allCards } from "./program.js";
import { Bans, FindPeople } from "./organizerpeople.js";
import { Bookings } from "./bookings.js";

const LOOK_AGAIN = 10_000;

/** The page. */
export class Organizer extends Component {
  constructor(props) {
    super(props);
    this.present = {};
    this.counts = null;
  }

  async mounted() {
    await this.look();
    this.timer = setInterval(() => this.look(), LOOK_AGAIN);
    for (const company of eventOf(this.props.state)?.companies ?? []) await act("company.get", { company: company.id });
  }

  unmounted() {
    clearInterval(this.timer);
  }

  /** What no event tells: how many are in each live session, and how the 1-1 chats stand. */
  async look() {
    try {
      for (const card of allCards(this.props.state).filter((one) => one.live)) {
        this.present[card.id] = (await call("session.get", { session: card.id })).session.present;
      }
      this.counts = (await call("meeting.bookings", { limit: 1 })).counts;
    } catch {
      return; // the next look comes by itself
    }
    if (!this.gone) this.refresh();
  }

  view({ state }) {
    const lobby = eventOf(state);
    if (!lobby) return loading();
    const cards = allCards(state);
    return h("div", { class: "page" },
      h("div", { class: "page-head" }, h("div", null, h("h1", null, t("nav.organizer")), h("p", { class: "muted" }, lobby.event.name, ". ", t("program.hint", { zone: lobby.event.time_zone })))),
      this.figures(cards, lobby),
      h("section", { class: "stack" }, h("h2", null, t("organizer.sessionTitle")), this.table(state, cards)),
      h("div", { class: "columns even" },
        h(FindPeople, { live: cards.filter((card) => card.live).map((card) => card.id).join(" "), cards }),
        h(Bans, null)),
      h(Bookings, { state, counts: this.counts }),
      h("section", { class: "stack" }, h("h2", null, t("organizer.companyTitle")), companies(state, lobby)));
  }

  figures(cards, lobby) {
    const live = cards.filter((card) => card.live);
    const sum = (list, value) => list.reduce((total, card) => total + value(card), 0);
    const counts = this.counts ?? {};
    const seats = sum(cards, (card) => card.capacity ?? 0);
    return h("dl", { class: "figures" },
      figure("live", live.length, t("organizer.of", { n: cards.length })),
      figure("here", sum(live, (card) => this.present[card.id] ?? 0)),
      figure("registered", sum(cards, (card) => card.registered), seats > 0 ? t("organizer.seatsOf", { n: seats }) : null),
      figure("chats", counts.confirmed ?? 0, t("organizer.chatsMore", { open: (counts.requested ?? 0) + (counts.in_scheduling ?? 0), done: counts.completed ?? 0 })),
      figure("companies", lobby.companies.length));
  }

  table(state, cards) {
    return h("div", { class: "card table-card", tabindex: 0, role: "region", "aria-label": t("organizer.sessionTitle") }, h("table", null,
      h("thead", null, h("tr", null, ...["when", "session", "company", "state", "people", "seats", "actions"].map((name) => h("th", { scope: "col" }, t(`organizer.${name}`))))),
      h("tbody", null, ...cards.map((card) => h("tr", { key: card.id },
        h("td", { class: "number" }, `${shortDay(card.start)}, ${clock(card.start)}`), h("th", { scope: "row" }, h("a", { href: `#/session/${encodeURIComponent(card.id)}` }, card.title)),
        h("td", null, card.company ? companyName(state, card.company) : "–"), h("td", null, h("div", { class: "row" }, ...stateOf(card))),
        h("td", { class: "number" }, card.live ? number(this.present[card.id] ?? 0) : "–"),
        h("td", { class: "number" }, card.capacity === null ? t("session.open") : `${number(card.registered)} / ${number(card.capacity)}`),
        h("td", null, h(Menu, { label: t("app.moreFor", { title: card.title }), items: sessionItems(card) })))))));
  }
}

function stateOf(card) {
  const found = marks({ ...card, mine: null });
  return found.length > 0 ? found : [badge(t("organizer.planned"))];
}

function sessionItems(card) {
  const items = [{ label: t("organizer.enter"), name: "forward", run: () => go("session", card.id) }];
  if (card.live) items.push({ label: t("host.end"), name: "stop", danger: true, run: () => confirmEnd(card.id) });
  if (["scheduled", "backstage"].includes(card.state)) items.push({ label: t("host.start"), name: "play", run: () => act("session.start", { session: card.id }) });
  return items;
}

function figure(name, value, more) {
  return h("div", { class: "card figure" }, h("dt", null, t(`organizer.figure.${name}`)), h("dd", null, h("strong", null, number(value)), more ? h("span", { class: "muted small" }, more) : null));
}

function companies(state, lobby) {
  return h("div", { class: "card table-card", tabindex: 0, role: "region", "aria-label": t("organizer.companyTitle") }, h("table", null,
    h("thead", null, h("tr", null, ...["company", "quota"].map((name) => h("th", { scope: "col" }, t(`organizer.${name}`))))),
    h("tbody", null, ...lobby.companies.map((company) => {
      const quota = state.topics[`company/${company.id}`]?.quota;
      return h("tr", { key: company.id },
        h("th", { scope: "row" }, h("a", { href: `#/company/${encodeURIComponent(company.id)}` }, company.name)),
        h("td", { class: "number" }, quota ? h("div", { class: "seats wide" }, h("span", null, t("company.quota", { used: quota.used, limit: quota.limit })), h("progress", { max: Math.max(1, quota.limit), value: quota.used, "aria-label": t("company.quota", { used: quota.used, limit: quota.limit }) })) : "–"));
    }))));
}
