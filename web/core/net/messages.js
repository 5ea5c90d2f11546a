/**
 * Messages between page, Worker, audio thread and service (samples travel by the ring).
 *
 * In: the service's text messages. Out: checked objects, or a refusal in plain words; nothing throws. Also the types of the messages between
 * the threads; both ends are ours, so these need no check.
 */

import { STREAM_RATES_HZ } from '../constants.js';
import { WIRE_VERSION } from './constants.js';

/** The name under which the worklet registers its processor. */
export const PROCESSOR_NAME = 'synthwire-playout';

/**
 * The current source (docs/ref/wire-format.md).
 *
 * @typedef {object} Source
 * @property {string} kind 'synth', 'demo', 'test' or 'none'
 * @property {string} state 'playing', 'waiting', 'lost', 'stalled' or 'ended'
 * @property {string} name
 * @property {number} channels 0 when unknown
 * @property {number} [rate_hz] frames per second it delivers, 0 when unknown
 * @property {number} first_channel
 * @property {string} notice
 *
 * @typedef {object} Hello
 * @property {'hello'} type
 * @property {string} server_version
 * @property {number} rate_hz frames per second of the stream
 * @property {number} period_frames
 * @property {number} chunk_frames
 * @property {string} [chunk_why] why a message holds this many; the Worker adds it when the service gives the reason
 * @property {Source} source
 *
 * @typedef {{type: 'source', source: Source}} SourceChanged
 * @typedef {{type: 'chunk', chunk_frames: number, why: string}} ChunkChanged messages of sound hold this many frames from now on; why: 'least_delay',
 *   'network' or 'service_busy', '' when the service does not say
 * @typedef {{type: 'pong', id: number, received_ns: number, sent_ns: number}} Pong
 * @typedef {{type: 'refused', about: string, reason: string}} RequestRefused
 * @typedef {{type: 'unknown'}} Unknown a message of a newer service with the same wire version: ignored
 *
 * @typedef {object} Unreadable
 * @property {'unreadable'} type
 * @property {Problem} problem
 * @property {string} words what is wrong with it
 *
 * @typedef {Hello | SourceChanged | ChunkChanged | Pong | RequestRefused | Unknown} ServiceMessage
 */

/**
 * The problem, by name; the view has the words.
 *
 * @typedef {'insecure_context' | 'no_worklet' | 'server_unreachable' | 'server_too_old' | 'server_too_new' | 'refused'
 *   | 'audio_blocked' | 'internal'} Problem
 */

/**
 * A listener's report to the service, once a second (docs/ref/wire-format.md, `report`).
 *
 * @typedef {object} ListenerReport
 * @property {string} mode
 * @property {number | null} delay_ms
 * @property {number | null} level_ms
 * @property {number | null} target_ms
 * @property {number | null} arrival_tail_ms
 * @property {number | null} round_trip_ms
 * @property {Record<string, number>} glitches
 */

/**
 * The messages of a listener, by name, in the form that goes over the wire. `READERS` below contains those of the service. Every
 * message in either direction has a file of examples in tests/vectors/control, which the service's own tests read, too.
 */
export const FROM_LISTENER = Object.freeze({
  /** Asks for a pong. @param {{id: number}} fields @returns {{type: 'ping', id: number}} */
  ping: ({ id }) => ({ type: 'ping', id }),

  /** Asks for this pair, for every listener. @param {{first_channel: number}} fields @returns {{type: 'set_pair', first_channel: number}} */
  set_pair: ({ first_channel }) => ({ type: 'set_pair', first_channel }),

  /** Reports how playback is going. @param {ListenerReport} report @returns {{type: 'report'} & ListenerReport} */
  report: ({ mode, delay_ms, level_ms, target_ms, arrival_tail_ms, round_trip_ms, glitches }) => (
    { type: 'report', mode, delay_ms, level_ms, target_ms, arrival_tail_ms, round_trip_ms, glitches }),
});

/** @typedef {ReturnType<(typeof FROM_LISTENER)[keyof typeof FROM_LISTENER]>} ListenerMessage */

/**
 * A message from the page to the Worker. Exactly one of memory and port is given. (Core knows no MessagePort: the type comes from
 * the realm.)
 *
 * @template Port
 * @typedef {object} Open
 * @property {'open'} type
 * @property {string} url of the page, or of any file beside it; the link derives its own address from it
 * @property {SharedArrayBuffer | null} memory
 * @property {Port | null} port
 * @property {number} context_rate_hz
 * @property {import('../clock/live_edge.js').ClockMemory | null} remembered
 * @property {Record<string, number>} glitches counted before this Worker started
 */

/**
 * @template Port
 * @typedef {Open<Port> | {type: 'set_pair', first_channel: number} | {type: 'tell', report: ListenerReport} | {type: 'trace'}
 *   | {type: 'compare', asked_ms: number} | {type: 'close'}} ToWorker
 */

