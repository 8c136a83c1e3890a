/** The 1-1 Chat tab: Requested, In scheduling, Confirmed, Completed; and asking somebody for a chat. */

import { act, go, openDialog, saveCalendar, serverNow } from "../actions.js";
import { clock, shortDay, t, zoned } from "../i18n/index.js";
import { loadMeetings } from "../pages.js";
import { AskText } from "../ui/dialog.js";
import { Component, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Avatar, Menu, Tabs, badge, button, empty, loading } from "../ui/parts.js";
import { companyName } from "./cards.js";
import { zoneOf } from "./frame.js";
import { CancelDialog, DeclineDialog, RequestChat, SlotDialog, slotsByDay } from "./meetingdialogs.js";
import { ScheduleEditor } from "./editor.js";

/** Where a chat may stand. */
export const TABS = ["requested", "in_scheduling", "confirmed", "completed", "declined"];

const BOOKED = new Set(["confirmed", "no_show", "missed"]);
const OPENS_BEFORE = 5 * 60_000;

/** Carry out a meeting's command and show the tabs anew. */
export async function change(method, params, quiet) {
  const answer = await act(method, params, { quiet });
  await loadMeetings();
  return answer;
}

/** The other side of a meeting. */
export function otherSide(meeting, me) {
  return meeting.employee.id === me ? meeting.participant : meeting.employee;
}

/** Whether the two may go in now: by the clock, as the list only knows how it was when it was asked for (rule 44). */
export function joinable({ state, start, end }, now = serverNow()) {
  return BOOKED.has(state) && Date.parse(start) - OPENS_BEFORE <= now && now < Date.parse(end);
}

/** A slot in words, in the event's zone and the viewer's. */
export function slotText(slot, zone) {
  return zoned(`${shortDay(slot.start, zone)}, ${clock(slot.start, zone)}–${clock(slot.end, zone)}`, slot.start, zone);
}

/** The page. */
export class OneToOne extends Component {
  constructor(props) {
    super(props);
    this.tab = "requested";
  }

  select(tab) {
    this.tab = tab;
    this.refresh();
  }

  view({ state }) {
    const listed = state.data[`meetings/${this.tab}`];
    const counts = TABS.reduce((found, tab) => state.data[`meetings/${tab}`]?.counts ?? found, null);
    if (!counts) return loading();
    const { agenda } = state.data;
    const { role } = state.person;
    const employee = role === "employee";
    return h("div", { class: "page" },
      h("div", { class: "page-head" },
        h("div", null, h("h1", null, t("nav.one-to-one")), h("p", { class: "muted" }, t("one.hint"), " ", t("one.zone", { zone: zoneOf(state) }))),
        h("div", { class: "row" },
          employee ? this.agendaTools(agenda) : null,
          role === "organizer" ? null : button(t("one.ask"), { kind: "primary", name: "plus", onclick: () => openDialog(RequestChat) }))),
      employee && agenda ? h(FreeSlots, { agenda }) : null,
      h("section", { class: "stack" },
        h(Tabs, { label: t("nav.one-to-one"), idPrefix: "one", active: this.tab, onSelect: (tab) => this.select(tab), tabs: TABS.map((tab) => ({ id: tab, label: t(`one.tab.${tab}`), count: counts[tab] ?? 0 })) }),
        h("div", { class: "stack", role: "tabpanel", id: "one-panel", "aria-labelledby": `one-tab-${this.tab}` },
          listed?.meetings.length ? listed.meetings.map((meeting) => h(MeetingCard, { key: meeting.id, meeting, state })) : h("div", { class: "card" }, empty("chat", t(`one.none.${this.tab}`), t(`one.noneHint.${this.tab}`))))));
  }

