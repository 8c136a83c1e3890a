/** What a company says of itself, in the session's Company tab and on its page; and the editor for its people. */

import { act, openDialog } from "../actions.js";
import { t } from "../i18n/index.js";
import { Dialog } from "../ui/dialog.js";
import { Component, h, isSafeAddress } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { button, empty, iconButton } from "../ui/parts.js";

/** A company's initials on its own tone. */
export function Logo({ id, name }) {
  const tone = [...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 997, 3) % 8;
  return h("span", { class: `logo tone-${tone}`, "aria-hidden": "true" }, [...name].slice(0, 1).join("").toUpperCase());
}

function outLink(title, url) {
  if (!isSafeAddress(url) || !/^(https?:|mailto:)/i.test(url)) return h("span", null, title);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, title, " ", icon("external", 15), h("span", { class: "sr-only" }, t("app.newTab")));
}

/** Description, links, FAQs, jobs. */
export function CompanyFacts({ known }) {
  const { company, quota } = known;
  const { info, links = [], faqs = [], jobs = [] } = company;
  return h("div", { class: "stack company-facts" },
    h("section", { class: "stack" }, h("h2", null, t("company.about", { name: company.name })), h("p", { class: "prose" }, info || t("company.noInfo"))),
    quota ? h("p", { class: "quota" }, icon("calendar", 18), t("company.quota", { used: quota.used, limit: quota.limit })) : null,
    links.length ? h("ul", { class: "row" }, ...links.map((link) => h("li", null, outLink(link.title, link.url)))) : null,
    h("section", null, h("h3", { class: "section-title" }, t("company.faqs")), faqs.length ? null : h("p", { class: "muted" }, t("company.noFaqs")),
      ...faqs.map((faq) => h("details", { class: "faq" }, h("summary", null, faq.question), h("p", { class: "prose" }, faq.answer)))),
    h("section", null, h("h3", { class: "section-title" }, t("company.jobs")), jobs.length ? null : h("p", { class: "muted" }, t("company.noJobs")),
      ...jobs.map((job) => h("div", { class: "job" }, h("strong", null, job.title), outLink(t("company.seeJob"), job.url)))));
}

/** The Company tab of a session. */
export function CompanyTab({ known }) {
  if (!known) return h("div", { class: "panel-scroll" }, empty("building", t("company.none")));
  return h("div", { class: "panel-scroll", tabindex: 0, role: "region", "aria-label": t("tab.company") },
    h("div", { class: "row spread nowrap" },
      h("div", { class: "company-head" }, h(Logo, { id: known.company.id, name: known.company.name }), h("strong", null, known.company.name)),
      known.editable ? button(t("company.edit"), { name: "edit", kind: "small", onclick: () => editCompany(known) }) : null),
    h(CompanyFacts, { known }));
}

/** Open the editor. */
export function editCompany(known) {
  openDialog(CompanyEditor, { company: known.company });
}

const LISTS = { links: ["title", "url"], faqs: ["question", "answer"], jobs: ["title", "url"] };

class CompanyEditor extends Component {
  constructor(props) {
    super(props);
    const { company } = props;
    this.lists = Object.fromEntries(Object.keys(LISTS).map((name) => [name, (company[name] ?? []).map((item, at) => ({ ...item, at }))]));
    this.next = 1000;
  }

  async save(event) {
    event.preventDefault();
    const { company, onClose } = this.props;
    const form = new FormData(event.target);
    const values = { info: form.get("info") };
    for (const [name, members] of Object.entries(LISTS)) {
      const items = this.lists[name].map((item) => Object.fromEntries(members.map((member) => [member, form.get(`${name}.${item.at}.${member}`).trim()])));
      values[name] = items.filter((item) => item[members[0]]);
    }
    if (await act("company.update", { company: company.id, ...values })) onClose();
  }

  add(name) {
    this.lists[name] = [...this.lists[name], { at: this.next++ }];
    this.refresh();
  }

  drop(name, at) {
    this.lists[name] = this.lists[name].filter((item) => item.at !== at);
    this.refresh();
  }

  view({ company, onClose }) {
    return h(Dialog, { title: t("company.editTitle", { name: company.name }), onClose, size: "large" },
      h("form", { onsubmit: (event) => this.save(event) },
        h("div", { class: "field" }, h("label", { for: "company-info" }, t("company.info")), h("textarea", { id: "company-info", name: "info", rows: 5, defaultValue: company.info, maxlength: 10000 })),
        ...Object.entries(LISTS).map(([name, members]) => this.list(name, members)),
        h("div", { class: "dialog-actions" }, button(t("app.cancel"), { onclick: onClose }), button(t("app.save"), { kind: "primary", type: "submit" }))));
  }

  list(name, members) {
    return h("fieldset", { class: "stack" }, h("legend", { class: "legend" }, t(`company.${name}`)),
      ...this.lists[name].map((item) => h("div", { key: item.at, class: "row edit-row" },
        ...members.map((member) => h("input", { class: "grow", name: `${name}.${item.at}.${member}`, "aria-label": t(`company.field.${member}`), placeholder: t(`company.field.${member}`), type: member === "url" ? "url" : "text", defaultValue: item[member] ?? "" })),
        iconButton(t("app.remove"), "trash", { onclick: () => this.drop(name, item.at) }))),
      h("div", null, button(t("app.add"), { name: "plus", kind: "small", onclick: () => this.add(name) })));
  }
}
