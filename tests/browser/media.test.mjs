/** The two peer connections, with the browser's parts played by fakes. Run by `node --test`. */

import assert from "node:assert/strict";
import { test } from "node:test";

const made = [];

class FakePeer {
  constructor(configuration) {
    this.configuration = configuration;
    this.connectionState = "new";
    this.transceivers = [];
    made.push(this);
  }

  async setRemoteDescription(description) {
    this.remote = description;
    this.signalingState = "stable";
  }

  async setLocalDescription(description) {
    this.localDescription = description;
    if (description.type === "offer") this.signalingState = "have-local-offer";
  }

  async createAnswer() {
    return { type: "answer", sdp: "answer" };
  }

  async createOffer() {
    return { type: "offer", sdp: "offer" };
  }

  addTransceiver() {
    const transceiver = { mid: String(this.transceivers.length), sender: { replaceTrack: async () => {} } };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  close() {
    this.connectionState = "closed";
  }
}

globalThis.RTCPeerConnection = FakePeer;
globalThis.MediaStream = class {};
const { Place } = await import(new URL("../../transport/web/app/media/rtc.js", import.meta.url));

const HANA = [{ mid: "1", person: "hana", source: "video" }];
const settled = () => new Promise((resolve) => { setTimeout(resolve, 5); });

function place(answers = {}) {
  made.length = 0;
  const calls = [];
  const signal = async (method, params) => {
    calls.push([method, params]);
    await settled();
    return answers[method] ?? {};
  };
  const made_ = new Place(signal, () => {});
  made_.moveTo("session/ux");
  return { place: made_, calls };
}

test("a list of tracks that comes before the answer is through stands", async () => {
  const { place: here } = place();
  here.handle("rtc.offer", { sdp: "v=0", epoch: 1, tracks: [] });
  await Promise.resolve();
  here.handle("rtc.tracks", { epoch: 1, tracks: HANA });
  await settled();
  await settled();
  assert.deepEqual(here.shown, HANA);
});

test("two offers are answered one after the other, over one peer connection", async () => {
  const { place: here, calls } = place();
  here.handle("rtc.offer", { sdp: "one", epoch: 1, tracks: [] });
  here.handle("rtc.offer", { sdp: "two", epoch: 1, tracks: HANA });
  for (let turn = 0; turn < 4; turn++) await settled();
  assert.deepEqual(calls.map(([method]) => method), ["rtc.answer", "rtc.answer"]);
  assert.equal(made.length, 1);
  assert.equal(made[0].remote.sdp, "two");
});

test("after a drop the same epoch is for a new peer connection, and what is sent is offered anew", async () => {
  const { place: here, calls } = place({ "rtc.offer": { sdp: "answer", epoch: 1 } });
  here.handle("rtc.offer", { sdp: "v=0", epoch: 1, tracks: [] });
  await here.send({ audio: {}, video: null, screen: null });
  for (let turn = 0; turn < 3; turn++) await settled();
  const [subscriber, publisher] = made;
  here.lost();
  here.handle("rtc.offer", { sdp: "v=0", epoch: 1, tracks: HANA });
  here.resumed();
  for (let turn = 0; turn < 4; turn++) await settled();
  assert.equal(subscriber.connectionState, "closed");
  assert.equal(publisher.connectionState, "closed");
  assert.equal(made.length, 4);
  assert.equal(calls.filter(([method]) => method === "rtc.offer").length, 2);
});

test("the relays that the server names are used, also for what is sent already", async () => {
  const servers = [{ urls: ["turn:relay.example:3478"], username: "a", credential: "b" }];
  const { place: here, calls } = place({ "rtc.offer": { sdp: "answer", epoch: 1, ice_servers: servers } });
  await here.send({ audio: {}, video: null, screen: null });
  for (let turn = 0; turn < 5; turn++) await settled();
  assert.deepEqual(made.map((peer) => peer.configuration.iceServers), [[], servers]);
  assert.equal(calls.length, 2);
  here.handle("rtc.offer", { sdp: "v=0", epoch: 1, tracks: [], ice_servers: servers });
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.deepEqual(made.at(-1).configuration.iceServers, servers);
});
