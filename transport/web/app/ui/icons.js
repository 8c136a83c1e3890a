/** Line icons on a 24 by 24 grid, drawn with `currentColor`; decoration only, so hidden from readers. */

import { h } from "./dom.js";

const PATHS = {
  mic: ["M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3z", "M5 11a7 7 0 0 0 14 0", "M12 18v3"],
  "mic-off": ["M9 9v2a3 3 0 0 0 5 2.2", "M15 10V6a3 3 0 0 0-5.8-1", "M5 11a7 7 0 0 0 11.5 5.4", "M19 11a7 7 0 0 1-.7 3", "M12 18v3", "M4 3l16 18"],
  camera: ["M3 7h11a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H3z", "M15 11l6-3v8l-6-3z"],
  "camera-off": ["M9 7h5a1 1 0 0 1 1 1v3l6-3v8l-3-1.5", "M13 17H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1", "M3 3l18 18"],
  screen: ["M3 4h18v12H3z", "M8 20h8", "M12 16v4", "M12 13V8", "M9.5 10.5L12 8l2.5 2.5"],
  background: ["M4 20c0-4 3.6-6 8-6s8 2 8 6", "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M3 4l2 2M3 10h2M21 4l-2 2M19 10h2"],
  leave: ["M14 4h5a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-5", "M10 8l-4 4 4 4", "M6 12h10"],
  ring: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M5.6 5.6l3.6 3.6M14.8 14.8l3.6 3.6M18.4 5.6l-3.6 3.6M9.2 14.8l-3.6 3.6"],
  chat: ["M4 5h16v11H9l-5 4z", "M8 9h8M8 12h5"],
  people: ["M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z", "M2.5 20c0-3.6 2.9-5.5 6.5-5.5s6.5 1.9 6.5 5.5", "M16 5.4a3.3 3.3 0 0 1 0 6.2", "M18 14.8c2.2.7 3.5 2.5 3.5 5.2"],
  question: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8", "M12 17v.1"],
  building: ["M5 21V4h9v17", "M14 9h5v12", "M3 21h18", "M8 8h3M8 12h3M8 16h3"],
  up: ["M12 19V6", "M6 11l6-6 6 6"],
  send: ["M4 12l16-8-5 16-3.5-6.5z", "M11.5 13.5L20 4"],
  more: ["M12 5.5v.1M12 12v.1M12 18.5v.1"],
  check: ["M5 12.5l4.5 4.5L19 7"],
  close: ["M6 6l12 12M18 6L6 18"],
  calendar: ["M4 6h16v14H4z", "M4 10h16", "M8 3v4M16 3v4"],
  clock: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M12 7v5l3.5 2"],
  bell: ["M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15z", "M10 20.5h4"],
  globe: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M3 12h18", "M12 3c3 3 3 15 0 18c-3-3-3-15 0-18z"],
  download: ["M12 4v11", "M7 11l5 5 5-5", "M5 20h14"],
  external: ["M14 4h6v6", "M20 4l-9 9", "M18 14v6H4V6h6"],
  smile: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M8.5 14c1.8 2.4 5.2 2.4 7 0", "M9 9.5v.1M15 9.5v.1"],
  reply: ["M10 7L5 12l5 5", "M5 12h9a5 5 0 0 1 5 5v1"],
  trash: ["M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13"],
  rooms: ["M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z"],
  megaphone: ["M4 10v4h3l9 5V5l-9 5z", "M19 9.5a3.5 3.5 0 0 1 0 5", "M7 14l1.5 6"],
  play: ["M7 4l13 8-13 8z"],
  stop: ["M6 6h12v12H6z"],
  search: ["M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M15.5 15.5L20 20"],
  back: ["M15 5l-7 7 7 7"],
  forward: ["M9 5l7 7-7 7"],
  offline: ["M4 9c5-4.5 11-4.5 16 0", "M7.5 13c3-2.5 6-2.5 9 0", "M12 18v.1", "M4 3l16 18"],
  grip: ["M9 6v.1M15 6v.1M9 12v.1M15 12v.1M9 18v.1M15 18v.1"],
  lobby: ["M4 11l8-7 8 7", "M6 10v10h12V10", "M10 20v-6h4v6"],
  hand: ["M8 12V6a1.5 1.5 0 0 1 3 0v5M11 10V4.5a1.5 1.5 0 0 1 3 0V11M14 10.5V6a1.5 1.5 0 0 1 3 0v8c0 4-2 7-5.5 7-3 0-4.3-1.5-5.5-4L4 13.5a1.5 1.5 0 0 1 2.6-1.5L8 14"],
  star: ["M12 4l2.4 5 5.6.8-4 3.9.9 5.5L12 16.6 7.1 19.2l.9-5.5-4-3.9 5.6-.8z"],
  figures: ["M4 20V10M10 20V4M16 20v-7M21 20H3"],
  lock: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3"],
  plus: ["M12 5v14M5 12h14"],
  edit: ["M4 20l1-4L16 5l3 3L8 19z"],
  wand: ["M5 19L16 8", "M18 3v4M16 5h4M20 12v3M18.5 13.5h3"],
};

const DOTTED = new Set(["more", "grip"]);

/** An icon by name. */
export function icon(name, size = 20) {
  return h(
    "svg",
    { viewBox: "0 0 24 24", width: size, height: size, class: DOTTED.has(name) ? "icon dots" : "icon", "aria-hidden": "true", focusable: "false" },
    ...PATHS[name].map((d) => h("path", { d })),
  );
}

/** The product's mark: a door with light in it. */
export function mark(size = 28) {
  return h(
    "svg",
    { viewBox: "0 0 32 32", width: size, height: size, class: "mark", "aria-hidden": "true", focusable: "false" },
    h("rect", { x: 2, y: 2, width: 28, height: 28, rx: 8, class: "mark-ground" }),
    h("path", { d: "M11 24V9.5L20 7v19z", class: "mark-door" }),
    h("path", { d: "M20 10h3v14h-3", class: "mark-frame" }),
    h("circle", { cx: 17.5, cy: 16.8, r: 1.1, class: "mark-knob" }),
  );
}
