/**
 * Sound and picture of one place: a session with its breakout rooms, or a 1-1 chat.
 *
 * Two peer connections. On *publish* this side offers; on *subscribe* the server offers and this side
 * answers. Moving between main call and room keeps both: the server re-routes tracks inside them.
 */

const SOURCES = ["audio", "video", "screen"];
const SIMULCAST = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", maxBitrate: 1_700_000 },
];
const ENCODINGS = { audio: undefined, video: SIMULCAST, screen: [{ maxBitrate: 2_500_000 }] };
const RETRY = 2_000;

/** One place's peer connections. `signal(method, params)` calls the server; `onChange` tells of new pictures. */
export class Place {
  constructor(signal, onChange) {
    this.signal = signal;
    this.onChange = onChange;
    this.room = null;
    this.publisher = null;
    this.subscriber = null;
    this.epoch = null;
    this.local = { audio: null, video: null, screen: null };
    this.senders = {};
    this.received = new Map();
    this.shown = [];
    this.speakers = new Map();
    this.heights = new Map();
    this.offering = Promise.resolve();
    this.answering = Promise.resolve();
    this.servers = [];
  }

  /** Where commands go now: `session/ID`, `room/S.N` or `chat/ID`. */
  moveTo(room) {
    if (this.room === room) return;
    this.room = room;
    if (this.publisher) this.#offerAgain();
    this.onChange();
  }

  /** Send these tracks from now on; null stops a source. */
  async send(wanted) {
    let renegotiate = false;
    for (const source of SOURCES) {
      const track = wanted[source] ?? null;
      if (this.local[source] === track) continue;
      this.local[source] = track;
      if (this.senders[source]) await this.senders[source].sender.replaceTrack(track);
      else if (track) renegotiate = true;
    }
    if (renegotiate) this.#offerAgain();
  }

  /** Take in an `rtc.*` event. */
  handle(type, data) {
    if (type === "rtc.offer") this.#offered(data);
    else if (type === "rtc.tracks") this.#show(data.tracks);
    else if (type === "rtc.restarted") this.#restart();
  }

  /** The wire is gone, and with it what the server knew of both peer connections: its next offer is for a new one. */
  lost() {
    this.epoch = null;
    clearTimeout(this.retry);
  }

  /** The wire is back: what is sent is offered anew. */
  resumed() {
    if (this.publisher) this.#renewPublisher();
  }

  /** The stream of a person's `video`, `screen` or `audio`, if it is received now. */
  streamOf(person, source) {
    const entry = this.shown.find((track) => track.person === person && track.source === source);
    return entry ? this.received.get(entry.mid) ?? null : null;
  }

  /** Tell the server how large a picture is shown, so that it sends no more than that. */
  viewed(person, source, height) {
    const entry = this.shown.find((track) => track.person === person && track.source === source);
    if (!entry || this.heights.get(entry.mid) === height) return;
    this.heights.set(entry.mid, height);
    this.viewing ??= setTimeout(() => {
      this.viewing = null;
      if (this.room) this.signal("rtc.view", { room: this.room, views: Object.fromEntries(this.heights) }).catch(() => {});
    }, 250);
  }

  close() {
    const { room } = this;
    this.room = null;
    clearTimeout(this.retry);
    clearTimeout(this.viewing);
    this.publisher?.close();
    this.subscriber?.close();
    this.publisher = this.subscriber = null;
    this.senders = {};
    this.local = { audio: null, video: null, screen: null };
    this.received.clear();
    this.shown = [];
    for (const element of this.speakers.values()) element.srcObject = null;
    this.speakers.clear();
    if (room) this.signal("rtc.close", { room }).catch(() => {});
  }

  #offerAgain() {
    this.offering = this.offering.then(() => this.#offer()).catch((error) => this.#offerFailed(error));
  }

