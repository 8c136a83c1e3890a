/** The organizer's page: figures, live sessions, people who were banned, companies and their quotas. */

import { act, go, openDialog } from "../actions.js";
import { clock, number, t } from "../i18n/index.js";
import { Component, h } from "../ui/dom.js";
import { AskText } from "../ui/dialog.js";
import { Menu, button, loading } from "../ui/parts.js";
import { companyName, marks } from "./cards.js";
import { eventOf, zoneOf } from "./frame.js";
import { confirmEnd } from "./hosttools.js";
import { allCards } from "./program.js";

/** The page. */
export class Organizer extends Component {
  constructor(props) {
    super(props);
    this.present = {};
    this.bookings = null;
  }

  async mounted() {
    await Promise.all([this.countPeople(), this.readQuotas(), this.readBookings()]);
    this.timer = setInterval(() => this.countPeople(), 10_000);
  }

  unmounted() {
    clearInterval(this.timer);
  }

  async countPeople() {
    for (const card of allCards(this.props.state).filter((one) => one.live)) {
      const about = await act("session.get", { session: card.id });
      if (about) this.present[card.id] = about.session.present;
    }
    if (!this.gone) this.refresh();
  }

  async readBookings() {
    this.bookings = (await act("meeting.bookings", { limit: 1 }))?.counts ?? null;
    if (!this.gone) this.refresh();
  }

  async readQuotas() {
    for (const company of eventOf(this.props.state)?.companies ?? []) await act("company.get", { company: company.id });
  }

  view({ state }) {
    const lobby = eventOf(state);
    if (!lobby) return loading();
    const cards = allCards(state);
    const live = cards.filter((card) => card.live);
    const registered = cards.reduce((sum, card) => sum + card.registered, 0);
    const here = live.reduce((sum, card) => sum + (this.present[card.id] ?? 0), 0);
    return h("div", { class: "page" },
      h("div", { class: "page-head" }, h("div", null, h("h1", null, t("nav.organizer")), h("p", { class: "muted" }, lobby.event.name)), button(t("organizer.ban"), { kind: "danger-quiet", name: "lock", onclick: askBan })),
      h("div", { class: "figures" }, figure("live", live.length), figure("here", here), figure("registered", registered), figure("sessions", cards.length), figure("chats", this.bookings?.confirmed ?? 0), figure("companies", lobby.companies.length)),
      h("section", { class: "stack" }, h("h2", null, t("organizer.sessionTitle")), this.table(state, cards)),
      h("section", { class: "stack" }, h("h2", null, t("organizer.companyTitle")), companies(state, lobby)));
  }

  table(state, cards) {
    const zone = zoneOf(state);
    return h("div", { class: "card table-card", tabindex: 0, role: "region", "aria-label": t("organizer.sessionTitle") }, h("table", null,
      h("thead", null, h("tr", null, ...["when", "session", "company", "state", "people", "seats", "actions"].map((name) => h("th", { scope: "col" }, t(`organizer.${name}`))))),
      h("tbody", null, ...cards.map((card) => h("tr", { key: card.id },
        h("td", { class: "number" }, clock(card.start, zone)), h("td", null, h("a", { href: `#/session/${encodeURIComponent(card.id)}` }, card.title)),
        h("td", null, card.company ? companyName(state, card.company) : "–"), h("td", null, h("div", { class: "row" }, ...marks({ ...card, mine: null }))),
        h("td", { class: "number" }, card.live ? number(this.present[card.id] ?? 0) : "–"),
        h("td", { class: "number" }, card.capacity === null ? t("session.open") : `${number(card.registered)} / ${number(card.capacity)}`),
        h("td", null, h(Menu, { label: t("app.moreFor", { title: card.title }), items: sessionItems(card) })))))));
  }
}

function sessionItems(card) {
  const items = [{ label: t("organizer.enter"), name: "forward", run: () => go("session", card.id) }];
  if (card.live) items.push({ label: t("host.end"), name: "stop", danger: true, run: () => confirmEnd(card.id) });
  if (["scheduled", "backstage"].includes(card.state)) items.push({ label: t("host.start"), name: "play", run: () => act("session.start", { session: card.id }) });
  return items;
}

function figure(name, value) {
  return h("div", { class: "card figure" }, h("strong", null, number(value)), h("span", { class: "muted" }, t(`organizer.figure.${name}`)));
}

function companies(state, lobby) {
  return h("div", { class: "card table-card" }, h("table", null,
    h("thead", null, h("tr", null, ...["company", "quota"].map((name) => h("th", { scope: "col" }, t(`organizer.${name}`))))),
    h("tbody", null, ...lobby.companies.map((company) => {
      const quota = state.topics[`company/${company.id}`]?.quota;
      return h("tr", { key: company.id }, h("td", null, h("a", { href: `#/company/${encodeURIComponent(company.id)}` }, company.name)), h("td", { class: "number" }, quota ? t("company.quota", { used: quota.used, limit: quota.limit }) : "–"));
    }))));
}

function askBan() {
  openDialog(AskText, { title: t("organizer.ban"), label: t("organizer.banWho"), hint: t("organizer.banHint"), yes: t("host.ban"), limit: 128, onText: (person) => act("event.ban", { person }) });
}
