/** Choosing devices with a preview and a level meter, before anything is sent or while on screen. */

import { t } from "../i18n/index.js";
import { acquire, chooseDevice, chosenDevice, listDevices, meterLevel, onDevices, release } from "../media/devices.js";
import { report } from "../media/sync.js";
import { dispatch } from "../store.js";
import { Dialog } from "../ui/dialog.js";
import { Component, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { button } from "../ui/parts.js";

/** Props: title, action (label), onChoose({mic, camera}), onClose, initial; without `onChoose` only devices are chosen. */
export class DeviceDialog extends Component {
  constructor(props) {
    super(props);
    this.on = { mic: true, camera: true, ...props.initial };
    this.tracks = { mic: null, camera: null };
    this.failed = {};
    this.devices = { mic: [], camera: [] };
    this.level = 0;
  }

  async mounted() {
    dispatch({ type: "data", name: "previewing", value: true });
    this.stopWatching = onDevices(() => this.relist());
    await Promise.all([this.take("mic"), this.take("camera")]);
    await this.relist();
  }

  unmounted() {
    this.stopWatching?.();
    this.stopMeter?.();
    dispatch({ type: "data", name: "previewing", value: false });
    if (!this.props.keep && !this.sent) {
      release("mic");
      release("camera");
    }
  }

  async relist() {
    this.devices = await listDevices();
    if (!this.gone) this.refresh();
  }

  async take(source) {
    if (!this.on[source]) return this.drop(source);
    try {
      this.tracks[source] = await acquire(source);
      this.failed[source] = false;
    } catch (error) {
      this.on[source] = false;
      this.failed[source] = true;
      report(source, error);
    }
    if (this.gone) return undefined;
    if (source === "mic") this.meter();
    return this.refresh();
  }

  drop(source) {
    this.tracks[source] = null;
    if (!this.props.keep) release(source);
    if (source === "mic") this.meter();
    if (!this.gone) this.refresh();
  }

  meter() {
    this.stopMeter?.();
    this.stopMeter = null;
    this.level = 0;
    if (!this.tracks.mic) return;
    this.stopMeter = meterLevel(this.tracks.mic, (level) => {
      this.level = level;
      const element = this.vnode.dom.querySelector("meter");
      if (element) element.value = level;
    });
  }

  toggle(source) {
    this.on[source] = !this.on[source];
    this.take(source);
  }

  async choose(source, id) {
    try {
      await chooseDevice(source, id);
    } catch (error) {
      report(source, error);
    }
    await this.take(source);
  }

  confirm() {
    this.sent = true;
    this.props.onClose();
    this.props.onChoose?.({ mic: this.on.mic, camera: this.on.camera });
  }

  view({ title, action, onClose, hint }) {
    return h(Dialog, { title, onClose },
      hint ? h("p", { class: "muted" }, hint) : null,
      this.preview(),
      h("meter", { class: "meter", min: 0, max: 1, value: 0, "aria-label": t("device.level") }),
      this.select("mic"), this.select("camera"),
      h("div", { class: "dialog-actions" }, button(t("app.cancel"), { onclick: onClose }), button(action, { kind: "primary", "data-first": true, onclick: () => this.confirm() })));
  }

  preview() {
    const { camera } = this.tracks;
    if (camera !== this.previewed) {
      this.previewed = camera;
      this.stream = camera ? new MediaStream([camera]) : null;
    }
    return h("div", { class: "preview" },
      this.stream ? h("video", { autoplay: true, playsinline: true, muted: true, srcObject: this.stream, "aria-label": t("device.preview") }) : h("p", null, t(this.failed.camera ? "device.noCamera" : "device.cameraOff")),
      h("div", { class: "toggles" }, this.toggler("mic", "mic"), this.toggler("camera", "camera")));
  }

  toggler(source, name) {
    const on = this.on[source];
    const label = t(`device.${on ? "turnOff" : "turnOn"}.${source}`);
    return h("button", { type: "button", class: "round", "aria-pressed": String(on), "aria-label": label, title: label, onclick: () => this.toggle(source) }, icon(on ? name : `${name}-off`));
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
