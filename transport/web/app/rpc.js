/**
 * The connection: JSON-RPC 2.0 over one WebSocket, that heals by itself.
 *
 * After a drop it connects again with backoff, names the last number it saw for each topic, and sends again
 * what was not yet answered; every command carries a key, so nothing is done twice.
 */

const SUBPROTOCOL = "greenroom.v1.json";
const CALL_TIMEOUT = 20_000;
const PING_EVERY = 15_000;
const PING_TIMEOUT = 8_000;
const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 8_000;

/** A refusal by the server, or `disconnected` / `timeout` by this side. */
export class RpcError extends Error {
  constructor(code, message, data = {}) {
    super(message);
    this.code = code;
    this.data = data;
    this.reason = data.reason ?? "internal";
  }
}

/** Whether a close code allows another attempt: 3000 and all from 3500 do not. */
export function mayReconnect(code) {
  return code !== 3000 && code < 3500;
}

/** Milliseconds to wait before attempt `n` (from 0), with up to 30 % of jitter. */
export function pauseBefore(n, random = Math.random) {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** n) * (1 + 0.3 * random());
}

/** One event stream and one set of calls to one daemon. */
export class Connection {
  /**
   * @param {string} address of the WebSocket
   * @param {string} token
   * @param {{onEvent: Function, onStatus: Function, onConnected: Function}} listener
   */
  constructor(address, token, listener, Socket = WebSocket) {
    this.address = address;
    this.token = token;
    this.listener = listener;
    this.Socket = Socket;
    this.socket = null;
    this.ready = false;
    this.epoch = null;
    this.topics = new Map();
    this.pending = new Map();
    this.nextId = 1;
    this.attempt = 0;
    this.timer = null;
    this.stopped = false;
  }

  start() {
    this.stopped = false;
    this.#open();
    globalThis.addEventListener?.("online", () => this.hurry());
    globalThis.addEventListener?.("offline", () => this.#lost(this.socket, 1006, "offline"));
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.heart);
    this.socket?.close(1000);
  }

  /** Try at once instead of waiting out the pause. */
  hurry() {
    if (this.ready || this.stopped || this.socket) return;
    clearTimeout(this.timer);
    this.attempt = 0;
    this.#open();
  }

  /** Carry out a method; the promise holds its result or fails with an {@link RpcError}. */
  call(method, params = {}, { timeout = CALL_TIMEOUT, retry = true } = {}) {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      const entry = { id, method, params, resolve, reject, retry };
      entry.timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new RpcError(0, "No answer in time", { reason: "timeout", temporary: true }));
      }, timeout);
      this.pending.set(id, entry);
      if (this.ready) this.#send(entry);
      else if (!retry) this.#fail(entry);
    });
  }

  /** Stop listening to a topic. */
  forget(topic) {
    if (!this.topics.delete(topic)) return;
    if (this.ready) this.call("unsubscribe", { topic }, { retry: false }).catch(() => {});
  }

  /** Forget a topic whose events the server has ended. */
  drop(topic) {
    this.topics.delete(topic);
  }

  #open() {
    const socket = new this.Socket(this.address, [SUBPROTOCOL]);
    this.socket = socket;
    socket.onopen = () => this.#greet(socket);
    socket.onmessage = (message) => socket === this.socket && this.#receive(message.data);
    socket.onclose = (close) => this.#lost(socket, close.code, close.reason);
  }

  async #greet(socket) {
    const params = { token: this.token, client: "web/1.0" };
    if (this.epoch) params.resume = { epoch: this.epoch, topics: Object.fromEntries(this.topics) };
    const id = this.nextId++;
    const answer = new Promise((resolve, reject) => {
      this.pending.set(id, { id, resolve, reject, retry: false, method: "connect" });
    });
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "connect", params }));
    try {
      this.#welcomed(await answer);
    } catch (error) {
      if (error.reason !== "disconnected") this.#refused(error);
    }
  }

  #welcomed(result) {
    this.epoch = result.epoch;
    this.ready = true;
    this.attempt = 0;
    this.clockOffset = result.time ? Date.parse(result.time) - Date.now() : 0;
    this.heart = setInterval(() => this.#beat(), PING_EVERY);
    this.listener.onStatus("online", null);
    this.listener.onConnected(result);
    for (const entry of this.pending.values()) this.#send(entry);
  }

  #refused(error) {
    const final = error.code === 401 || error.code === 403;
    if (final) {
      this.stopped = true;
      this.listener.onStatus("closed", error);
    }
    this.socket?.close(1000);
  }

  async #beat() {
    const socket = this.socket;
    try {
      await this.call("ping", {}, { timeout: PING_TIMEOUT, retry: false });
    } catch (error) {
      if (error.reason === "timeout") this.#lost(socket, 1006, "no pong");
    }
  }

  #send(entry) {
    const { id, method, params } = entry;
    entry.sent = true;
    this.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  }

  #receive(text) {
    const body = JSON.parse(text);
    for (const message of Array.isArray(body) ? body : [body]) {
      if (message.method === "event") this.#event(message.params);
      else this.#answer(message);
    }
  }

  #event(event) {
    if (event.type === "snapshot" || (event.seq && (event.topic === "me" || this.topics.has(event.topic)))) {
      this.topics.set(event.topic, event.seq ?? 0);
    }
    this.listener.onEvent(event);
  }

  #answer(message) {
    const entry = this.pending.get(message.id);
    if (!entry) return;
    this.pending.delete(message.id);
    clearTimeout(entry.timer);
    if (message.error) {
      const { code, message: text, data } = message.error;
      entry.reject(new RpcError(code, text, data));
    } else {
      entry.resolve(message.result);
    }
  }

  #fail(entry) {
    clearTimeout(entry.timer);
    this.pending.delete(entry.id);
    entry.reject(new RpcError(0, "Not connected", { reason: "disconnected", temporary: true }));
  }

  #lost(socket, code, reason) {
    if (!socket || socket !== this.socket) return;
    this.socket = null;
    this.ready = false;
    clearInterval(this.heart);
    socket.onclose = null;
    socket.close();
    for (const entry of [...this.pending.values()]) if (!entry.retry) this.#fail(entry);
    if (this.stopped) return;
    if (!mayReconnect(code)) {
      this.stopped = true;
      this.listener.onStatus("closed", { code, reason });
      return;
    }
    this.listener.onStatus("reconnecting", { code, reason });
    const told = Number(/retry_after\D*([\d.]+)/.exec(reason ?? "")?.[1] ?? 0) * 1000;
    this.timer = setTimeout(() => this.#open(), Math.max(told, pauseBefore(this.attempt++)));
  }
}

/** A key that makes a repeated command be done once. */
export function freshKey() {
  return globalThis.crypto?.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
}
