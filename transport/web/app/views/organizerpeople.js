/** People for organizers: finding somebody in the live sessions, and who is kept out of the event. */

import { act, call, errorText, go, openDialog, toast } from "../actions.js";
import { clock, shortDay, t } from "../i18n/index.js";
import { AskText, Confirm } from "../ui/dialog.js";
import { Component, h } from "../ui/dom.js";
import { Avatar, Menu, button, empty } from "../ui/parts.js";

const SHOWN = 20;
const MESSAGE = 1000;

/** Who listens for a change of bans: the list of them. */
const listeners = new Set();

async function change(method, params) {
  if (await act(method, params)) for (const listener of listeners) listener();
}

function askWhom() {
  openDialog(AskText, { title: t("organizer.ban"), label: t("organizer.banWho"), hint: t("organizer.banHint"), yes: t("host.ban"), limit: 128, onText: (person) => change("event.ban", { person }) });
}

function askBan(person) {
  openDialog(AskText, {
    title: t("host.banTitle", { name: person.name }), label: t("host.kickMessage"), hint: t("organizer.banHint"), required: false, limit: MESSAGE, yes: t("host.ban"),
    onText: (message) => change("event.ban", { person: person.id, ...(message ? { message } : {}) }),
  });
}

/** Search by name in everything that is live. Props: live (ids between spaces), cards. */
export class FindPeople extends Component {
  constructor(props) {
    super(props);
    this.found = null;
  }

  async search(event) {
    event.preventDefault();
    const query = event.target.elements.query.value.trim();
    const found = [];
    try {
      for (const session of this.props.live.split(" ").filter(Boolean)) {
        const { people } = await call("people.list", { session, limit: SHOWN, ...(query ? { query } : {}) });
        found.push(...people.map((person) => ({ person, session })));
      }
    } catch (error) {
      toast(errorText(error), "bad");
      return;
    }
    this.found = found.slice(0, SHOWN);
    this.refresh();
  }

  view({ cards }) {
    const titles = new Map(cards.map((card) => [card.id, card.title]));
    return h("section", { class: "stack", "aria-labelledby": "organizer-find" },
      h("h2", { id: "organizer-find" }, t("organizer.findTitle")),
      h("div", { class: "card stack" },
        h("form", { class: "row nowrap", role: "search", onsubmit: (event) => this.search(event) },
          h("input", { name: "query", type: "search", maxlength: 100, "aria-label": t("people.search"), placeholder: t("people.search") }),
          button(t("organizer.find"), { type: "submit", kind: "primary" })),
        h("div", { role: "status" }, this.found === null ? h("p", { class: "muted small" }, t("organizer.findHint")) : this.found.length === 0 ? h("p", { class: "muted" }, t("people.notFound")) : null),
        this.found?.length ? h("ul", null, ...this.found.map(({ person, session }) => foundRow(person, session, titles.get(session) ?? session))) : null));
  }
}

function foundRow(person, session, title) {
  const items = [
    { label: t("organizer.enter"), name: "forward", run: () => go("session", session) },
    { label: t("host.ban"), name: "lock", danger: true, run: () => askBan(person) },
  ];
  return h("li", { key: `${session}/${person.id}`, class: "person plain" },
    h(Avatar, { id: person.id, name: person.name }),
    h("div", { class: "grow" }, h("p", { class: "name" }, person.name), h("p", { class: "state" }, `${t(`role.${person.role}`)} · ${title}`)),
    h(Menu, { label: t("app.moreFor", { title: person.name }), items }));
}

/** Who is kept out of the event, and the way back in. */
export class Bans extends Component {
  constructor(props) {
    super(props);
    this.bans = null;
    this.reload = () => this.load();
  }

  mounted() {
    listeners.add(this.reload);
    this.load();
  }

  unmounted() {
    listeners.delete(this.reload);
  }

  async load() {
    try {
      this.bans = (await call("event.bans")).bans;
    } catch (error) {
      toast(errorText(error), "bad");
    }
    if (!this.gone) this.refresh();
  }

  view() {
    const bans = this.bans ?? [];
    return h("section", { class: "stack", "aria-labelledby": "organizer-bans" },
      h("div", { class: "row spread" }, h("h2", { id: "organizer-bans" }, t("organizer.bansTitle")), button(t("organizer.ban"), { kind: "danger-quiet small", name: "lock", onclick: askWhom })),
      h("div", { class: "card" }, bans.length === 0 ? empty("lock", t("organizer.noBans"), t("organizer.noBansHint")) : h("ul", null, ...bans.map((ban) => this.row(ban)))));
  }

  row(ban) {
    const lift = () => openDialog(Confirm, { title: t("host.unban", { name: ban.person }), text: t("organizer.unbanText"), yes: t("organizer.unban"), onYes: () => change("event.unban", { person: ban.person }) });
    return h("li", { key: ban.person, class: "person plain" },
      h(Avatar, { id: ban.person, name: ban.person }),
      h("div", { class: "grow" }, h("p", { class: "name" }, ban.person), h("p", { class: "state" }, `${shortDay(ban.at)}, ${clock(ban.at)}${ban.message ? ` · ${ban.message}` : ""}`)),
      button(t("organizer.unban"), { kind: "small", "aria-label": t("host.unban", { name: ban.person }), onclick: lift }));
  }
}
