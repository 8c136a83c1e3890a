/** Choosing devices with a preview and a level meter, before anything is sent or while on screen. */

import { act } from "../actions.js";
import { t } from "../i18n/index.js";
import { acquire, chooseDevice, chosenDevice, listDevices, liveTrack, meterLevel, onDevices, release } from "../media/devices.js";
import { report, wantedMedia } from "../media/sync.js";
import { dispatch } from "../store.js";
import { Dialog } from "../ui/dialog.js";
import { Component, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { button } from "../ui/parts.js";

/**
 * Props: title, action (label), onChoose({mic, camera}), onClose, hint.
 * `live`: one may be seen and heard already; the buttons are those of the bar, and what is shown is what is sent.
 */
export class DeviceDialog extends Component {
  constructor(props) {
    super(props);
    this.on = { mic: true, camera: true };
    this.failed = {};
    this.devices = { mic: [], camera: [] };
  }

  async mounted() {
    this.stopWatching = onDevices(() => this.relist());
    this.meter();
    if (!this.props.live) {
      dispatch({ type: "data", name: "previewing", value: true });
      await Promise.all([this.take("mic"), this.take("camera")]);
    }
    await this.relist();
  }

  unmounted() {
    this.stopWatching?.();
    this.stopMeter?.();
    if (this.props.live) return;
    dispatch({ type: "data", name: "previewing", value: false });
    release("mic");
    release("camera");
  }

  async relist() {
    this.devices = await listDevices();
    if (!this.gone) this.refresh();
  }

  /** Hold a device for the preview; one that comes when the dialog is gone is let go. */
  async take(source) {
    try {
      await acquire(source);
      this.failed[source] = false;
    } catch (error) {
      this.on[source] = false;
      this.failed[source] = true;
      report(source, error);
    }
    if (this.gone || !this.on[source]) release(source);
    if (!this.gone) this.refresh();
  }

  updated() {
    this.meter();
  }

  /** Follow the microphone that is on now. */
  meter() {
    const mic = liveTrack("mic");
    if (mic === this.metered) return;
    this.metered = mic;
    this.stopMeter?.();
    this.stopMeter = mic && meterLevel(mic, (level) => {
      const element = this.vnode.dom.querySelector("meter");
      if (element) element.value = level;
    });
  }

  toggle(source) {
    const { live, state } = this.props;
    if (live) {
      const { room, flags } = wantedMedia(state);
      act("media.set", { topic: room, [source]: !flags[source] });
      return;
    }
    this.on[source] = !this.on[source];
    if (this.on[source]) this.take(source);
    else release(source);
    this.refresh();
  }

  async choose(source, id) {
    try {
      await chooseDevice(source, id);
    } catch (error) {
      report(source, error);
    }
    if (!this.props.live && this.on[source]) await this.take(source);
  }

  confirm() {
    this.props.onClose();
    this.props.onChoose?.({ mic: this.on.mic, camera: this.on.camera });
  }

  view({ title, action, onClose, hint, live }) {
    return h(Dialog, { title, onClose },
      hint ? h("p", { class: "muted" }, hint) : null,
      this.preview(),
      h("meter", { class: "meter", min: 0, max: 1, value: 0, "aria-label": t("device.level") }),
      this.select("mic"), this.select("camera"),
      h("div", { class: "dialog-actions" }, live ? null : button(t("app.cancel"), { onclick: onClose }), button(action, { kind: "primary", "data-first": true, onclick: () => this.confirm() })));
  }

  preview() {
    const camera = liveTrack("camera");
    if (camera !== this.previewed) {
      this.previewed = camera;
      this.stream = camera ? new MediaStream([camera]) : null;
    }
    return h("div", { class: "preview" },
      this.stream ? h("video", { autoplay: true, playsinline: true, muted: true, srcObject: this.stream, "aria-label": t("device.preview") }) : h("p", null, t(this.failed.camera ? "device.noCamera" : "device.cameraOff")),
      h("div", { class: "toggles" }, this.toggler("mic"), this.toggler("camera")));
  }

  toggler(source) {
    const wanted = this.props.live ? wantedMedia(this.props.state) : null;
    if (this.props.live && !wanted?.publish) return null;
    const on = wanted ? wanted.flags[source] : this.on[source];
    const blocked = wanted?.flags.blocked.includes(source);
    const label = blocked ? t(`control.${source}Blocked`) : t(`device.${on ? "turnOff" : "turnOn"}.${source}`);
    return h("button", { type: "button", class: "round", "aria-pressed": String(on), disabled: blocked, "aria-label": label, title: label, onclick: () => this.toggle(source) }, icon(on ? source : `${source}-off`));
  }

  select(source) {
    const id = `device-${source}`;
    const list = this.devices[source];
    return h("div", { class: "field" },
      h("label", { for: id }, t(`device.${source}`)),
      h("select", { id, disabled: list.length === 0, onchange: (event) => this.choose(source, event.target.value) },
        list.length === 0 ? h("option", null, t("device.none")) : null,
        ...list.map((device, at) => h("option", { value: device.id, selected: device.id === chosenDevice(source) }, device.label || t("device.numbered", { number: at + 1 })))));
  }
}
