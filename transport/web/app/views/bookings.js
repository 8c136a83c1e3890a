/** Everybody's 1-1 chats, for organizers: by tab, page by page. */

import { call, errorText, toast } from "../actions.js";
import { number, t } from "../i18n/index.js";
import { Component, h } from "../ui/dom.js";
import { badge, button } from "../ui/parts.js";
import { companyName } from "./cards.js";
import { TABS, slotText } from "./onetoone.js";

const PAGE = 25;

/** Props: state, counts (by tab; a change of them asks again). */
export class Bookings extends Component {
  constructor(props) {
    super(props);
    this.tab = "confirmed";
    this.meetings = [];
    this.next = null;
  }

  mounted() {
    this.load();
  }

  updated() {
    const now = JSON.stringify(this.props.counts);
    if (this.seen !== undefined && this.seen !== now) this.load();
    this.seen = now;
  }

  async load(after = null) {
    const { tab } = this;
    try {
      const answer = await call("meeting.bookings", { tab, limit: PAGE, ...(after ? { after } : {}) });
      if (tab !== this.tab || this.gone) return;
      this.meetings = after ? [...this.meetings, ...answer.meetings] : answer.meetings;
      this.next = answer.next;
      this.refresh();
    } catch (error) {
      toast(errorText(error), "bad");
    }
  }

  show(tab) {
    this.tab = tab;
    this.load();
  }

  view({ state, counts }) {
    return h("section", { class: "stack" },
      h("h2", null, t("organizer.chatTitle")),
      h("div", { class: "row", role: "group", "aria-label": t("organizer.chatTitle") },
        ...TABS.map((tab) => h("button", { key: tab, type: "button", class: `button small ${tab === this.tab ? "soft" : "quiet"}`, "aria-pressed": String(tab === this.tab), onclick: () => this.show(tab) }, `${t(`one.tab.${tab}`)} · ${number(counts?.[tab] ?? 0)}`))),
      h("div", { class: "card table-card", tabindex: 0, role: "region", "aria-label": t("organizer.chatTitle") },
        this.meetings.length === 0 ? h("p", { class: "muted table-empty" }, t(`one.none.${this.tab}`)) : this.table(state)),
      this.next ? h("div", null, button(t("organizer.more"), { onclick: () => this.load(this.next) })) : null);
  }

  table(state) {
    const columns = ["when", "participant", "employee", "company", "state"];
    return h("table", null,
      h("thead", null, h("tr", null, ...columns.map((name) => h("th", { scope: "col" }, t(`organizer.${name}`))))),
      h("tbody", null, ...this.meetings.map((meeting) => h("tr", { key: meeting.id },
        h("td", { class: "number" }, meeting.start ? slotText(meeting, meeting.zone) : "–"), h("th", { scope: "row" }, meeting.participant.name), h("td", null, meeting.employee.name),
        h("td", null, meeting.employee.company ? companyName(state, meeting.employee.company) : "–"), h("td", null, badge(t(`one.state.${meeting.state}`)))))));
  }
}