  agendaTools(agenda) {
    if (!agenda) return null;
    const items = [
      { label: t("editor.title"), name: "edit", run: () => openDialog(ScheduleEditor) },
      { label: t("schedule.download"), name: "download", run: () => saveCalendar("schedule.calendar", {}, "my-schedule") },
    ];
    return [
      agenda.quota ? h("span", { class: "quota", key: "quota" }, icon("calendar", 18), t("one.quota", { used: agenda.quota.used, limit: agenda.quota.limit })) : null,
      h(Menu, { key: "menu", label: t("one.moreOptions"), text: t("one.moreOptions"), items, kind: agenda.published ? "plain" : "soft" }),
    ];
  }
}

/** The grey box: the slots that are still free. */
export function FreeSlots({ agenda }) {
  const free = agenda.days.flatMap((day) => day.slots.filter((slot) => slot.free));
  return h("section", { class: "slots-box", "aria-labelledby": "free-slots" },
    h("h2", { id: "free-slots" }, t("one.free", { n: free.length })),
    agenda.published ? null : h("p", { class: "muted" }, t("one.notPublished")),
    free.length === 0 && agenda.published ? h("p", { class: "muted" }, t("one.noFree")) : null,
    free.length === 0 ? null : h("div", { class: "slots-scroll", tabindex: 0, role: "region", "aria-label": t("one.free", { n: free.length }) },
      ...slotsByDay(free, agenda.zone).map((slots) => h("div", { key: slots[0].start, class: "day-slots" },
        h("h3", { class: "muted small" }, shortDay(slots[0].start, agenda.zone)),
        h("ul", { class: "slot-grid" }, ...slots.map((slot) => h("li", { key: slot.start, class: "slot static" }, clock(slot.start, agenda.zone))))))));
}

function MeetingCard({ meeting, state }) {
  const me = state.person.id;
  const offered = meeting.offer?.id === me;
  const other = offered ? meeting.participant : otherSide(meeting, me);
  const { zone } = meeting;
  return h("article", { class: "card meeting", "aria-label": other.name },
    h(Avatar, { id: other.id, name: other.name }),
    h("div", null,
      h("h3", null, other.name),
      h("p", { class: "muted small" }, other.company ? companyName(state, other.company) : t("role.participant")),
      meeting.start ? h("p", { class: "row" }, icon("clock", 18), slotText(meeting, zone), meeting.overlaps ? badge(t("one.overlaps"), "warn") : null) : null,
      meeting.message ? h("p", { class: "quote" }, meeting.message) : null,
      meeting.question && meeting.answer ? h("div", null, h("p", { class: "muted small" }, meeting.question), h("p", { class: "quote" }, meeting.answer)) : null,
      meeting.reason ? h("p", { class: "quote" }, meeting.reason) : null,
      meeting.refer ? h("p", null, referral(meeting, state)) : null,
      offered ? offer(meeting) : proposal(meeting, me)),
    h("div", { class: "actions" }, status(meeting), ...(offered ? [] : actions(meeting, me))));
}

/** An organizer asks the viewer to take a colleague's chat over; until they agree it is not theirs. */
function offer({ id, employee }) {
  return h("div", { class: "note-light row" }, h("span", null, t("one.offer", { name: employee.name })),
    button(t("one.takeOver"), { kind: "primary small", onclick: () => change("meeting.agree", { id }) }),
    button(t("one.decline"), { kind: "small", onclick: () => change("meeting.disagree", { id }) }));
}

/** Where a decline points; whom it suggests may be asked by the participant who was declined. */
function referral({ refer, initiator, participant }, state) {
  if (refer.session) return h("a", { href: `#/session/${encodeURIComponent(refer.session)}` }, t("one.referSession"));
  const name = state.data.employees?.employees.find((one) => one.id === refer.employee)?.name ?? refer.employee;
  if (initiator !== "participant" || participant.id !== state.person.id) return t("one.referred", { name });
  return h("button", { type: "button", class: "link", onclick: () => openDialog(RequestChat, { to: refer.employee }) }, t("one.referEmployee", { name }));
}

