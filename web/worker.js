/**
 * The socket's thread: WebSocket to ring.
 *
 * In: the service's messages, the page's wishes. Out: frames into the ring (or to the port), a status to the page ten
 * times a second. Connects, and connects again. What belongs elsewhere: what a message means (core/net/receiver.js).
 */

import { backoffMs } from './core/net/backoff.js';
import { nextPingMs, ServiceClock } from './core/clock/service_clock.js';
import { nextLookMs } from './core/clock/live_edge.js';
import { readServiceMessage } from './core/net/messages.js';
import { PortSink } from './core/playout/port_sink.js';
import { Receiver } from './core/net/receiver.js';
import { RingWriter } from './core/playout/ring.js';

const STATUS_EVERY_MS = 100;
/** No word for so long, though pings are sent every second: the connection is dead, only nobody has said so. */
const DEAF_MS = 5000;
/** This thread itself slept: that the service was not heard means nothing. */
const SLEPT_MS = 2500;
/** WebSocket close codes by which a service says no, rather than being gone (RFC 6455, 7.4.1). */
const REFUSING_CODES = new Set([1002, 1003, 1007, 1008, 1009, 1013]);

/** Page time: one scale for Worker and page. @returns {number} ms */
function pageNowMs() {
  return performance.timeOrigin + performance.now();
}

/** The service goes on with a stream of another rate: whoever comes at once hears it. */
const COME_ANEW = 1012;
/** Who is sent away so soon after a hello comes back after a pause: two that send each other's listeners away must not do so without one. */
const COME_ANEW_AFTER_MS = 1000;

class Line {
  #url;
  #sink;
  #portSink;
  #receiver;
  #clock = new ServiceClock();
  /** @type {WebSocket | null} */
  #socket = null;
  #retryTimer = 0;
  #pingTimer = 0;
  #statusTimer = 0;
  #blockTimer = 0;
  /** Glitches as last told, and as they stood when this connection began. @type {Record<string, number>} */
  #told = {};
  /** @type {Record<string, number>} */
  #toldBefore = {};
  #failedAttempts = 0;
  #pingId = 0;
  #pingsSent = 0;
  /** @type {Map<number, number>} ping's id to page time */
  #pingSentMs = new Map();
  #heardMs = 0;
  #greetedMs = -Infinity;
  #lookedMs = 0;

