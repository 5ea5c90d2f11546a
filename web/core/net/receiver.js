/**
 * The receiver: turns messages into the timeline.
 *
 * In: binary messages with their time of arrival. Out: frames, gaps and restarts for the sink, in order and without holes; counts
 * by cause; the capture time of frames; the delay of messages. Elsewhere: sockets and timers (worker.js), and what is played when
 * (playout.js). No clock is read here.
 */

import { NS_PER_MS, STREAM_RATE_HZ } from '../constants.js';
import { AUDIO_FRAMES_MAX, FRAME_INDEX_MAX, PUBLISH_EVERY_MS } from './constants.js';
import { Arrivals } from './arrivals.js';
import { CaptureMap } from '../clock/capture_map.js';
import { CAUSE_BAD_PACKET, CAUSE_NETWORK_LATE, CAUSE_SERVICE_STOPPED, CAUSE_UNEXPLAINED_LOSS, causeName } from '../causes.js';
import { Holes } from './holes.js';
import { Ledger } from '../ledger.js';
import { LiveEdge } from '../clock/live_edge.js';
import { GAP_FRAMES_MAX } from '../playout/ring.js';
import { msOf } from '../units.js';
import { KIND_AUDIO, KIND_GAP, KIND_LISTENER, WireParser } from './wire.js';

/** The rendition of every listener (net/client.rs): the pair. */
const RENDITION = 0;

/**
 * A consumer of arrivals besides the timeline.
 *
 * @typedef {object} ArrivalObserver
 * @property {() => void} clear the connection is new: earlier records used another clock, or belonged to another stream
 * @property {(frameIndex: number, captureNs: number, nowMs: number) => void} arrived a record of sound, when it was captured, and
 *   when it arrived
 */

export class Receiver {
  ledger = new Ledger();
  captureMap = new CaptureMap();
  arrivals = new Arrivals();
  messages = 0;
  bytes = 0;
  /** Records that arrived twice or too late, and were ignored. */
  repeats = 0;
  /** Records that arrived after their successors, but in time. */
  reordered = 0;
  /** The number of the last shared record, null before the first. @type {number | null} */
  seq = null;
  /** The fault of the last refused message, '' if none was refused. */
  lastRefusal = '';
  /** Time that the last noted record had waited in this listener's queue; null before the first note. @type {number | null} */
  queueAgeMs = null;

  #sink;
  #observers;
  #contextRateHz;
  #remembered;
  #rateHz = STREAM_RATE_HZ;
  #holes = new Holes();
  #parser = new WireParser();
  #samples = new Float32Array(AUDIO_FRAMES_MAX * 2);
  /** Index of the next frame; null if the timeline begins with the next record, whatever it is. @type {number | null} */
  #nextFrame = null;
  /** Packets that a listener record has reported as lost, until the next shared record. */
  #lostPackets = 0;
  #lossCause = 0;
  #publishedMs = -Infinity;
  /** When the message being read arrived. */
  #nowMs = 0;
  /**
   * A connection that ended while sound played: when, the next frame's index, and the cause if it is known. It is counted when
   * sound is back: only then can a service that was restarted be told from a network that failed.
   *
   * @type {{atMs: number, frameIndex: number, cause: number | null} | null}
   */
  #outage = null;
  /** True if a message was refused since the last shared record: it may have contained shared records. */
  #damaged = false;

  /**
   * @param {import('../playout/ring.js').Sink} sink
   * @param {number} contextRateHz of the listener's audio context
   * @param {import('../clock/live_edge.js').ClockMemory | null} [remembered] from an earlier session on this device
   * @param {ArrivalObserver[]} [observers]
   */
  constructor(sink, contextRateHz, remembered = null, observers = []) {
    this.#sink = sink;
    this.#observers = observers;
    this.#contextRateHz = contextRateHz;
    this.#remembered = remembered;
    this.liveEdge = new LiveEdge(contextRateHz, remembered);
  }

