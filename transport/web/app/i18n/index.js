/** Texts, dates and numbers in the viewer's language; every text of the client stands in `en.js` and `de.js`. */

import { de } from "./de.js";
import { en } from "./en.js";

export const LANGUAGES = { en, de };
const KEPT = "greenroom.language";
let language = "en";
let region = "en";
let plurals = new Intl.PluralRules("en");
let eventZone; // until the event is known, times are the viewer's

/** Choose what was kept, else what the browser prefers, else English. */
export function detectLanguage() {
  const wanted = [readKept(), ...(globalThis.navigator?.languages ?? [])];
  setLanguage(wanted.map((tag) => (tag ?? "").slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en", false);
}

/** Speak `tag` from now on; dates and numbers as in the region that the browser names for it. */
export function setLanguage(tag, keep = true) {
  language = tag;
  region = (globalThis.navigator?.languages ?? []).find((full) => full.slice(0, 2) === tag) ?? tag;
  plurals = new Intl.PluralRules(tag);
  if (globalThis.document) document.documentElement.lang = tag;
  if (keep) globalThis.localStorage?.setItem(KEPT, tag);
}

/** The text of a key. `{name}` is filled in; with `n` given, `key.one` and `key.other` are tried first. */
export function t(key, facts = {}) {
  const texts = LANGUAGES[language];
  const form = "n" in facts ? `${key}.${plurals.select(facts.n)}` : key;
  const text = texts[form] ?? texts[key] ?? texts[`${key}.other`] ?? en[form] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in facts ? shown(facts[name]) : whole));
}

/** Whether a key has a text. */
export function hasText(key) {
  return key in en;
}

function shown(value) {
  return typeof value === "number" ? new Intl.NumberFormat(region).format(value) : String(value);
}

function readKept() {
  try {
    return globalThis.localStorage?.getItem(KEPT);
  } catch {
    return null; // storage may be forbidden; the browser's preference serves
  }
}

const formatters = new Map();

function formatter(options, spelling = region) {
  const name = spelling + JSON.stringify(options);
  if (!formatters.has(name)) formatters.set(name, new Intl.DateTimeFormat(spelling, options));
  return formatters.get(name);
}

/** Tell times in the event's zone from now on. */
export function setZone(zone) {
  eventZone = zone;
}

/** A wall clock time, such as 10:30, in `zone` (default: the event's). */
export function clock(instant, zone = eventZone) {
  return formatter({ hour: "2-digit", minute: "2-digit", timeZone: zone }).format(new Date(instant));
}

/** A day, such as Tuesday, 1 December. */
export function day(instant, zone = eventZone) {
  return formatter({ weekday: "long", day: "numeric", month: "long", timeZone: zone }).format(new Date(instant));
}

/** A short day, such as Tue 1 Dec. */
export function shortDay(instant, zone = eventZone) {
  return formatter({ weekday: "short", day: "numeric", month: "short", timeZone: zone }).format(new Date(instant));
}

/** The calendar day as YYYY-MM-DD in `zone`. */
export function dayKey(instant, zone) {
  return formatter({ year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone }, "en-CA").format(new Date(instant));
}

/** What the viewer's own clock shows at an instant, with the day where it is another; empty where it shows the same as in `zone`. */
export function ownTime(instant, zone = eventZone) {
  const own = viewerZone();
  if (dayKey(instant, own) !== dayKey(instant, zone)) return `${shortDay(instant, own)}, ${clock(instant, own)}`;
  return clock(instant, own) === clock(instant, zone) ? "" : clock(instant, own);
}

/** `text`, which tells an instant in `zone`, with the zone's name and the viewer's own time where that differs. */
export function zoned(text, instant, zone = eventZone) {
  const time = ownTime(instant, zone);
  return time ? `${text} ${zone} (${t("session.yourTime", { time })})` : text;
}

/** One important time: with its day unless that is today, there and here, and the viewer's own beside it. */
export function moment(instant, zone = eventZone, now = Date.now()) {
  const key = dayKey(instant, zone);
  const today = key === dayKey(now, zone) && key === dayKey(instant, viewerZone());
  return zoned(today ? clock(instant, zone) : `${shortDay(instant, zone)}, ${clock(instant, zone)}`, instant, zone);
}

/** Seconds as m:ss, never below zero. */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

/** A number in the viewer's spelling. */
export function number(value) {
  return new Intl.NumberFormat(region).format(value);
}

let ownZone;

/** The viewer's own zone. */
export function viewerZone() {
  ownZone ??= Intl.DateTimeFormat().resolvedOptions().timeZone;
  return ownZone;
}