/**
 * A message from the Worker to the page, about ten times a second and after every event.
 *
 * @typedef {object} WorkerStatus
 * @property {number} at_ms when this was sent, by the Worker's own performance.now(), like all its times
 * @property {'connecting' | 'open' | 'retrying' | 'failed'} connection retrying: between two attempts
 * @property {boolean} greeted a hello has come on this connection
 * @property {boolean} ever_greeted a hello has come since the start
 * @property {Problem | null} problem
 * @property {string} problem_detail
 * @property {Hello | null} hello the last one
 * @property {Source | null} source
 * @property {number | null} seq
 * @property {number} messages
 * @property {number} bytes
 * @property {number} reconnects
 * @property {Record<string, number>} glitches by cause, as far as the receiver knows them
 * @property {import('../ledger.js').Entry[]} new_glitches since the last message; more than these may have been counted
 * @property {{ppm: number, sigma_ppm: number, memory: import('../clock/live_edge.js').ClockMemory} | null} drift stream against audio context
 * @property {string} last_refusal
 * @property {number} dropped_frames at the port, while the audio thread was frozen
 * @property {import('../clock/peer_clock.js').PeerReading | null} clock the service's
 * @property {{frame_index: number, capture_ns: number} | null} anchor
 * @property {import('./arrivals.js').Travel | null} travel
 * @property {number | null} queue_age_ms
 *
 * @typedef {object} Compared the answer to `compare`, which shows the page the Worker's clock
 * @property {'compared'} type
 * @property {number} asked_ms page time
 * @property {number} received_ms Worker time
 * @property {number} sent_ms Worker time
 *
 * @typedef {{type: 'status', status: WorkerStatus} | {type: 'trace', csv: string | null} | RequestRefused | Compared} FromWorker
 */

/**
 * The worklet's options: the ring's memory, or null if it cannot be shared. In that case the worklet makes its own ring, and gets
 * frames through a port that is sent to it.
 *
 * @typedef {{memory: SharedArrayBuffer | null}} ProcessorOptions
 *
 * @typedef {{type: 'controls', words: Int32Array}} FromWorklet
 */

/**
 * A message from the page to the worklet.
 *
 * @template Port
 * @typedef {{type: 'port', port: Port} | {type: 'poll'} | {type: 'mode', mode: import('../playout/controls.js').ModeName, fixed_ms: number | null}
 *   | {type: 'stop'}} ToWorklet
 */

/** @param {string} text one text message of the service @returns {ServiceMessage | Unreadable} */
export function readServiceMessage(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return unreadable('the service sent a text message that is not JSON');
  }
  if (!isObject(value)) return unreadable('the service sent a text message that is not a JSON object');
  const name = value['type'];
  if (typeof name !== 'string') return unreadable('a text message has no type');
  return Object.hasOwn(READERS, name) ? READERS[/** @type {keyof typeof READERS} */ (name)](value) : { type: 'unknown' };
}

/**
 * Readers for the messages of the service, by name.
 *
 * @satisfies {Record<string, (value: Record<string, unknown>) => ServiceMessage | Unreadable>}
 */
export const READERS = Object.freeze({
  hello: readHello,
  source: ({ source }) => (isSource(source) ? { type: 'source', source } : unreadable('the message "source" does not describe an instrument')),
  chunk: ({ chunk_frames, why }) => (
    isCount(chunk_frames) ? { type: 'chunk', chunk_frames, why: wordsOf(why) } : unreadable('the message "chunk" names no chunk_frames')),
  pong: readPong,
  refused: ({ about, reason }) => ({ type: 'refused', about: wordsOf(about), reason: wordsOf(reason) }),
});

/** @param {Record<string, unknown>} value @returns {Hello | Unreadable} */
function readHello(value) {
  const version = value['wire_version'];
  if (!isCount(version)) return unreadable('the hello names no wire_version');
  if (version !== WIRE_VERSION) {
    const problem = version > WIRE_VERSION ? 'server_too_new' : 'server_too_old';
    return unreadable(`the service speaks wire version ${version}, this page speaks ${WIRE_VERSION}`, problem);
  }
  const rateHz = value['rate_hz'];
  if (value['format'] !== 's16le' || value['channels'] !== 2 || !isCount(rateHz) || !STREAM_RATES_HZ.includes(rateHz)) {
    return unreadable(`the service sends ${wordsOf(value['format'])}, ${wordsOf(value['channels'])} channels at `
      + `${wordsOf(value['rate_hz'])} Hz; this page plays s16le, 2 channels at ${STREAM_RATES_HZ.join(', ')} Hz`);
  }
  const { period_frames: periodFrames, chunk_frames: chunkFrames, source } = value;
  if (!isCount(periodFrames) || !isCount(chunkFrames)) return unreadable('the hello names no period_frames or chunk_frames');
  if (!isSource(source)) return unreadable('the hello does not describe an instrument');
  return {
    type: 'hello',
    server_version: wordsOf(value['server_version']),
    rate_hz: rateHz,
    period_frames: periodFrames,
    chunk_frames: chunkFrames,
    source,
  };
}

/** @param {Record<string, unknown>} value @returns {Pong | Unreadable} */
function readPong({ id, received_ns: receivedNs, sent_ns: sentNs }) {
  if (!isCount(id) || !isTime(receivedNs) || !isTime(sentNs)) return unreadable('a pong lacks id, received_ns or sent_ns');
  return { type: 'pong', id, received_ns: receivedNs, sent_ns: sentNs };
}

/** @param {unknown} value @returns {value is Source} */
function isSource(value) {
  return isObject(value)
    && ['kind', 'state', 'name', 'notice'].every((key) => typeof value[key] === 'string')
    && isCount(value['channels']) && isCount(value['first_channel']);
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {value is number} */
function isCount(value) {
  return Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;
}

/** Nanoseconds may exceed 2^53 after 104 days of uptime: then they are rounded, not wrong. @param {unknown} value @returns {value is number} */
function isTime(value) {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** @param {unknown} value @returns {string} short enough to be shown */
function wordsOf(value) {
  return String(value ?? '').slice(0, 200);
}

/** @param {string} words @param {Problem} [problem] @returns {Unreadable} */
function unreadable(words, problem = 'internal') {
  return { type: 'unreadable', problem, words };
}