  /** Sets the stream's rate, as the service gives it. Knowledge from a stream of another rate does not apply. @param {number} rateHz */
  runsAt(rateHz) {
    if (rateHz === this.#rateHz) return;
    this.#rateHz = rateHz;
    this.liveEdge = new LiveEdge(this.#contextRateHz, this.#remembered, rateHz);
    this.captureMap = new CaptureMap(rateHz);
    this.connected();
  }

  /** Call this when the connection is new: the next record begins a timeline. */
  connected() {
    this.#giveUp(Infinity);
    this.captureMap.reset();
    for (const observer of this.#observers) observer.clear();
    this.seq = null;
    this.#nextFrame = null;
    this.#lostPackets = 0;
    this.#damaged = false;
  }

  /**
   * Call this when the connection broke, and with it any sound that was playing.
   *
   * @param {number} nowMs @param {number | null} [cause] a cause code, if the service gave one
   */
  disconnected(nowMs, cause = null) {
    this.#nowMs = nowMs;
    if (this.#nextFrame !== null) this.#outage = { atMs: nowMs, frameIndex: this.#nextFrame, cause };
    this.connected();
  }

  /**
   * Handles one binary message. Nothing of a malformed message is used.
   *
   * @param {ArrayBuffer} message @param {number} nowMs when it arrived, Worker time
   */
  receive(message, nowMs) {
    this.#nowMs = nowMs;
    this.messages += 1;
    this.bytes += message.byteLength;
    this.noteRendered(nowMs);
    const refusal = this.#parser.parse(message);
    if (refusal) this.#refuse(refusal.words);
    for (let at = 0; at < this.#parser.count; at += 1) {
      const record = /** @type {import('./wire.js').WireRecord} */ (this.#parser.records[at]);
      // Records of other renditions are not for this listener.
      if (record.stream !== RENDITION) continue;
      if (record.kind === KIND_LISTENER) this.#note(record);
      else this.#shared(record, nowMs);
      if (record.kind === KIND_AUDIO) this.arrivals.observe(nowMs, record.readyNs);
    }
    this.#publishLine(nowMs);
  }

  /**
   * Notes which block the audio thread has reached. Call it at irregular moments, too: messages arrive nearly in the blocks' own
   * rhythm, so messages alone would always see the same phase, and no drift.
   *
   * @param {number} nowMs
   */
  noteRendered(nowMs) {
    const frame = this.#sink.renderedFrame();
    if (frame !== null) this.liveEdge.rendered(frame, nowMs);
  }

  /** @param {number} nowMs */
  #publishLine(nowMs) {
    if (nowMs - this.#publishedMs < PUBLISH_EVERY_MS && nowMs >= this.#publishedMs) return;
    const { line } = this.liveEdge;
    if (!line || this.#nextFrame === null) return;
    this.#publishedMs = nowMs;
    this.#sink.line(line);
  }

  /** @param {number} cause @param {number | null} frames that are missing */
  #count(cause, frames) {
    this.ledger.note(causeName(cause), this.#nowMs, frames === null ? null : msOf(frames, this.#rateHz));
  }

  /**
   * Counts the outage that ends with this frame.
   *
   * @param {{atMs: number, frameIndex: number, cause: number | null}} outage @param {number} frameIndex
   */
  #returned({ atMs, frameIndex: expected, cause }, frameIndex) {
    this.#outage = null;
    // The frame index only grows as long as a service runs (docs/ref/wire-format.md): a smaller one is of a service that was restarted.
    const judged = cause ?? (frameIndex < expected ? CAUSE_SERVICE_STOPPED : CAUSE_NETWORK_LATE);
    this.ledger.note(causeName(judged), atMs, this.#nowMs - atMs);
  }

  /** @param {string} words */
  #refuse(words) {
    this.#damaged = true;
    this.lastRefusal = words;
    this.#count(CAUSE_BAD_PACKET, null);
  }

  /** @param {import('./wire.js').WireRecord} record */
  #note(record) {
    this.queueAgeMs = record.queueAgeNs / NS_PER_MS;
    if (record.lostPackets === 0) return;
    this.#lostPackets = (this.#lostPackets + record.lostPackets) >>> 0;
    this.#lossCause = record.cause;
    this.#count(record.cause, record.frames);
  }

  /** @param {import('./wire.js').WireRecord} record @param {number} nowMs */
  #shared(record, nowMs) {
    if (record.frameIndex > FRAME_INDEX_MAX) {
      this.#refuse(`the frame index ${record.frameIndex} cannot be true`);
      return;
    }
    if (this.#outage) this.#returned(this.#outage, record.frameIndex);
    const jump = this.seq === null ? 0 : (record.seq - this.seq - 1) | 0;
    if (this.#holes.any) this.#giveUp(nowMs);
    if (jump < 0) return this.#late(record);
    const hole = this.#nextFrame === null ? 0 : record.frameIndex - this.#nextFrame;
    const cause = jump > 0 || (hole !== 0 && !record.restart) ? this.#causeOfLoss(record, jump, hole) : 0;
    this.seq = record.seq;
    this.#lostPackets = 0;
    this.#damaged = false;
    this.#place(record, hole, cause);
    if (record.kind === KIND_GAP) this.#gap(record);
    else if (record.kind === KIND_AUDIO) this.#audio(record, nowMs);
  }

  /**
   * Finds why records or frames are missing, and counts the loss unless it was counted, or will be.
   *
   * @param {import('./wire.js').WireRecord} record the next one @param {number} jump records @param {number} hole frames
   * @returns {number} a cause code
   */
  #causeOfLoss(record, jump, hole) {
    if (jump > 0 && jump === this.#lostPackets) return this.#lossCause;
    if (this.#damaged) return CAUSE_BAD_PACKET;
    if (jump > 0 && hole > 0 && hole <= GAP_FRAMES_MAX && !record.restart) this.#openHole(record, jump, hole);
    else this.#count(CAUSE_UNEXPLAINED_LOSS, hole > 0 ? hole : null);
    return CAUSE_UNEXPLAINED_LOSS;
  }

  /** Missing records may only have been overtaken. @param {import('./wire.js').WireRecord} record @param {number} jump @param {number} frames */
  #openHole(record, jump, frames) {
    const { frameIndex } = record;
    const seq = (record.seq - jump) >>> 0;
    this.#lose(this.#holes.open({ seq, records: jump, frameIndex: frameIndex - frames, end: frameIndex, atMs: this.#nowMs }));
  }

  /** Handles a record older than the newest. @param {import('./wire.js').WireRecord} record */
  #late(record) {
    const hole = record.kind === KIND_AUDIO && !record.restart ? this.#holes.holeFor(record) : null;
    if (hole) this.#parser.samplesInto(record, this.#samples);
    if (!hole || !this.#sink.fill(record.frameIndex | 0, this.#samples, record.frames)) {
      this.repeats += 1;
      return;
    }
    this.#holes.filled(hole, record);
    this.reordered += 1;
  }

  /** @param {number} nowMs */
  #giveUp(nowMs) {
    this.#lose(this.#holes.givenUp(nowMs));
  }

  /** @param {import('./holes.js').Hole[]} holes */
  #lose(holes) {
    for (const { frameIndex, end, atMs } of holes) this.ledger.note(causeName(CAUSE_UNEXPLAINED_LOSS), atMs, msOf(end - frameIndex, this.#rateHz));
  }

  /**
   * Advances the timeline to the beginning of the record.
   *
   * @param {import('./wire.js').WireRecord} record @param {number} hole frames missing before it @param {number} cause of the hole
   */
  #place(record, hole, cause) {
    // A frame index that runs backwards breaks the format's promise; it can only belong to a new timeline.
    if (this.#nextFrame === null || record.restart || hole < 0) {
      this.#restart(record.frameIndex);
    } else if (hole > 0) {
      this.#missing(this.#nextFrame, hole, cause);
    }
    this.#nextFrame = record.frameIndex;
  }

  /** @param {number} frameIndex */
  #restart(frameIndex) {
    this.#giveUp(Infinity);
    this.captureMap.reset();
    this.liveEdge.restartStream();
    this.#publishedMs = -Infinity;
    this.#sink.restart(frameIndex | 0);
  }

  /** @param {import('./wire.js').WireRecord} record */
  #gap(record) {
    this.#count(record.cause, record.frames);
    if (record.past) return;
    this.#missing(record.frameIndex, record.frames, record.cause);
    this.#nextFrame = record.frameIndex + record.frames;
  }

  /** @param {number} frameIndex @param {number} frames @param {number} cause */
  #missing(frameIndex, frames, cause) {
    if (frames > GAP_FRAMES_MAX) this.#restart(frameIndex + frames);
    else this.#sink.gap(frameIndex | 0, frames, cause);
  }

  /** @param {import('./wire.js').WireRecord} record @param {number} nowMs */
  #audio(record, nowMs) {
    this.captureMap.observe(record.frameIndex, record.captureNs, record.frames);
    this.#parser.samplesInto(record, this.#samples);
    this.#sink.audio(record.frameIndex | 0, this.#samples, record.frames);
    this.#nextFrame = record.frameIndex + record.frames;
    this.liveEdge.arrived(this.#nextFrame, nowMs);
    for (const observer of this.#observers) observer.arrived(record.frameIndex, record.captureNs, nowMs);
  }
}
