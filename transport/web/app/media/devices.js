/** Microphone, camera and screen of this device; tracks are asked for when needed and stopped when not. */

const chosen = { mic: null, camera: null };
const tracks = { mic: null, camera: null, screen: null };
const listeners = new Set();

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
/** What a background is drawn behind, picture by picture, is smaller. */
const LIGHTER = { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 20 } };

/** Have the camera give smaller pictures, or full ones again; a camera that cannot stays as it is. */
export function lighten(camera, light) {
  return camera.applyConstraints(light ? LIGHTER : PICTURE).catch(() => {});
}

const CONSTRAINTS = {
  mic: () => ({ audio: { echoCancellation: true, noiseSuppression: true, ...(chosen.mic ? { deviceId: { exact: chosen.mic } } : {}) } }),
  camera: () => ({ video: { ...PICTURE, ...(chosen.camera ? { deviceId: { exact: chosen.camera } } : {}) } }),
};

/** Be told when a device appears, goes or is chosen; returns the way to stop. */
export function onDevices(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(source) {
  for (const listener of listeners) listener(source);
}

globalThis.navigator?.mediaDevices?.addEventListener?.("devicechange", () => tell("list"));

/** The devices to choose from: `{mic: [{id, label}], camera: [...]}`. */
export async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const of = (kind) => all.filter((device) => device.kind === kind && device.deviceId).map((device) => ({ id: device.deviceId, label: device.label }));
  return { mic: of("audioinput"), camera: of("videoinput") };
}

/** Which device is chosen for `mic` or `camera`; null: the browser's. */
export function chosenDevice(source) {
  return chosen[source];
}

/** Use another microphone or camera, at once if it is on. */
export async function chooseDevice(source, id) {
  chosen[source] = id || null;
  if (tracks[source]) {
    release(source);
    await acquire(source);
  }
  tell(source);
}

/**
 * The live track of a source, asking the person's permission if need be.
 * Fails with the browser's own error: `NotAllowedError`, `NotFoundError`, `NotReadableError` ...
 */
export async function acquire(source) {
  const held = tracks[source];
  if (held?.readyState === "live") return held;
  if (!navigator.mediaDevices) throw new DOMException("no devices here", "NotFoundError");
  const stream = source === "screen"
    ? await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } }, audio: false })
    : await navigator.mediaDevices.getUserMedia(CONSTRAINTS[source]());
  const [track] = stream.getTracks();
  tracks[source]?.stop();
  tracks[source] = track;
  if (source === "screen") track.contentHint = "detail";
  track.onended = () => {
    if (tracks[source] !== track) return;
    tracks[source] = null;
    tell(source);
  };
  tell(source);
  return track;
}

/** Stop a source; its light goes off. */
export function release(source) {
  const track = tracks[source];
  if (!track) return;
  tracks[source] = null;
  track.onended = null;
  track.stop();
  tell(source);
}

/** The track of a source if it is live. */
export function liveTrack(source) {
  return tracks[source]?.readyState === "live" ? tracks[source] : null;
}

/** A level from 0 to 1 of a sound track, told about 12 times a second; returns the way to stop. */
export function meterLevel(track, onLevel) {
  const context = new AudioContext();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
    onLevel(Math.min(1, Math.sqrt(power) * 4));
  }, 80);
  return () => {
    clearInterval(timer);
    source.disconnect();
    context.close();
  };
}
