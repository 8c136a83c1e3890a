/** Every text that a view asks for exists, in every language, with the same facts in it. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

process.env.TZ = "America/New_York"; // the viewer's zone

const app = new URL("../../transport/web/app/", import.meta.url);
const { en } = await import(new URL("i18n/en.js", app));
const { de } = await import(new URL("i18n/de.js", app));
const { clock, moment, setZone } = await import(new URL("i18n/index.js", app));

function facts(text) {
  return [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
}

function sources() {
  const files = readdirSync(app, { recursive: true }).filter((name) => name.endsWith(".js") && !name.startsWith("i18n"));
  return files.map((name) => [name, readFileSync(new URL(name.replaceAll("\\", "/"), app), "utf8")]);
}

test("German has every English text with the same facts, and no other", () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  for (const key of Object.keys(en)) assert.deepEqual(facts(de[key]), facts(en[key]), key);
});

test("every text asked for exists", () => {
  const missing = [];
  for (const [name, source] of sources()) {
    for (const [, key] of source.matchAll(/\bt\((?:[^"`()]*\? )?"([\w.-]+)"/g)) {
      if (!(key in en) && !(`${key}.other` in en)) missing.push(`${name}: ${key}`);
    }
    for (const [, key] of source.matchAll(/\bt\([^"`()]*\? "[\w.-]+" : "([\w.-]+)"/g)) {
      if (!(key in en) && !(`${key}.other` in en)) missing.push(`${name}: ${key}`);
    }
  }
  assert.deepEqual(missing, []);
});

/** Keys whose end a server or a browser names: reasons, kinds, states, roles, errors. */
const NAMED_ELSEWHERE = /^(error|note|kind|role|one\.state|support\.state|device)\./;

test("every text is asked for somewhere", () => {
  const words = new Set();
  const patterns = [];
  for (const [, source] of sources()) {
    for (const [, word] of source.matchAll(/"([\w.-]+)"/g)) words.add(word);
    for (const [, word] of source.matchAll(/\b(\w+): /g)) words.add(word);
    for (const [, made] of source.matchAll(/\bt\([^`]*`([\w.-]+\.\$\{[^`]*)`/g)) {
      const either = made.replaceAll(".", "\\.").replaceAll(/\$\{[^{}]*\? "(\w+)" : "(\w+)"\}/g, "(?:$1|$2)");
      patterns.push(new RegExp(`^${either.replaceAll(/\$\{.*?\}/g, "([\\w-]+)")}$`));
    }
  }
  const ways = (key) => patterns.map((pattern) => pattern.exec(key)).filter(Boolean);
  const asked = (key) => words.has(key) || NAMED_ELSEWHERE.test(key) || ways(key).some(([, ...parts]) => parts.every((part) => words.has(part)));
  const base = (key) => key.replace(/\.(zero|one|two|few|many|other)$/, "");
  assert.deepEqual(Object.keys(en).filter((key) => !asked(key) && !asked(base(key))), []);
});

test("modules stay short enough to be read at once, and never hand text to the page as HTML", () => {
  for (const [name, source] of sources()) {
    assert.ok(source.split("\n").length < 400, name);
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
  }
});

const plain = (text) => text.replaceAll(/\s/g, " ");

test("times are the event's, named and with the viewer's own beside them where these differ", () => {
  const at = "2026-12-01T15:00:00Z";
  setZone("Europe/Berlin");
  assert.equal(plain(clock(at)), "04:00 PM");
  assert.equal(plain(moment(at, undefined, Date.parse(at))), "04:00 PM Europe/Berlin (10:00 AM your time)");
  assert.equal(plain(moment(at, "Asia/Tokyo", Date.parse(at))), "Wed, Dec 2, 12:00 AM Asia/Tokyo (Tue, Dec 1, 10:00 AM your time)");
  setZone("America/New_York");
  assert.equal(plain(moment(at, undefined, Date.parse(at))), "10:00 AM");
  assert.equal(plain(moment(at, undefined, Date.parse(at) - 86_400_000)), "Tue, Dec 1, 10:00 AM");
  setZone(undefined);
});
