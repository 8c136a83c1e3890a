/**
 * Virtual backgrounds: the camera's picture with the surroundings blurred or replaced.
 *
 * The segmentation comes from a package that set-up puts under `/vendor/vision/`; where it is not, the
 * choice is not offered and the camera stays as it is.
 */

const BASE = "/vendor/vision";
const FRAMES = 24;
const BLUR = 14;

let loading = null;
let running = null;

/** Whether virtual backgrounds can be used here; asks the server once. */
export function backgroundsAvailable() {
  loading ??= loadSegmenter().catch(() => null);
  return loading.then((segmenter) => segmenter !== null);
}

async function loadSegmenter() {
  const listing = await fetch(`${BASE}/ready.json`);
  if (!listing.ok) return null;
  const { module, wasm, model } = await listing.json();
  const { FilesetResolver, ImageSegmenter } = await import(`${BASE}/${module}`);
  const files = await FilesetResolver.forVisionTasks(`${BASE}/${wasm}`);
  return ImageSegmenter.createFromOptions(files, {
    baseOptions: { modelAssetPath: `${BASE}/${model}`, delegate: "CPU" },
    runningMode: "VIDEO", outputCategoryMask: false, outputConfidenceMasks: true,
  });
}

/** The track to send for a camera: itself, or a picture of it with another background. */
export async function withBackground(camera, background) {
  if (running && (running.camera !== camera || running.background !== background)) {
    running.stop();
    running = null;
  }
  if (!camera || background === "none") return camera;
  if (running) return running.track;
  const segmenter = (await backgroundsAvailable()) ? await loading : null;
  if (!segmenter || camera.readyState !== "live") return camera;
  running = await compose(camera, background, segmenter);
  return running.track;
}

async function compose(camera, background, segmenter) {
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = new MediaStream([camera]);
  await video.play();
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const painter = new Painter(canvas, video, background, segmenter);
  const timer = setInterval(() => painter.paint(), 1000 / FRAMES);
  const [track] = canvas.captureStream(FRAMES).getVideoTracks();
  const stop = () => {
    clearInterval(timer);
    track.stop();
    video.srcObject = null;
  };
  return { camera, background, track, stop };
}

class Painter {
  constructor(canvas, video, background, segmenter) {
    this.context = canvas.getContext("2d");
    this.canvas = canvas;
    this.video = video;
    this.background = background;
    this.segmenter = segmenter;
    this.mask = document.createElement("canvas");
    this.last = 0;
  }

  paint() {
    if (this.video.readyState < 2) return;
    const at = Math.max(performance.now(), this.last + 1);
    this.last = at;
    this.segmenter.segmentForVideo(this.video, at, (result) => this.blend(result.confidenceMasks.at(-1)));
  }

  blend(mask) {
    const { context, canvas, video } = this;
    this.drawMask(mask);
    context.globalCompositeOperation = "copy";
    context.filter = "blur(3px)";
    context.drawImage(this.mask, 0, 0, canvas.width, canvas.height);
    context.filter = "none";
    context.globalCompositeOperation = "source-in";
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "destination-over";
    if (this.background === "blur") {
      context.filter = `blur(${BLUR}px)`;
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      context.filter = "none";
    } else {
      this.drawScene();
    }
    context.globalCompositeOperation = "source-over";
  }

  drawMask(mask) {
    const { width, height } = mask;
    this.mask.width = width;
    this.mask.height = height;
    const values = mask.getAsFloat32Array();
    const image = new ImageData(width, height);
    for (let at = 0; at < values.length; at++) image.data[at * 4 + 3] = values[at] * 255;
    this.mask.getContext("2d").putImageData(image, 0, 0);
  }

  /** The picture behind a person: a quiet room in the product's colours. */
  drawScene() {
    const { context, canvas: { width, height } } = this;
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
  }
}