  /** @type {import('./core/net/messages.js').WorkerStatus} */
  #status = {
    connection: 'connecting', greeted: false, ever_greeted: false, problem: null, problem_detail: '', hello: null, source: null,
    seq: null, messages: 0, bytes: 0, reconnects: 0, glitches: {}, new_glitches: [], drift: null, last_refusal: '', dropped_frames: 0, clock: null, anchor: null,
    travel: null, queue_age_ms: null,
  };

  /** @param {import('./core/net/messages.js').Open<MessagePort>} order */
  constructor({ url, memory, port, context_rate_hz: contextRateHz, remembered, glitches }) {
    this.#url = url;
    this.#told = glitches;
    this.#portSink = port ? portSink(port, () => this.#receiver.noteRendered(pageNowMs())) : null;
    this.#sink = this.#portSink ?? new RingWriter(/** @type {SharedArrayBuffer} */ (memory));
    this.#receiver = new Receiver(this.#sink, contextRateHz, remembered);
    this.#lookAtBlock();
    this.#statusTimer = setInterval(() => this.#look(), STATUS_EVERY_MS);
    this.#connect();
  }

  /** @param {number} firstChannel */
  setPair(firstChannel) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#say({ type: 'set_pair', first_channel: firstChannel });
    else self.postMessage({ type: 'refused', about: 'set_pair', reason: 'There is no connection to the service just now.' });
  }

  /** Said to the service, which adds up what each connection counted. @param {import('./core/net/messages.js').ListenerReport} report */
  tell(report) {
    if (this.#socket?.readyState === WebSocket.OPEN && this.#status.greeted) {
      this.#say({ type: 'report', ...report, glitches: since(report.glitches, this.#toldBefore) });
    }
    this.#told = report.glitches;
  }

  /** What the network did of late, for `make simulate`. */
  sendTrace() {
    self.postMessage({ type: 'trace', csv: this.#receiver.trace.csv() });
  }

  close() {
    clearInterval(this.#statusTimer);
    clearTimeout(this.#blockTimer);
    clearTimeout(this.#retryTimer);
    this.#hangUp();
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#heardMs = pageNowMs();
    this.#tell({ connection: 'connecting', greeted: false });
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => (typeof data === 'string' ? this.#text(data) : this.#binary(data));
    socket.onclose = ({ code, reason }) => code === COME_ANEW ? this.#comeAnew() : this.#lost(REFUSING_CODES.has(code) ? 'refused' : 'server_unreachable', reason);
  }

  #opened() {
    this.#clock.reset();
    this.#receiver.connected();
    this.#toldBefore = this.#told;
    this.#pingsSent = 0;
    this.#pingSentMs.clear();
    this.#ping();
    // The service may have been started anew: its clock and its timeline are others until it has spoken.
    this.#tell({ connection: 'open', clock: null, anchor: null, travel: null });
  }

  /** @param {ArrayBuffer} message */
  #binary(message) {
    const nowMs = pageNowMs();
    this.#heardMs = nowMs;
    // Nothing is played before the service has said what it sends.
    if (this.#status.greeted) this.#receiver.receive(message, nowMs);
  }

  /** @param {string} text */
  #text(text) {
    const nowMs = pageNowMs();
    this.#heardMs = nowMs;
    const message = readServiceMessage(text);
    switch (message.type) {
      case 'hello': return this.#greeted(message);
      case 'source': return this.#sourceIs(message.source);
      case 'chunk': return this.#chunkIs(message.chunk_frames, message.why);
      case 'pong': return this.#pong(message, nowMs);
      case 'refused': return self.postMessage(message);
      case 'unreadable': return this.#misunderstood(message);
      default:
    }
  }

  /** @param {import('./core/net/messages.js').Hello} hello */
  #greeted(hello) {
    this.#failedAttempts = 0;
    this.#greetedMs = pageNowMs();
    const reconnects = this.#status.reconnects + (this.#status.ever_greeted ? 1 : 0);
    this.#tell({ greeted: true, ever_greeted: true, problem: null, problem_detail: '', hello, reconnects });
    this.#receiver.runsAt(hello.rate_hz);
    this.#sink.expectRate(hello.rate_hz);
    this.#chunkIs(hello.chunk_frames);
    this.#sourceIs(hello.source);
  }

  /** @param {number} chunkFrames @param {string} [why] */
  #chunkIs(chunkFrames, why = '') {
    this.#sink.expectChunk(chunkFrames);
    const { hello } = this.#status;
    if (hello) this.#tell({ hello: { ...hello, chunk_frames: chunkFrames, chunk_why: why } });
  }

  /** @param {import('./core/net/messages.js').Source} source */
  #sourceIs(source) {
    if (source.state === 'playing' && source.kind !== 'none') this.#sink.expectSound();
    else this.#sink.expectSilence();
    this.#tell({ source });
  }

  /** @param {import('./core/net/messages.js').Pong} pong @param {number} nowMs */
  #pong(pong, nowMs) {
    const sentMs = this.#pingSentMs.get(pong.id);
    if (sentMs === undefined) return;
    this.#pingSentMs.delete(pong.id);
    this.#clock.observe(sentMs, nowMs, pong.received_ns, pong.sent_ns);
    const reading = this.#clock.reading(nowMs);
    if (reading) this.#receiver.trace.compared(nowMs, reading.offset_ms);
  }

  /** A service of another version stays so until the page is loaded anew; anything else may pass. @param {import('./core/net/messages.js').Unreadable} message */
  #misunderstood({ problem, words }) {
    if (problem === 'internal' && this.#status.greeted) return this.#tell({ last_refusal: words });
    this.#lost(problem, words);
    if (problem === 'internal') return;
    clearTimeout(this.#retryTimer);
    this.#tell({ connection: 'failed' });
  }

  #comeAnew() {
    if (!this.#status.greeted || pageNowMs() - this.#greetedMs < COME_ANEW_AFTER_MS) return this.#lost('server_unreachable', 'another source plays');
    this.#hangUp();
    this.#receiver.disconnected(pageNowMs());
    return this.#connect();
  }

  /** @param {import('./core/net/messages.js').Problem} problem @param {string} detail */
  #lost(problem, detail) {
    this.#hangUp();
    this.#failedAttempts += 1;
    if (this.#status.greeted) this.#receiver.disconnected(pageNowMs());
    this.#tell({ connection: 'retrying', greeted: false, problem, problem_detail: detail });
    this.#retryTimer = setTimeout(() => this.#connect(), backoffMs(this.#failedAttempts, Math.random()));
  }

  /** At random moments, so that no rhythm hides another (live_edge.js). */
  #lookAtBlock() {
    if (this.#portSink) this.#portSink.askRendered();
    else this.#receiver.noteRendered(pageNowMs());
    this.#blockTimer = setTimeout(() => this.#lookAtBlock(), nextLookMs(Math.random()));
  }

  #hangUp() {
    clearTimeout(this.#pingTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #ping() {
    const id = this.#pingId;
    this.#pingId += 1;
    this.#pingsSent += 1;
    if (this.#pingSentMs.size > 32) this.#pingSentMs.clear(); // answers that never came
    this.#pingSentMs.set(id, pageNowMs());
    this.#say({ type: 'ping', id });
    this.#pingTimer = setTimeout(() => this.#ping(), nextPingMs(this.#pingsSent));
  }

  /** @param {object} message */
  #say(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  /** Ten times a second: is the service still there? And how do things stand? */
  #look() {
    const nowMs = pageNowMs();
    if (nowMs - this.#lookedMs > SLEPT_MS) this.#heardMs = nowMs;
    this.#lookedMs = nowMs;
    if (this.#socket && nowMs - this.#heardMs > DEAF_MS) this.#lost('server_unreachable', 'nothing was heard for 5 seconds');
    const receiver = this.#receiver;
    this.#tell({
      seq: receiver.seq,
      messages: receiver.messages,
      bytes: receiver.bytes,
      glitches: receiver.ledger.counts(),
      new_glitches: receiver.ledger.takeNew(),
      drift: this.#drift(),
      last_refusal: receiver.lastRefusal || this.#status.last_refusal,
      dropped_frames: this.#portSink?.droppedFrames ?? 0,
      clock: this.#clock.reading(nowMs),
      anchor: receiver.captureMap.anchor,
      travel: receiver.arrivals.travel,
      queue_age_ms: receiver.queueAgeMs,
    });
  }

  /** @returns {import('./core/net/messages.js').WorkerStatus['drift']} */
  #drift() {
    const { liveEdge } = this.#receiver;
    return liveEdge.line && { ...liveEdge.drift, memory: liveEdge.memory };
  }

  /** @param {Partial<import('./core/net/messages.js').WorkerStatus>} changes */
  #tell(changes) {
    Object.assign(this.#status, changes);
    self.postMessage({ type: 'status', status: this.#status });
    this.#status.new_glitches = [];
  }
}

/** @param {Record<string, number>} counts @param {Record<string, number>} before @returns {Record<string, number>} */
function since(counts, before) {
  return Object.fromEntries(Object.entries(counts).map(([cause, count]) => [cause, Math.max(0, count - (before[cause] ?? 0))]));
}

/** @param {MessagePort} port @param {() => void} rendered the audio thread has said how far it is @returns {PortSink} */
function portSink(port, rendered) {
  const sink = new PortSink((block) => port.postMessage(block, [block]));
  port.onmessage = (event) => {
    sink.recycle(event.data);
    rendered();
  };
  return sink;
}

/** @type {Line | null} */
let line = null;

/** @param {MessageEvent<import('./core/net/messages.js').ToWorker<MessagePort>>} event */
self.onmessage = ({ data: order }) => {
  switch (order.type) {
    case 'open':
      line = new Line(order);
      break;
    case 'set_pair':
      line?.setPair(order.first_channel);
      break;
    case 'tell':
      line?.tell(order.report);
      break;
    case 'trace':
      line?.sendTrace();
      break;
    case 'close':
      line?.close();
      self.close();
  }
};
