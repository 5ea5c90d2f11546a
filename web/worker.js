/**
 * The network's thread: from the link to the ring.
 *
 * In: the service's messages, the page's requests. Out: frames into the ring (or to the port), and a status to the page ten times
 * a second.
 * Connects link, policy and receiver. Elsewhere: the meaning of a message (core/net/receiver.js), when to reconnect
 * (core/net/connection.js), the transport (link/), and words: problems found here have names (view/fault_words.js).
 */

import { NS_PER_MS } from './core/constants.js';
import { CAUSE_SERVICE_STOPPED, CAUSE_SOURCE_CHANGE } from './core/causes.js';
import { Connection } from './core/net/connection.js';
import { nextQuestionMs, PeerClock } from './core/clock/peer_clock.js';
import { nextLookMs } from './core/clock/live_edge.js';
import { FROM_LISTENER, readServiceMessage } from './core/net/messages.js';
import { STATUS_EVERY_MS } from './core/page/constants.js';
import { PortSink } from './core/playout/port_sink.js';
import { Receiver } from './core/net/receiver.js';
import { TraceRecorder } from './core/net/trace_recorder.js';
import { RingWriter } from './core/playout/ring.js';
import { WebSocketLink } from './link/web_socket_link.js';

/** Details of a lost connection that say that the service is gone, not the network. */
const SERVICE_AWAY = new Set(['service_stopped', 'service_ended']);