  #offerFailed(error) {
    if (!this.room || error.code === 403 || error.code === 404) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.room && this.#offerAgain(), RETRY);
  }

  async #offer() {
    if (!this.room || !SOURCES.some((source) => this.local[source])) return;
    const peer = this.#publisher();
    for (const source of SOURCES) this.#addSender(peer, source);
    await peer.setLocalDescription(await peer.createOffer());
    const tracks = {};
    for (const source of SOURCES) if (this.senders[source]?.mid) tracks[this.senders[source].mid] = source;
    const answer = await this.signal("rtc.offer", { room: this.room, sdp: peer.localDescription.sdp, tracks });
    if (peer.signalingState === "have-local-offer") await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    if (this.#relays(answer) && peer === this.publisher) this.#renewPublisher();
  }

  /** Remember the relays that the server names (RFC 8656); whether they are the first that are known. */
  #relays({ ice_servers: servers = [] }) {
    const first = this.servers.length === 0 && servers.length > 0;
    if (servers.length > 0) this.servers = servers;
    return first;
  }

  #addSender(peer, source) {
    if (this.senders[source] || (source === "screen" && !this.local.screen)) return;
    const options = { direction: "sendonly", sendEncodings: ENCODINGS[source] };
    this.senders[source] = peer.addTransceiver(this.local[source] ?? (source === "audio" ? "audio" : "video"), options);
  }

  #publisher() {
    if (this.publisher) return this.publisher;
    const peer = new RTCPeerConnection({ iceServers: this.servers });
    peer.onconnectionstatechange = () => {
      if (peer === this.publisher && peer.connectionState === "failed") this.#renewPublisher();
    };
    this.publisher = peer;
    return peer;
  }

  #renewPublisher() {
    this.publisher?.close();
    this.publisher = null;
    this.senders = {};
    if (this.room) this.#offerAgain();
  }

  /** Who is shown counts from now on: an `rtc.tracks` may come before the answer is through. One answer at a time. */
  #offered(offer) {
    if (offer.tracks) this.#show(offer.tracks);
    this.answering = this.answering.then(() => this.#answer(offer));
  }

  async #answer(offer) {
    const { sdp, epoch } = offer;
    const { room } = this;
    if (!room) return;
    this.#relays(offer);
    if (this.epoch !== epoch || !this.subscriber) this.#newSubscriber(epoch);
    const peer = this.subscriber;
    try {
      await peer.setRemoteDescription({ type: "offer", sdp });
      await peer.setLocalDescription(await peer.createAnswer());
      await this.signal("rtc.answer", { room, sdp: peer.localDescription.sdp });
    } catch (error) {
      if (this.room === room && error.reason !== "disconnected") console.warn("greenroom: the server's offer could not be answered:", error.message);
    }
  }

  #newSubscriber(epoch) {
    this.subscriber?.close();
    this.received.clear();
    this.epoch = epoch;
    const peer = new RTCPeerConnection({ iceServers: this.servers });
    peer.ontrack = ({ transceiver, track }) => {
      this.received.set(transceiver.mid, new MediaStream([track]));
      this.#hear();
      this.onChange();
    };
    peer.onconnectionstatechange = () => {
      if (peer === this.subscriber && peer.connectionState === "failed" && this.room) this.signal("rtc.restart", { room: this.room }).catch(() => {});
    };
    this.subscriber = peer;
  }

  #show(tracks) {
    this.shown = tracks;
    this.heights.clear();
    this.#hear();
    this.onChange();
  }

  /** Play every sound that is sent; one element for each m-line, kept for as long as it is. */
  #hear() {
    const audible = new Set(this.shown.filter((track) => track.source.endsWith("audio")).map((track) => track.mid));
    for (const mid of audible) {
      const stream = this.received.get(mid);
      if (!stream) continue;
      const element = this.speakers.get(mid) ?? new Audio();
      this.speakers.set(mid, element);
      if (element.srcObject === stream) continue;
      element.srcObject = stream;
      element.play().catch(() => this.onSilenced?.());
    }
    for (const [mid, element] of this.speakers) element.muted = !audible.has(mid);
  }

  /** Start the sound that the browser held back until the person has clicked. */
  unlock() {
    for (const element of this.speakers.values()) element.play().catch(() => {});
  }

  #restart() {
    this.subscriber?.close();
    this.subscriber = null;
    this.epoch = null;
    this.#renewPublisher();
    this.onChange();
  }
}
