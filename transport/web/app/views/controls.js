/** The bar below the stage: microphone, camera, screen, background, devices, and the life ring. */

import { act, openDialog } from "../actions.js";
import { t } from "../i18n/index.js";
import { backgroundsAvailable } from "../media/background.js";
import { shareScreen } from "../media/sync.js";
import { Dialog } from "../ui/dialog.js";
import { Component, classes, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { iconButton, loading } from "../ui/parts.js";
import { DeviceDialog } from "./devices.js";
import { SupportDialog } from "./support.js";

/** The buttons for one's own media; `topic` is where they count. */
export function mediaControls(topic, flags) {
  const blocked = (source) => flags.blocked.includes(source);
  return [
    device("mic", flags.mic && !blocked("mic"), blocked("mic"), () => act("media.set", { topic, mic: !flags.mic })),
    device("camera", flags.camera && !blocked("camera"), blocked("camera"), () => act("media.set", { topic, camera: !flags.camera })),
    control("screen", t(flags.screen ? "control.stopShare" : "control.share"), flags.screen ? "stop" : "screen", {
      pressed: flags.screen, disabled: blocked("screen"), run: () => (flags.screen ? act("media.set", { topic, screen: false }) : shareScreen(topic)),
    }),
    control("background", t("control.background"), "background", { pressed: flags.background !== "none", run: () => openDialog(BackgroundDialog, { topic, current: flags.background }) }),
    control("devices", t("control.devices"), "wand", { run: () => openDialog(DeviceDialog, { title: t("control.devices"), action: t("app.done"), live: true }) }),
  ];
}

function device(source, on, blocked, run) {
  const label = blocked ? t(`control.${source}Blocked`) : t(`control.${source}${on ? "Off" : "On"}`);
  return h("button", { key: source, type: "button", class: classes("control device"), "aria-pressed": String(on), disabled: blocked, "aria-label": label, title: label, onclick: run },
    icon(on ? source : `${source}-off`, 22), h("span", null, t(`device.${source}`)));
}

function control(key, label, name, { pressed, disabled = false, run }) {
  return h("button", { key, type: "button", class: classes("control", pressed && "on"), "aria-pressed": pressed === undefined ? undefined : String(pressed), disabled, "aria-label": label, title: label, onclick: run },
    icon(name, 22), h("span", null, label));
}

/** The life ring, wherever one is. */
export function lifeRing() {
  return iconButton(t("support.ring"), "ring", { kind: "ring", key: "ring", onclick: () => openDialog(SupportDialog) });
}

/** None, blur or image; what is not installed is not offered. */
class BackgroundDialog extends Component {
  constructor(props) {
    super(props);
    this.available = null;
    this.current = props.current;
  }

  async mounted() {
    this.available = await backgroundsAvailable();
    if (!this.gone) this.refresh();
  }

  choose(background) {
    this.current = background;
    this.refresh();
    act("media.set", { topic: this.props.topic, background });
  }

  view({ onClose }) {
    const choices = ["none", "blur", "image"];
    return h(Dialog, { title: t("control.background"), onClose, size: "small" },
      this.available === null ? loading() : h("div", { class: "choices", role: "group", "aria-label": t("control.background") },
        ...choices.map((name) => h("button", { type: "button", class: "choice", "aria-pressed": String(name === this.current), disabled: name !== "none" && !this.available, onclick: () => this.choose(name) }, t(`background.${name}`)))),
      this.available === false ? h("p", { class: "hint" }, t("background.missing")) : null);
  }
}
