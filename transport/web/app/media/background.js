/**
 * Virtual backgrounds: the camera's picture with the surroundings blurred or replaced.
 *
 * The segmentation comes from a package that set-up puts under `/vendor/vision/`; where it is not, the
 * choice is not offered and the camera stays as it is.
 */

import { lighten } from "./devices.js";

const BASE = "/vendor/vision";
const BLUR = 14;
const SCENE = { width: 1280, height: 720 };

let loading = null;
let running = null;
/** One for all: the model is loaded once. */
let processor = null;

/** Whether virtual backgrounds can be used here; asks the server once. */
export async function backgroundsAvailable() {
  loading ??= loadProcessor().catch(() => null);
  return (await loading) !== null;
}

async function loadProcessor() {
  const listing = await fetch(`${BASE}/ready.json`);
  if (listing.status !== 200) return null;
  const { module } = await listing.json();
  const { VirtualBackgroundProcessor } = await import(`${BASE}/${module}`);
  return VirtualBackgroundProcessor.isSupported() ? VirtualBackgroundProcessor : null;
}

/**
 * The track to send for a camera: itself, or a picture of it with another background.
 * Fails when the package does; then the camera itself is there to be sent.
 */
export async function withBackground(camera, background) {
  if (running && (running.camera !== camera || running.background !== background)) stop();
  if (!camera || background === "none" || camera.readyState !== "live") return camera;
  if (running) return running.track;
  if (!(await backgroundsAvailable())) return camera;
  processor ??= new (await loading)(BASE);
  await lighten(camera, true);
  const options = background === "blur" ? { blurRadius: BLUR } : { backgroundImage: drawScene() };
  const track = await processor.startProcessing(camera, options);
  running = { camera, background, track };
  return track;
}

function stop() {
  processor.stopProcessing();
  if (running.camera.readyState === "live") lighten(running.camera, false);
  running = null;
}

/** The picture behind a person: a quiet room in the product's colours. */
function drawScene() {
  const { width, height } = SCENE;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  const wall = context.createLinearGradient(0, 0, width, height);
  wall.addColorStop(0, "#dfe9e2");
  wall.addColorStop(1, "#8fb7a1");
  context.fillStyle = wall;
  context.fillRect(0, 0, width, height);
  context.fillStyle = "rgb(255 255 255 / 45%)";
  context.beginPath();
  context.arc(width * 0.82, height * 0.22, height * 0.3, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = "#0c6b4c";
  context.fillRect(0, height * 0.86, width, height * 0.14);
  return canvas;
}
