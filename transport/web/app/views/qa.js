/** The Q&A tab: questions by votes, the field to ask, and what a host does with them. */

import { act, openDialog } from "../actions.js";
import { clock, t } from "../i18n/index.js";
import { dispatch } from "../store.js";
import { changeQuestion, withQuestion } from "../state/qa.js";
import { AskText, Confirm } from "../ui/dialog.js";
import { Component, classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Menu, badge, empty } from "../ui/parts.js";
import { VirtualList } from "../ui/virtual.js";
import { readOnly } from "./chat.js";

const LIMIT = 1000;
const ROW = 96;

function take(topic, change) {
  dispatch({ type: "topic", topic, change: (session) => ({ ...session, qa: change(session.qa) }) });
}

async function vote(id, question) {
  const answer = await act(question.voted ? "qa.unvote" : "qa.upvote", { session: id, id: question.id });
  if (answer) take(`session/${id}`, (qa) => changeQuestion(qa, question.id, { votes: answer.question.votes, voted: answer.question.voted }));
}

/** Props: session (topic state), id, over: it can only be read. */
export class QaTab extends Component {
  constructor(props) {
    super(props);
    this.filter = "open";
  }

  show(filter) {
    this.filter = filter;
    this.refresh();
  }

  async ask(event) {
    event.preventDefault();
    const { id } = this.props;
    const form = event.target;
    const text = form.elements.text.value.trim();
    if (!text) return;
    const answer = await act("qa.ask", { session: id, text, ...(form.elements.anonymous?.checked ? { anonymous: true } : {}) });
    if (!answer) return;
    form.reset();
    take(`session/${id}`, (qa) => withQuestion(qa, answer.question));
  }

  view({ session, id, over }) {
    const closed = new Set(["answered", "dismissed"]);
    const items = session.qa.questions.filter((question) => closed.has(question.state) === (this.filter === "closed"));
    const moderator = session.me.moderator && !over;
    return h("div", { class: "panel-column" },
      h("div", { class: "panel-tools" },
        h("div", { class: "row", role: "group", "aria-label": t("qa.filter") },
          ...["open", "closed"].map((filter) => h("button", { type: "button", class: classes("button small", filter === this.filter ? "soft" : "quiet"), "aria-pressed": String(filter === this.filter), onclick: () => this.show(filter) }, t(`qa.${filter}`))))),
      h("div", { class: "list-wrap" },
        h(VirtualList, { items, keyOf: (question) => question.id, estimate: ROW, label: t("qa.label"), row: (question) => h(Question, { question, id, moderator, over }), emptyView: empty("question", t("qa.none"), t("qa.noneHint")) })),
      over ? readOnly() : h("form", { class: "panel-foot", onsubmit: (event) => this.ask(event) },
        h("div", { class: "composer" },
          h("label", { class: "sr-only", for: "qa-text" }, t("qa.ask")),
          h("textarea", { id: "qa-text", name: "text", rows: 1, maxlength: LIMIT, placeholder: t("qa.ask"), onkeydown: submitOnEnter }),
          h("button", { type: "submit", class: "icon-button", "aria-label": t("qa.send"), title: t("qa.send") }, icon("send"))),
        session.session.anonymous_questions ? h("label", { class: "row small" }, h("input", { type: "checkbox", name: "anonymous" }), t("qa.anonymous")) : null));
  }
}

function submitOnEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.target.form.requestSubmit();
}

function Question({ question, id, moderator, over }) {
  const { state, anonymous, name, mine } = question;
  const votes = t("qa.votes", { n: question.votes });
  return h("article", { class: classes("question", state === "live" && "live") },
    h("button", { type: "button", class: "vote", "aria-pressed": String(question.voted), "aria-label": `${t(question.voted ? "qa.unvote" : "qa.upvote")}: ${votes}`, disabled: over || (state !== "open" && state !== "live"), onclick: () => vote(id, question) }, icon("up", 18), h("span", null, question.votes)),
    h("div", null,
      h("div", { class: "row spread" },
        h("p", { class: "muted small" }, anonymous ? t("qa.someone") : name, mine ? ` ${t("people.you")}` : "", " · ", clock(question.at)),
        h("div", { class: "row" }, state === "live" ? badge(t("qa.live"), "warn") : null, state === "dismissed" ? badge(t("qa.dismissed")) : null, moderator ? h(Menu, { label: t("qa.more"), items: questionItems(question, id) }) : null)),
      h("p", { class: "text" }, question.text),
      state === "answered" ? h("p", { class: "answer" }, h("strong", null, question.answered_by ?? t("people.host"), ": "), question.answer || t("qa.answeredLive")) : null));
}

function questionItems(question, id) {
  const about = { session: id, id: question.id };
  const run = (method) => () => act(method, about);
  const open = question.state === "open" || question.state === "live";
  const items = [];
  if (question.state === "open") items.push({ label: t("qa.takeLive"), name: "play", run: run("qa.live") });
  if (question.state === "live") items.push({ label: t("qa.markAnswered"), name: "check", run: run("qa.answer") });
  if (open) {
    items.push({ label: t("qa.answer"), name: "edit", run: () => openDialog(AskText, { title: t("qa.answer"), label: question.text, multiline: true, limit: LIMIT, yes: t("qa.send"), onText: (text) => act("qa.answer", { ...about, text }) }) });
    items.push({ label: t("qa.dismiss"), name: "close", run: run("qa.dismiss") });
  } else items.push({ label: t("qa.reopen"), name: "back", run: run("qa.reopen") });
  items.push({ label: t("qa.delete"), name: "trash", danger: true, run: () => openDialog(Confirm, { title: t("qa.delete"), text: t("qa.deleteText"), yes: t("qa.delete"), danger: true, onYes: run("qa.delete") }) });
  return items;
}
