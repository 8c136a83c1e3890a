/** The client's state, fed with events as the wire brings them. Run by `node --test`. */

import assert from "node:assert/strict";
import { test } from "node:test";

const app = new URL("../../transport/web/app/", import.meta.url);
const { initial, reduce } = await import(new URL("store.js", app));
const { KEPT } = await import(new URL("state/chat.js", app));
const { isSafeAddress } = await import(new URL("ui/dom.js", app));
const { joinRight } = await import(new URL("views/cards.js", app));
const { joinable } = await import(new URL("views/onetoone.js", app));
const { rushing } = await import(new URL("views/chat.js", app));
const { keptWindow, offsetsOf, windowOf } = await import(new URL("ui/virtual.js", app));
const { mayReconnect, pauseBefore, Connection } = await import(new URL("rpc.js", app));
const { parseEntry, parseRoute } = await import(new URL("router.js", app));
const { wantedMedia } = await import(new URL("media/sync.js", app));
const { readGroups } = await import(new URL("views/openrooms.js", app));

const TOPIC = "session/ux";
const AT = "2026-12-01T10:00:00.000Z";
const none = { state: "none", position: null, deadline: null, mic: false, camera: false, may_return_until: null };

function person(id, more = {}) {
  return { id, name: id[0].toUpperCase() + id.slice(1), role: "participant", company: null, host: false, on_screen: false, room: null, ...more };
}

function snapshot() {
  return {
    session: { id: "ux", state: "live", present: 3, company: "acme" },
    me: { id: "ana", role: "participant", host: false, moderator: false, room: null, stage: none },
    people: { people: [person("hana", { host: true, on_screen: true }), person("ana"), person("ben")], complete: true, counts: { present: 3 }, revision: 7, next: null },
    stage: { cap: 10, seats: [], requests: [], request_count: 0, invites: [] },
    media: { shares: 1, people: {} },
    chat: { closed: false, slow: 0, muted: [], messages: [], more: false },
    qa: { questions: [], total: 0 },
    breakout: null, bans: [],
  };
}

function play(...events) {
  let state = reduce(initial, { type: "connected", result: { person: { id: "ana", name: "Ana" }, event: "fair" } });
  state = reduce(state, { type: "event", event: { topic: TOPIC, type: "snapshot", seq: 1, at: AT, data: snapshot() } });
  return more(state, ...events);
}

function more(state, ...events) {
  return events.reduce((before, [type, data, topic = TOPIC]) => reduce(before, { type: "event", event: { topic, type, at: AT, data } }), state);
}

test("a chat is joinable from five minutes before its start until its end, whatever the list said", () => {
  const meeting = { state: "confirmed", start: "2026-12-01T10:00:00Z", end: "2026-12-01T10:30:00Z", joinable: false };
  const at = (clock, more) => joinable({ ...meeting, ...more }, Date.parse(`2026-12-01T${clock}Z`));
  assert.deepEqual(["09:54:59", "09:55:00", "10:29:59", "10:30:00"].map((clock) => at(clock)), [false, true, true, false]);
  assert.equal(at("10:12:00", { state: "missed" }), true);
  assert.equal(at("10:12:00", { state: "cancelled", joinable: true }), false);
});

test("a request goes through the queue, the countdown and the stage, and back", () => {
  let state = play(["stage.requested", { person: "ben", name: "Ben", mic: true, camera: true, position: 1 }], ["stage.requested", { person: "ana", name: "Ana", mic: true, camera: false, position: 2 }]);
  assert.equal(state.topics[TOPIC].me.stage.position, 2);
  assert.equal(state.topics[TOPIC].stage.request_count, 2);
  state = more(state, ["stage.withdrawn", { person: "ben" }]);
  assert.equal(state.topics[TOPIC].me.stage.position, 1);
  state = more(state, ["stage.accepted", { person: "ana", name: "Ana", by: "hana", by_name: "Hana", how: "request", mic: true, camera: false, deadline: AT }]);
  assert.equal(state.topics[TOPIC].me.stage.state, "accepted");
  assert.equal(state.topics[TOPIC].stage.request_count, 0);
  state = more(state, ["stage.countdown", { person: "ana", ends_at: AT }], ["stage.entered", { person: "ana", name: "Ana", mic: true, camera: false }]);
  assert.equal(state.topics[TOPIC].me.stage.state, "on_screen");
  assert.deepEqual(state.topics[TOPIC].media.people.ana, { mic: true, camera: false, screen: false, background: "none", blocked: [] });
  state = more(state, ["stage.left", { person: "ana", reason: "left", by: null, may_return_until: AT }]);
  assert.equal(state.topics[TOPIC].me.stage.state, "none");
  assert.equal(state.topics[TOPIC].me.stage.may_return_until, AT);
  assert.equal(state.topics[TOPIC].media.people.ana.mic, false);
});