function proposal(meeting, me) {
  const proposed = meeting.proposal;
  if (!proposed) return null;
  const own = proposed.by === me;
  return h("div", { class: "note-light row" }, badge(t(own ? "one.proposedByYou" : "one.proposed", { slot: slotText(proposed, meeting.zone) }), "warn long"),
    own ? null : button(t("one.agree"), { kind: "primary small", onclick: () => change("meeting.agree", { id: meeting.id }) }),
    button(t(own ? "one.takeBack" : "one.disagree"), { kind: "small", onclick: () => change("meeting.disagree", { id: meeting.id }) }));
}

function status(meeting) {
  const tones = { completed: "good", no_show: "warn", missed: "warn", declined: "bad", cancelled: "bad", withdrawn: "neutral" };
  return meeting.state in tones ? badge(t(`one.state.${meeting.state}`), tones[meeting.state]) : null;
}

function actions(meeting, me) {
  const role = meeting.employee.id === me ? "employee" : "participant";
  if (meeting.state === "requested") return requestedActions(meeting, role);
  if (meeting.state === "in_scheduling") return schedulingActions(meeting, role);
  if (meeting.state === "confirmed") return confirmedActions(meeting);
  if (joinable(meeting)) return [join(meeting)];
  if (meeting.state === "completed") return [button(t("one.note"), { key: "note", kind: "small", onclick: () => note(meeting) })];
  return [];
}

function requestedActions(meeting, role) {
  const { id } = meeting;
  if (meeting.initiator === role) return [badge(t("one.waitingAnswer")), button(t("stage.withdraw"), { key: "withdraw", kind: "small danger-quiet", onclick: () => change("meeting.withdraw", { id }) })];
  return [
    button(t("one.approve"), { key: "approve", kind: "primary", name: "check", onclick: () => approve(meeting, role) }),
    button(t("one.decline"), { key: "decline", onclick: () => openDialog(DeclineDialog, { meeting }) }),
  ];
}

function approve(meeting, role) {
  const { id, question } = meeting;
  if (role === "participant" && question) {
    openDialog(AskText, { title: t("one.approve"), label: question, multiline: true, yes: t("one.approve"), onText: (answer) => change("meeting.approve", { id, answer }) });
  } else change("meeting.approve", { id });
}

function schedulingActions(meeting, role) {
  const cancel = button(t("app.cancel"), { key: "cancel", kind: "small", onclick: () => openDialog(CancelDialog, { meeting }) });
  if (role === "employee") return [badge(t("one.waitingPick"), "info"), cancel];
  return [button(t("one.pick"), { key: "pick", kind: "primary", name: "calendar", onclick: () => openDialog(SlotDialog, { meeting, method: "meeting.pick", title: t("one.pick") }) }), cancel];
}

function join({ id }) {
  return button(t("session.join"), { key: "join", kind: "primary", onclick: () => go("chat", id) });
}

function confirmedActions(meeting) {
  const { id } = meeting;
  const items = [
    { label: t("one.reschedule"), name: "calendar", run: () => openDialog(SlotDialog, { meeting, method: "meeting.reschedule", title: t("one.reschedule") }) },
    { label: t("one.calendar"), name: "download", run: () => saveCalendar("meeting.calendar", { id }, "chat") },
    { label: t("one.note"), name: "edit", run: () => note(meeting) },
    { label: t("one.cancel"), name: "close", danger: true, run: () => openDialog(CancelDialog, { meeting }) },
  ];
  return [
    joinable(meeting) ? join(meeting) : null,
    h(Menu, { key: "menu", label: t("app.moreFor", { title: t("one.chat") }), items }),
  ];
}

async function note(meeting) {
  const known = await act("meeting.get", { id: meeting.id });
  if (!known) return;
  openDialog(AskText, { title: t("one.note"), label: t("one.noteLabel"), initial: known.note, multiline: true, limit: 4000, required: false, yes: t("app.save"), onText: (text) => act("meeting.note", { id: meeting.id, text }) });
}
