/** Companies: all of them, and each one's page with its sessions, FAQs and jobs. */

import { go } from "../actions.js";
import { t } from "../i18n/index.js";
import { h } from "../ui/dom.js";
import { button, empty, loading } from "../ui/parts.js";
import { SessionCard } from "./cards.js";
import { CompanyFacts, Logo, editCompany } from "./companytab.js";
import { eventOf } from "./frame.js";

/** The page that lists them. */
export function Companies({ state }) {
  const lobby = eventOf(state);
  if (!lobby) return loading();
  const list = lobby.companies.slice().sort((one, other) => one.name.localeCompare(other.name));
  const count = (id) => lobby.sessions.filter((card) => card.company === id).length;
  return h("div", { class: "page" },
    h("div", { class: "page-head" }, h("h1", null, t("nav.companies"))),
    list.length === 0 ? empty("building", t("companies.none")) : h("div", { class: "companies" },
      ...list.map(({ id, name }) => h("a", { key: id, class: "card company-card", href: `#/company/${encodeURIComponent(id)}` }, h(Logo, { id, name }), h("h3", null, name), h("p", { class: "muted small" }, t("companies.sessions", { n: count(id) }))))));
}

function Unknown() {
  const all = button(t("nav.companies"), { kind: "primary", onclick: () => go("companies") });
  return h("div", { class: "page" }, h("h1", null, t("nav.companies")), h("div", { class: "card" }, empty("building", t("company.unknown"), null, all)));
}

/** One company's page. */
export function CompanyPage({ state }) {
  const { id } = state.route;
  const known = state.topics[`company/${id}`];
  const lobby = eventOf(state);
  if (state.data[`company/${id}`]?.unknown) return h(Unknown);
  if (!known || !lobby) return loading();
  const { company } = known;
  const live = new Map(lobby.sessions.map((card) => [card.id, card]));
  const own = (state.data[`program/${id}`]?.sessions ?? lobby.sessions.filter((card) => card.company === id)).map((card) => ({ ...card, ...live.get(card.id) }));
  return h("div", { class: "page" },
    h("div", { class: "page-head" },
      h("div", { class: "row" }, h(Logo, { id: company.id, name: company.name }), h("h1", null, company.name)),
      h("div", { class: "row" },
        known.editable ? button(t("company.edit"), { name: "edit", onclick: () => editCompany(known) }) : null,
        button(t("nav.one-to-one"), { name: "chat", onclick: () => go("one-to-one") }))),
    h("div", { class: "columns" },
      h(CompanyFacts, { known }),
      h("section", { class: "stack", "aria-labelledby": "company-sessions" },
        h("h2", { id: "company-sessions" }, t("company.sessions")),
        own.length ? null : h("p", { class: "muted" }, t("company.noSessions")),
        ...own.map((card) => h(SessionCard, { key: card.id, state, card })))));
}