test("who leaves is off the stage, out of the queue and silent", () => {
  const state = play(
    ["stage.entered", { person: "ben", name: "Ben", mic: true, camera: true }],
    ["people.changed", { revision: 8, complete: true, counts: { present: 2 }, joined: [], left: ["ben"] }],
  );
  assert.deepEqual(state.topics[TOPIC].stage.seats, []);
  assert.equal(state.topics[TOPIC].media.people.ben.mic, false);
  assert.deepEqual(state.topics[TOPIC].people.people.map((one) => one.id), ["hana", "ana"]);
  assert.equal(state.topics[TOPIC].people.stale, false);
});

test("a revision that was missed asks for the list again", () => {
  const state = play(["people.changed", { revision: 10, complete: true, counts: { present: 3 }, joined: [], left: [] }]);
  assert.equal(state.topics[TOPIC].people.stale, true);
});

test("questions stand by votes, then by time", () => {
  const state = play(
    ["qa.asked", { id: "1", text: "one", anonymous: false, person: "ben", name: "Ben" }],
    ["qa.asked", { id: "2", text: "two", anonymous: true, person: null, name: null }],
    ["qa.voted", { id: "2", votes: 1 }],
  );
  assert.deepEqual(state.topics[TOPIC].qa.questions.map((one) => one.id), ["2", "1"]);
  assert.equal(state.ui.unread[TOPIC].qa, 2);
});

test("a chat keeps its newest messages and says that there are older ones", () => {
  let state = play();
  for (let id = 1; id <= KEPT + 300; id++) state = more(state, ["chat.posted", { id: String(id), person: "ben", name: "Ben", role: "participant", text: "x", reply_to: null }]);
  const { chat } = state.topics[TOPIC];
  assert.ok(chat.messages.length <= KEPT + 200);
  assert.equal(chat.messages.at(-1).id, String(KEPT + 300));
  assert.equal(chat.more, true);
});

test("a tombstone keeps its place, a reaction knows whose it is", () => {
  const state = play(
    ["chat.posted", { id: "1", person: "ben", name: "Ben", role: "participant", text: "x", reply_to: null }],
    ["chat.reacted", { id: "1", person: "ana", emoji: "👍", on: true, count: 1 }],
    ["chat.reacted", { id: "1", person: "ben", emoji: "👍", on: true, count: 2 }],
  );
  assert.deepEqual(state.topics[TOPIC].chat.messages[0].reactions["👍"], { count: 2, mine: true });
  const gone = more(state, ["chat.deleted", { id: "1", by: "hana" }]);
  assert.equal(gone.topics[TOPIC].chat.messages[0].deleted, true);
  assert.equal(gone.topics[TOPIC].chat.messages[0].text, "");
});

const OPENED = ["breakout.opened", { round: 1, assign: "random", late: "main", ends_at: AT, rooms: [{ id: "1", name: "Room 1" }, { id: "2", name: "Room 2" }], assigned: { ana: "1", ben: "2" }, moved: ["ana", "ben"], by: "hana" }];

test("rooms take people in, let them move, and give them back with what was on", () => {
  let state = play(["stage.requested", { person: "ana", name: "Ana", mic: true, camera: true, position: 1 }], OPENED);
  assert.equal(state.topics[TOPIC].me.room, "1");
  assert.equal(state.topics[TOPIC].stage.request_count, 0);
  assert.deepEqual(state.topics[TOPIC].breakout.rooms[1].here, ["ben"]);
  state = more(state, ["breakout.moved", { person: "ana", previous: "1", room: null, assigned: "1", by: null, media: null }]);
  assert.equal(state.topics[TOPIC].me.room, null);
  assert.deepEqual(state.topics[TOPIC].breakout.you, { assigned: "1", room: null });
  state = more(state, ["breakout.closing", { ends_at: AT, seconds: 30, by: "hana" }], ["breakout.closed", { round: 1, moved: ["ben"], media: { ben: { mic: true, camera: false } }, by: "hana" }]);
  assert.equal(state.topics[TOPIC].breakout.state, "closed");
  assert.equal(state.topics[TOPIC].media.people.ben.mic, true);
});

test("what is sent follows from where one is and what one has on", () => {
  const route = { type: "route", route: { page: "session", id: "ux" } };
  let state = reduce(play(), route);
  assert.equal(wantedMedia(state).publish, false);
  state = more(state, ["stage.entered", { person: "ana", name: "Ana", mic: true, camera: true }]);
  assert.deepEqual([wantedMedia(state).publish, wantedMedia(state).flags.mic], [true, true]);
  assert.equal(wantedMedia(reduce(state, { type: "route", route: { page: "lobby", id: null } })), null);
});

test("only the rows in sight are drawn", () => {
  const items = Array.from({ length: 10_000 }, (_, id) => ({ id }));
  const offsets = offsetsOf(items, new Map(), (item) => item.id, 50);
  const [from, to] = windowOf(offsets, 250_000, 600, 5);
  assert.ok(from >= 4990 && to <= 5025 && to - from < 35);
});

