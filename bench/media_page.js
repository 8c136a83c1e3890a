"use strict";
// A whole client in a page: the wire, both peer connections, and what it saw of others.
const PICTURE = {width: 320, height: 180, frameRate: 15};
const LOOK = 100;
const me = {calls: new Map(), last: 0, events: [], tracks: [], made: 0, epoch: null, elements: []};

function connect([url, token, port]) {
  me.port = port;
  return new Promise((good, bad) => {
    me.socket = new WebSocket(url, ["greenroom.v1.json"]);
    me.socket.onopen = () => call(["connect", {token}]).then(good, bad);
    me.socket.onerror = () => bad(new Error("no connection"));
    me.socket.onmessage = ({data}) => [].concat(JSON.parse(data)).forEach(took);
  });
}

function call([method, params]) {
  const id = ++me.last;
  me.socket.send(JSON.stringify({jsonrpc: "2.0", id, method, params}));
  return new Promise((good, bad) => me.calls.set(id, {good, bad}));
}

function took(message) {
  const waiting = me.calls.get(message.id);
  if (waiting) {
    me.calls.delete(message.id);
    if (message.error) waiting.bad(new Error(`${message.error.data?.reason}: ${message.error.message}`));
    else waiting.good(message.result);
  } else if (message.method === "event") happened(message.params);
}

let turn = Promise.resolve();
function happened({topic, type, data}) {
  if (["rtc.speaking", "rtc.quality", "people.changed"].includes(type)) return;
  me.events.push({topic, type, data, at: performance.now()});
  // Who is shown counts from now on: the next list may come before the answer is through.
  if (data.tracks) me.tracks = data.tracks;
  if (type === "rtc.offer") next(() => answer(data));
  if (type === "rtc.restarted") {
    me.down?.close(); me.down = null;
    if (me.up) { me.up.close(); me.up = null; next(() => publish(me.room)); }
  }
}

function next(work) {
  turn = turn.then(work).catch(error => me.events.push({type: "failed", data: String(error)}));
}

// The line's weather is made on the way to another port than the server's own.
const byLine = sdp => me.port ? sdp.replace(/(a=candidate:\S+ 1 udp \d+ \S+) \d+/g, `$1 ${me.port}`) : sdp;

async function answer({sdp, epoch}) {
  if (me.epoch !== epoch || !me.down) {
    me.down?.close();
    me.epoch = epoch;
    me.made++;
    me.down = new RTCPeerConnection({iceServers: []});
    me.down.ontrack = ({track}) => {
      const element = document.createElement(track.kind);
      element.autoplay = true;
      element.muted = track.kind === "video";
      element.srcObject = new MediaStream([track]);
      document.body.append(element);
      me.elements.push(element);
    };
  }
  await me.down.setRemoteDescription({type: "offer", sdp: byLine(sdp)});
  await me.down.setLocalDescription();
  await call(["rtc.answer", {room: me.room, sdp: me.down.localDescription.sdp}]);
}

async function publish(room) {
  me.room = room;
  me.media ??= await navigator.mediaDevices.getUserMedia({audio: true, video: PICTURE});
  if (!me.up) {
    me.made++;
    me.up = new RTCPeerConnection({iceServers: []});
    for (const track of me.media.getTracks()) me.up.addTransceiver(track, {direction: "sendonly", streams: [me.media]});
  }
  await me.up.setLocalDescription();
  const told = await call(["rtc.offer", {room, sdp: me.up.localDescription.sdp}]);
  await me.up.setRemoteDescription({type: "answer", sdp: byLine(told.sdp)});
}

// Leave this place for another one.
function leave() {
  me.up?.close(); me.down?.close();
  me.up = me.down = me.epoch = null;
  me.tracks = [];
  me.elements.splice(0).forEach(element => element.remove());
}

async function inbound() {
  const found = {};
  if (me.down) (await me.down.getStats()).forEach(s => { if (s.type === "inbound-rtp") found[s.mid] = s; });
  return found;
}

const midOf = (person, source) => me.tracks.find(t => t.person === person && t.source === source)?.mid;

async function frames(person) {
  return (await inbound())[midOf(person, "video")]?.framesDecoded ?? 0;
}

// Look for as long as the soak lasts, so that each freeze is known by its length.
let looking = null;
async function look() {
  const since = {}, seen = {}, started = performance.now();
  looking = {since, seen, started, stop: false};
  const mine = looking;
  while (!mine.stop) {
    const now = performance.now(), all = await inbound();
    for (const {person, source, mid} of me.tracks) {
      const s = all[mid];
      if (!s || !["audio", "video"].includes(source)) continue;
      const of = seen[person] ??= {frames: 0, freezes: [], longest: 0, lost: 0, concealed: 0, samples: 0, energy: 0};
      const before = since[mid], video = source === "video";
      if (before) {
        of.lost += s.packetsLost - before.s.packetsLost;
        if (video) {
          const more = s.framesDecoded - before.s.framesDecoded;
          const frozen = s.freezeCount - before.s.freezeCount;
          of.frames += more;
          for (let i = 0; i < frozen; i++) of.freezes.push((s.totalFreezesDuration - before.s.totalFreezesDuration) / frozen);
          if (more) before.at = now;
          of.longest = Math.max(of.longest, (now - before.at) / 1000);
        } else {
          of.samples += s.totalSamplesReceived - before.s.totalSamplesReceived;
          of.concealed += s.concealedSamples - before.s.concealedSamples;
          of.energy += s.totalAudioEnergy - before.s.totalAudioEnergy;
        }
      }
      since[mid] = {s, at: before ? before.at : now};
    }
    await new Promise(done => setTimeout(done, LOOK));
  }
}

function looked() {
  looking.stop = true;
  return looking.seen;
}

// Move, and wait for somebody's picture there; tell the milliseconds and whether all was kept.
async function move([method, params, room, person]) {
  const {made, down} = me, started = performance.now();
  me.room = room;
  const moved = call([method, params]);
  const told = () => me.events.some(e => e.type === "rtc.tracks" && e.at >= started) && midOf(person, "video") !== undefined;
  while (!told()) {
    if (performance.now() - started > 15000) throw new Error("nobody told of the move");
    await new Promise(done => setTimeout(done, 5));
  }
  const before = await frames(person);
  while (await frames(person) < before + 2) {
    if (performance.now() - started > 15000) throw new Error("no picture after the move");
    await new Promise(done => setTimeout(done, 10));
  }
  const took = performance.now() - started;
  await moved;
  return {seconds: took / 1000, kept: made === me.made && down === me.down};
}

function happenedYet([type, person]) {
  return me.events.some(e => e.type === type && (person === null || e.data.person === person));
}

function flagsOf([topic, person]) {
  const told = me.events.filter(e => e.topic === topic && e.type === "media.changed" && e.data.person === person);
  return told.at(-1)?.data ?? null;
}

// Wait until somebody's picture comes through another peer connection than the one there is.
async function back(person) {
  const old = me.down, started = performance.now();
  while (me.down === null || me.down === old || !await frames(person)) {
    if (performance.now() - started > 25000) throw new Error("no picture came back");
    await new Promise(done => setTimeout(done, 10));
  }
}

const snapshots = () => me.events.filter(e => e.type === "snapshot" && e.topic.startsWith("session/")).length;
