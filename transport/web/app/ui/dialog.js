/** Dialogs: the browser's own `<dialog>`, which traps focus, closes on Escape and gives focus back. */

import { t } from "../i18n/index.js";
import { Component, h } from "./dom.js";
import { button, iconButton } from "./parts.js";

let counter = 0;

/** Props: title, onClose, size; children are the body. */
export class Dialog extends Component {
  constructor(props) {
    super(props);
    this.id = `dialog-${++counter}`;
    this.opener = document.activeElement;
  }

  mounted() {
    const dialog = this.vnode.dom;
    if (!dialog.isConnected) return;
    dialog.showModal();
    dialog.querySelector("[data-first]")?.focus();
  }

  unmounted() {
    const { opener } = this;
    queueMicrotask(() => opener?.isConnected && opener.focus());
  }

  view({ title, onClose, size = "medium" }) {
    const cancelled = (event) => {
      event.preventDefault();
      onClose();
    };
    const outside = (event) => event.target === event.currentTarget && onClose();
    return h(
      "dialog",
      { class: `dialog ${size}`, "aria-labelledby": this.id, oncancel: cancelled, onmousedown: outside },
      h("div", { class: "dialog-inner" },
        h("header", { class: "dialog-head" }, h("h2", { id: this.id }, title), iconButton(t("app.close"), "close", { onclick: onClose })),
        h("div", { class: "dialog-body" }, ...this.children)),
    );
  }
}

/** A question with two answers; `danger` paints the first as one that cannot be undone. */
export function Confirm({ title, text, yes, danger, onYes, onClose }) {
  return h(
    Dialog,
    { title, onClose, size: "small" },
    h("p", null, text),
    h("div", { class: "dialog-actions" },
      button(t("app.cancel"), { onclick: onClose, "data-first": true }),
      button(yes, { kind: danger ? "danger" : "primary", onclick: () => { onClose(); onYes(); } })),
  );
}

/** Ask for a text; `onText` gets it. */
export function AskText({ title, label, hint, yes, multiline, initial = "", required = true, limit = 1000, onText, onClose }) {
  const submit = (event) => {
    event.preventDefault();
    const text = event.target.elements.text.value.trim();
    if (required && !text) return;
    onClose();
    onText(text);
  };
  const attributes = { id: "ask-text", name: "text", maxlength: limit, required, defaultValue: initial, "data-first": true, "aria-describedby": hint ? "ask-text-hint" : undefined };
  return h(
    Dialog,
    { title, onClose, size: "small" },
    h("form", { onsubmit: submit },
      h("div", { class: "field" }, h("label", { for: "ask-text" }, label), multiline ? h("textarea", { ...attributes, rows: 4 }) : h("input", attributes), hint ? h("p", { class: "hint", id: "ask-text-hint" }, hint) : null),
      h("div", { class: "dialog-actions" }, button(t("app.cancel"), { onclick: onClose }), button(yes, { kind: "primary", type: "submit" }))),
  );
}