test("only harmless addresses become links", () => {
  for (const bad of ["javascript:alert(1)", " JavaScript:alert(1)", "java\tscript:alert(1)", "vbscript:x", "data:text/html,<script>", "file:///etc", "\u0001javascript:x"]) {
    assert.ok(!isSafeAddress(bad), bad);
  }
  for (const good of ["https://acme.example/jobs", "mailto:jobs@acme.example", "#/lobby"]) assert.ok(isSafeAddress(good), good);
});

test("a seat that is gone since turns to the waiting list, and back", () => {
  const card = { state: "scheduled", capacity: 2, seats_left: 1, join: "register" };
  assert.equal(joinRight(card, 0), "register");
  assert.equal(joinRight({ ...card, seats_left: 0 }, 0), "waiting_list");
  assert.equal(joinRight({ ...card, join: "waiting_list" }, 0), "register");
  assert.equal(joinRight({ ...card, seats_left: 0, join: "full" }, 0), "full");
});

test("a rush of messages begins fast and ends slowly", () => {
  const every = (pause) => Array.from({ length: 20 }, (_, at) => ({ at: new Date(1e12 - (19 - at) * pause).toISOString() }));
  assert.equal(rushing(every(20), false, 1e12), true);
  assert.equal(rushing(every(200), false, 1e12), false);
  assert.equal(rushing(every(200), true, 1e12), true);
  assert.equal(rushing(every(20), true, 1e12 + 5000), false);
  assert.equal(rushing(every(20).slice(0, 5), false, 1e12), false);
});

test("a window stays for as long as it holds what is wanted, and is not much larger", () => {
  assert.deepEqual(keptWindow([10, 30], null, 40), [10, 30]);
  assert.deepEqual(keptWindow([10, 30], { from: 4, to: 32 }, 40), [4, 32]);
  assert.deepEqual(keptWindow([10, 30], { from: 12, to: 28 }, 40), [10, 30]);
  assert.deepEqual(keptWindow([30, 50], { from: 4, to: 90 }, 100), [30, 50]);
  assert.deepEqual(keptWindow([10, 30], { from: 4, to: 32 }, 31), [4, 31]);
});

test("the connection comes back unless it was told not to, and never in a storm", () => {
  assert.deepEqual([1006, 1012, 3001, 3008, 3012].map(mayReconnect), [true, true, true, true, true]);
  assert.deepEqual([3000, 3500, 3503, 3504].map(mayReconnect), [false, false, false, false]);
  assert.ok(pauseBefore(0, () => 0) < pauseBefore(3, () => 0));
  assert.ok(pauseBefore(50, () => 1) <= 8000 * 1.3);
});

class FakeSocket {
  static all = [];
  constructor() {
    this.sent = [];
    FakeSocket.all.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  take(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

test("a dropped call is sent again with its key, and the topics are resumed where they were", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const seen = [];
  const connection = new Connection("ws://x", "token", { onEvent: (event) => seen.push(event), onStatus() {}, onConnected() {} }, FakeSocket);
  connection.start();
  const [first] = FakeSocket.all;
  first.onopen();
  first.take({ jsonrpc: "2.0", id: 1, result: { epoch: "e1", person: {}, event: "fair" } });
  await settle();
  first.take([{ jsonrpc: "2.0", method: "event", params: { topic: TOPIC, seq: 41, type: "snapshot", at: AT, data: {} } }, { jsonrpc: "2.0", method: "event", params: { topic: TOPIC, seq: 42, type: "chat.posted", at: AT, data: {} } }]);
  const answer = connection.call("chat.send", { topic: TOPIC, text: "x", key: "k" });
  first.onclose({ code: 1006, reason: "" });
  context.mock.timers.tick(2000);
  const second = FakeSocket.all[1];
  second.onopen();
  assert.deepEqual(second.sent[0].params.resume, { epoch: "e1", topics: { [TOPIC]: 42 } });
  second.take({ jsonrpc: "2.0", id: second.sent[0].id, result: { epoch: "e1", person: {}, event: "fair" } });
  await settle();
  const again = second.sent.find((message) => message.method === "chat.send");
  assert.equal(again.params.key, "k");
  second.take({ jsonrpc: "2.0", id: again.id, result: { message: { id: "1" } } });
  assert.deepEqual(await answer, { message: { id: "1" } });
  assert.equal(seen.length, 2);
  connection.stop();
});

test("a link's token and place are read, and what is no link is left alone", () => {
  assert.deepEqual(parseEntry("#token=abc&session=ux"), { token: "abc", hash: "#/session/ux" });
  assert.equal(parseEntry("#/session/ux"), null);
  assert.deepEqual(parseRoute("#/session/a%2Fb"), { page: "session", id: "a/b" });
});

test("a written list becomes groups, and unknown names are told", () => {
  assert.deepEqual(readGroups("Ana, ben\n\nzoe", [person("ana"), person("ben")]), { groups: [["ana", "ben"], ["zoe"]], unknown: ["zoe"] });
});