/** The connection with the service, from one start to the next stop, over any number of reconnections. */
class Conversation {
  #url;
  #sink;
  #portSink;
  #receiver;
  #trace = new TraceRecorder();
  #clock = new PeerClock();
  #connection = new Connection();
  #link = new WebSocketLink({
    onOpen: () => this.#opened(),
    onSound: (message) => this.#sound(message),
    onText: (text) => this.#text(text),
    onEnd: (ending, words) => this.#ended(ending, words),
  });
  #retryTimer = 0;
  #pingTimer = 0;
  #statusTimer = 0;
  #blockTimer = 0;
  /** Glitches as last reported, and as of the start of this connection. @type {Record<string, number>} */
  #reported = {};
  /** @type {Record<string, number>} */
  #reportedBefore = {};
  #pingId = 0;
  #pingsSent = 0;
  /** The time of each ping, by its id. @type {Map<number, number>} */
  #pingSentMs = new Map();

  /** @type {import('./core/net/messages.js').WorkerStatus} */
  #status = {
    at_ms: 0, connection: 'connecting', greeted: false, ever_greeted: false, problem: null, problem_detail: '', hello: null, source: null,
    seq: null, messages: 0, bytes: 0, reconnects: 0, glitches: {}, new_glitches: [], drift: null, last_refusal: '', dropped_frames: 0, clock: null, anchor: null,
    travel: null, queue_age_ms: null,
  };

  /** @param {import('./core/net/messages.js').Open<MessagePort>} order */
  constructor({ url, memory, port, context_rate_hz: contextRateHz, remembered, glitches }) {
    this.#url = url;
    this.#reported = glitches;
    this.#portSink = port ? portSink(port, () => this.#receiver.noteRendered(performance.now())) : null;
    this.#sink = this.#portSink ?? new RingWriter(/** @type {SharedArrayBuffer} */ (memory));
    this.#receiver = new Receiver(this.#sink, contextRateHz, remembered, [this.#trace]);
    this.#lookAtBlock();
    this.#statusTimer = setInterval(() => this.#look(), STATUS_EVERY_MS);
    this.#connect();
  }

  /** @param {number} firstChannel */
  setPair(firstChannel) {
    if (this.#link.isOpen) this.#link.say(FROM_LISTENER.set_pair({ first_channel: firstChannel }));
    else self.postMessage({ type: 'refused', about: 'set_pair', reason: 'no_connection' });
  }

  /** Reports to the service, which adds up the counts of all connections. @param {import('./core/net/messages.js').ListenerReport} report */
  tell(report) {
    if (this.#link.isOpen && this.#connection.isGreeted) {
      this.#link.say(FROM_LISTENER.report({ ...report, glitches: since(report.glitches, this.#reportedBefore) }));
    }
    this.#reported = report.glitches;
  }

  /** The recent arrivals, for `make simulate`. */
  sendTrace() {
    self.postMessage({ type: 'trace', csv: this.#trace.csv() });
  }

  close() {
    clearInterval(this.#statusTimer);
    clearTimeout(this.#blockTimer);
    clearTimeout(this.#retryTimer);
    this.#hangUp();
  }

  #connect() {
    this.#connection.begin(performance.now());
    this.#tell({ connection: 'connecting', greeted: false });
    this.#link.open(this.#url);
  }

  #opened() {
    this.#clock.reset();
    this.#receiver.connected();
    this.#reportedBefore = this.#reported;
    this.#pingsSent = 0;
    this.#pingSentMs.clear();
    this.#ping();
    // The service may have restarted, so its clock and timeline are unknown until it answers.
    this.#tell({ connection: 'open', clock: null, anchor: null, travel: null });
  }

  /** @param {ArrayBuffer} message */
  #sound(message) {
    const nowMs = performance.now();
    this.#connection.heard(nowMs);
    // Play nothing before the service has described its stream.
    if (this.#connection.isGreeted) this.#receiver.receive(message, nowMs);
  }

  /** @param {string} text */
  #text(text) {
    const nowMs = performance.now();
    this.#connection.heard(nowMs);
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
    this.#connection.greeted(performance.now());
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
    this.#clock.observe(sentMs, nowMs, pong.received_ns / NS_PER_MS, pong.sent_ns / NS_PER_MS);
    const reading = this.#clock.reading(nowMs);
    if (reading) this.#trace.compared(nowMs, reading.offset_ms);
  }

  /**
   * Only a reload of the page helps against a service of another version; other faults may pass.
   *
   * @param {import('./core/net/messages.js').Unreadable} message
   */
  #misunderstood({ problem, words }) {
    if (problem === 'internal' && this.#connection.isGreeted) return this.#tell({ last_refusal: words });
    this.#lost(problem, words);
    if (problem === 'internal') return;
    clearTimeout(this.#retryTimer);
    this.#tell({ connection: 'failed' });
  }

  /** @param {import('./core/net/connection.js').Ending} ending @param {string} words */
  #ended(ending, words) {
    const nowMs = performance.now();
    if (this.#connection.isToBeRenewed(ending, nowMs)) {
      this.#hangUp();
      this.#receiver.disconnected(nowMs, CAUSE_SOURCE_CHANGE);
      this.#sink.expectSilence();
      this.#connect();
      return;
    }
    if (ending === 'refused') return this.#lost('refused', words);
    if (ending === 'come_again') return this.#lost('server_unreachable', 'other_source');
    if (ending === 'stopping') return this.#lost('server_unreachable', 'service_stopped', CAUSE_SERVICE_STOPPED);
    // A device without a network is the other explanation of a connection that ends in the midst of sound.
    if (this.#connection.isAbrupt(ending, nowMs) && navigator.onLine !== false) return this.#lost('server_unreachable', 'service_ended');
    // Attempts that fail say nothing new about the outage that they belong to.
    const before = this.#status.problem === 'server_unreachable' && !this.#connection.isGreeted ? this.#status.problem_detail : '';
    this.#lost('server_unreachable', words || before);
  }

  /**
   * @param {import('./core/net/messages.js').Problem} problem @param {string} detail
   * @param {number | null} [cause] a cause code, if the service gave one
   */
  #lost(problem, detail, cause = null) {
    this.#hangUp();
    if (this.#connection.isGreeted) this.#receiver.disconnected(performance.now(), cause);
    // A service that is not there owes no sound: no delay would have helped, so the what-if curve must not count it.
    if (SERVICE_AWAY.has(detail)) this.#sink.expectSilence();
    const waitMs = this.#connection.failed(Math.random());
    this.#tell({ connection: 'retrying', greeted: false, problem, problem_detail: detail });
    this.#retryTimer = setTimeout(() => this.#connect(), waitMs);
  }

  /** Looks at random times, so that two rhythms cannot hide each other (live_edge.js). */
  #lookAtBlock() {
    if (this.#portSink) this.#portSink.askRendered();
    else this.#receiver.noteRendered(performance.now());
    this.#blockTimer = setTimeout(() => this.#lookAtBlock(), nextLookMs(Math.random()));
  }

  #hangUp() {
    clearTimeout(this.#pingTimer);
    this.#link.close();
  }

  #ping() {
    const id = this.#pingId;
    this.#pingId += 1;
    this.#pingsSent += 1;
    if (this.#pingSentMs.size > 32) this.#pingSentMs.clear(); // pings without an answer
    this.#pingSentMs.set(id, performance.now());
    this.#link.say(FROM_LISTENER.ping({ id }));
    this.#pingTimer = setTimeout(() => this.#ping(), nextQuestionMs(this.#pingsSent));
  }

  /** Ten times a second: checks whether the service is still there, and sends the status. */
  #look() {
    const nowMs = performance.now();
    if (this.#connection.isDead(nowMs)) this.#lost('server_unreachable', 'silent_service');
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
    Object.assign(this.#status, changes, { at_ms: performance.now() });
    self.postMessage({ type: 'status', status: this.#status });
    this.#status.new_glitches = [];
  }
}

/** @param {Record<string, number>} counts @param {Record<string, number>} before @returns {Record<string, number>} */
function since(counts, before) {
  return Object.fromEntries(Object.entries(counts).map(([cause, count]) => [cause, Math.max(0, count - (before[cause] ?? 0))]));
}

/** @param {MessagePort} port @param {() => void} rendered called when the audio thread has reported its position @returns {PortSink} */
function portSink(port, rendered) {
  const sink = new PortSink((block) => port.postMessage(block, [block]));
  port.onmessage = (event) => {
    sink.recycle(event.data);
    rendered();
  };
  return sink;
}

/** @type {Conversation | null} */
let conversation = null;

/** @param {MessageEvent<import('./core/net/messages.js').ToWorker<MessagePort>>} event */
self.onmessage = ({ data: order }) => {
  const cameMs = performance.now();
  switch (order.type) {
    case 'open':
      conversation = new Conversation(order);
      break;
    case 'set_pair':
      conversation?.setPair(order.first_channel);
      break;
    case 'tell':
      conversation?.tell(order.report);
      break;
    case 'trace':
      conversation?.sendTrace();
      break;
    case 'compare':
      self.postMessage({ type: 'compared', asked_ms: order.asked_ms, received_ms: cameMs, sent_ms: performance.now() });
      break;
    case 'close':
      conversation?.close();
      self.close();
  }
};
