/** The program: every session, day by day. */

import { day, dayKey, t } from "../i18n/index.js";
import { Component, h } from "../ui/dom.js";
import { empty, loading } from "../ui/parts.js";
import { SessionRow } from "./cards.js";
import { eventOf } from "./frame.js";

/** Cards grouped by the day of the event's zone: `[[day, cards], …]`. */
export function byDay(cards, zone) {
  const groups = new Map();
  for (const card of cards) {
    const key = dayKey(card.start, zone);
    groups.set(key, [...(groups.get(key) ?? []), card]);
  }
  return [...groups];
}

/** The lobby's cards are alive; the program's complete: together they are both. */
export function allCards(state) {
  const lobby = eventOf(state);
  const cards = new Map((state.data.program?.sessions ?? []).map((card) => [card.id, card]));
  for (const card of lobby?.sessions ?? []) cards.set(card.id, { ...cards.get(card.id), ...card });
  return [...cards.values()].sort((one, other) => Date.parse(one.start) - Date.parse(other.start));
}

/** The page with the whole program, to be narrowed by words and kind. */
export class Program extends Component {
  constructor(props) {
    super(props);
    this.words = "";
    this.kind = "";
  }

  change(values) {
    Object.assign(this, values);
    this.refresh();
  }

  view({ state }) {
    const lobby = eventOf(state);
    if (!lobby) return loading();
    const words = this.words.toLocaleLowerCase();
    const cards = allCards(state).filter((card) => (!this.kind || card.kind === this.kind) && card.title.toLocaleLowerCase().includes(words));
    return h("div", { class: "page" },
      h("div", { class: "page-head" }, h("div", null, h("h1", null, t("nav.program")), h("p", { class: "muted" }, t("program.hint", { zone: lobby.event.time_zone }))), this.filters()),
      cards.length === 0 ? empty("search", t("program.none"), t("program.noneHint")) : null,
      ...byDay(cards, lobby.event.time_zone).map(([key, group]) =>
        h("section", { key, class: "stack" },
          h("h2", { class: "day-title" }, day(group[0].start, lobby.event.time_zone)),
          ...group.map((card) => h(SessionRow, { key: card.id, state, card })))));
  }

  filters() {
    return h("div", { class: "row filters", role: "search" },
      h("input", { type: "search", "aria-label": t("program.search"), placeholder: t("program.search"), oninput: (event) => this.change({ words: event.target.value }) }),
      h("select", { "aria-label": t("program.kind"), onchange: (event) => this.change({ kind: event.target.value }) },
        h("option", { value: "" }, t("program.allKinds")),
        ...["workshop", "company_presentation", "coffee_chat"].map((kind) => h("option", { value: kind }, t(`kind.${kind}`)))));
  }
}
