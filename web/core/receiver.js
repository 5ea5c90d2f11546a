/**
 * The receiver: from messages to the timeline.
 *
 * In: binary messages with their time of arrival. Out: frames, gaps and restarts for the sink, in order and without
 * holes; counts by cause; the capture time of frames; how late messages come.
 * What belongs elsewhere: sockets and timers (worker.js), what is played when (playout.js). No clock is read here.
 */

import { Arrivals } from './arrivals.js';
import { CaptureMap } from './capture_map.js';
import { CAUSE_BAD_PACKET, CAUSE_NETWORK_LATE, CAUSE_UNEXPLAINED_LOSS, Ledger } from './causes.js';
import { GAP_FRAMES_MAX } from './ring.js';
import { AUDIO_FRAMES_MAX, KIND_AUDIO, KIND_GAP, KIND_LISTENER, WireParser } from './wire.js';

/** 6,000 years of frames. Beyond it a double no longer tells neighbours apart, and no service gets there. */
const FRAME_INDEX_MAX = 2 ** 52;

export class Receiver {
  ledger = new Ledger();
  captureMap = new CaptureMap();
  arrivals = new Arrivals();
  messages = 0;
  bytes = 0;
  /** Records that came twice or out of order, and were left out. */
  repeats = 0;
  /** The last shared record's count, null before the first. @type {number | null} */
  seq = null;
  /** What was wrong with the last refused message, '' if none ever was. */
  lastRefusal = '';
  /** How long the last noted record had waited in this listener's queue, null before the first note. @type {number | null} */
  queueAgeMs = null;

  #sink;
  #parser = new WireParser();
  #samples = new Float32Array(AUDIO_FRAMES_MAX * 2);
  /** Index of the frame that comes next; null when the timeline is to begin with whatever comes. @type {number | null} */
  #nextFrame = null;
  /** Packets a listener record has declared lost, until the next shared record. */
  #lostPackets = 0;
  #lossCause = 0;
  /** A message was refused since the last shared record: it may have held some. */
  #damaged = false;

  /** @param {import('./ring.js').Sink} sink */
  constructor(sink) {
    this.#sink = sink;
  }

  /** The connection is new: the next record begins a timeline. */
  connected() {
    this.captureMap.reset();
    this.seq = null;
    this.#nextFrame = null;
    this.#lostPackets = 0;
    this.#damaged = false;
  }

  /** The connection broke. Sound that was flowing breaks off with it. */
  disconnected() {
    if (this.#nextFrame !== null) this.ledger.count(CAUSE_NETWORK_LATE);
    this.connected();
  }

  /**
   * One binary message. Of a malformed one nothing is used.
   *
   * @param {ArrayBuffer} message @param {number} nowMs when it arrived, page clock
   */
  receive(message, nowMs) {
    this.messages += 1;
    this.bytes += message.byteLength;
    const refusal = this.#parser.parse(message);
    if (refusal) this.#refuse(refusal.words);
    for (let at = 0; at < this.#parser.count; at += 1) {
      const record = /** @type {import('./wire.js').WireRecord} */ (this.#parser.records[at]);
      // Streams other than the first are room for further channel pairs: nobody has asked for them.
      if (record.stream !== 0) continue;
      if (record.kind === KIND_LISTENER) this.#note(record);
      else this.#shared(record);
      if (record.kind === KIND_AUDIO) this.arrivals.observe(nowMs, record.readyNs);
    }
  }

  /** @param {string} words */
  #refuse(words) {
    this.#damaged = true;
    this.lastRefusal = words;
    this.ledger.count(CAUSE_BAD_PACKET);
  }

  /** @param {import('./wire.js').WireRecord} record */
  #note(record) {
    this.queueAgeMs = record.queueAgeNs / 1e6;
    if (record.lostPackets === 0) return;
    this.#lostPackets = (this.#lostPackets + record.lostPackets) >>> 0;
    this.#lossCause = record.cause;
    this.ledger.count(record.cause);
  }

  /** @param {import('./wire.js').WireRecord} record */
  #shared(record) {
    if (record.frameIndex > FRAME_INDEX_MAX) {
      this.#refuse(`the frame index ${record.frameIndex} cannot be true`);
      return;
    }
    const jump = this.seq === null ? 0 : (record.seq - this.seq - 1) | 0;
    if (jump < 0) {
      this.repeats += 1;
      return;
    }
    const hole = this.#nextFrame === null ? 0 : record.frameIndex - this.#nextFrame;
    const cause = jump > 0 || (hole !== 0 && !record.restart) ? this.#causeOfLoss(jump) : 0;
    this.seq = record.seq;
    this.#lostPackets = 0;
    this.#damaged = false;
    this.#place(record, hole, cause);
    if (record.kind === KIND_GAP) this.#gap(record);
    else if (record.kind === KIND_AUDIO) this.#audio(record);
  }

  /** Says why records or frames are missing, and counts it unless that was done. @param {number} jump @returns {number} a cause code */
  #causeOfLoss(jump) {
    if (jump > 0 && jump === this.#lostPackets) return this.#lossCause;
    if (this.#damaged) return CAUSE_BAD_PACKET;
    this.ledger.count(CAUSE_UNEXPLAINED_LOSS);
    return CAUSE_UNEXPLAINED_LOSS;
  }

  /**
   * Brings the timeline to where the record begins.
   *
   * @param {import('./wire.js').WireRecord} record @param {number} hole frames missing before it @param {number} cause of the hole
   */
  #place(record, hole, cause) {
    // A frame index that runs backwards breaks the format's promise; a new timeline is the only one it can be part of.
    if (this.#nextFrame === null || record.restart || hole < 0) {
      this.captureMap.reset();
      this.#sink.restart(record.frameIndex | 0);
    } else if (hole > 0) {
      this.#missing(this.#nextFrame, hole, cause);
    }
    this.#nextFrame = record.frameIndex;
  }

  /** @param {import('./wire.js').WireRecord} record */
  #gap(record) {
    this.ledger.count(record.cause);
    if (record.past) return;
    this.#missing(record.frameIndex, record.frames, record.cause);
    this.#nextFrame = record.frameIndex + record.frames;
  }

  /** @param {number} frameIndex @param {number} frames @param {number} cause */
  #missing(frameIndex, frames, cause) {
    if (frames > GAP_FRAMES_MAX) this.#sink.restart((frameIndex + frames) | 0);
    else this.#sink.gap(frameIndex | 0, frames, cause);
  }

  /** @param {import('./wire.js').WireRecord} record */
  #audio(record) {
    this.captureMap.observe(record.frameIndex, record.captureNs, record.frames);
    this.#parser.samplesInto(record, this.#samples);
    this.#sink.audio(record.frameIndex | 0, this.#samples, record.frames);
    this.#nextFrame = record.frameIndex + record.frames;
  }
}
