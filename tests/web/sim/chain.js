/**
 * A complete listener in simulated time: service, network, receiver, ring, worklet. Everything from the bytes of the wire to the
 * samples of process() is shipped code.
 *
 * Arrivals, looks at the audio thread and audio callbacks happen in the order of their times. Like TCP, the network keeps order:
 * a late packet delays all packets behind it.
 */

import { FRACTION_ONE } from '../../../web/core/playout/constants.js';
import { controlWords, RING_BYTES, RingWriter } from '../../../web/core/playout/ring.js';
import { PLAYOUT, readPlayout, WORD, writeMode } from '../../../web/core/playout/controls.js';
import { nextLookMs } from '../../../web/core/clock/live_edge.js';
import { Receiver } from '../../../web/core/net/receiver.js';
import { randomFrom } from './random.js';
import { addressOf, addressed, audio, message } from './records.js';
import { newProcessor, setCurrentFrame } from './worklet.js';

const RATE_HZ = 44_100;
/** A fixed seed: the same plan gives the same run. */
const LOOKS_SEED = 7;
/** The stamp of a block that came before the first placement. */
const NOWHERE = NaN;

/**
 * @typedef {object} Plan
 * @property {number} seconds
 * @property {number} [chunkFrames] frames per message
 * @property {number} [streamRateHz] of the stream, as in the service's hello
 * @property {number} [contextRateHz] of the listener's audio context
 * @property {number} [burstFrames] context frames per audio callback
 * @property {number} [blockFrames] context frames per process() call
 * @property {number} [driftPpm] how much too fast the listener's audio clock runs
 * @property {number} [firstFrame] index of the first frame
 * @property {(sentMs: number) => number} [delayMs] network delay by the time of sending
 * @property {(sentMs: number, seq: number, frameIndex: number) => Uint8Array[] | null} [instead] records that replace the usual
 *   one
 * @property {(ms: number) => number} [pageMs] the page's clock at a time
 * @property {(random: () => number) => number} [lookDelayMs] reports of the audio thread arrive as messages, with this delay
 * @property {(nowMs: number) => boolean} [asleep] the audio thread does not run then
 * @property {(frame: number) => [number, number]} [sampleAt]
 * @property {(chain: Chain, nowMs: number) => void} [everyCallback]
 * @property {import('../../../web/core/playout/controls.js').ModeName} [mode]
 * @property {number | null} [fixedMs] lead of mode fixed
 */

/** Without shared memory, the Worker knows about a block only when its report has arrived. */
class ReportedRing extends RingWriter {
  /** @type {number | null} */
  reported = null;

  /** @override */
  renderedFrame() {
    const frame = this.reported;
    this.reported = null;
    return frame;
  }
}

export class Chain {
  /** @type {ArrayBufferLike} */
  memory = new SharedArrayBuffer(RING_BYTES);
  words = controlWords(this.memory);
  ring;
  receiver;
  /** The output that was played. */
  left;
  right;
  /** Times at which the context asked for each block, ms. */
  blockMs;
  /** Stamps of the blocks: frames since the first, with the fraction. NaN before the first placement. */
  stamps;
  blocks = 0;
  /** @type {Required<Omit<Plan, 'instead' | 'everyCallback' | 'lookDelayMs'>> & Plan} */
  plan;
  /** Reports on their way: a block, and when the Worker learns about it. @type {{frame: number, ms: number}[]} */
  #reports = [];
  #processor;
  #block;
  #outputs;

  /** @param {Plan} plan */
  constructor(plan) {
    this.plan = {
      chunkFrames: 128, streamRateHz: RATE_HZ, burstFrames: 128, blockFrames: 128, driftPpm: 0, firstFrame: 0, delayMs: () => 0.5, asleep: () => false, pageMs: (ms) => ms,
      sampleAt: addressed, contextRateHz: RATE_HZ, mode: /** @type {const} */ ('auto'), fixedMs: null, ...plan,
    };
    const frames = Math.ceil(this.plan.seconds * this.plan.contextRateHz * 1.001) + 4096;
    this.left = new Float32Array(frames);
    this.right = new Float32Array(frames);
    this.blockMs = new Float64Array(frames / this.plan.blockFrames + 1);
    this.stamps = new Float64Array(this.blockMs.length);
    this.ring = this.plan.lookDelayMs ? new ReportedRing(this.memory) : new RingWriter(this.memory);
    this.receiver = new Receiver(this.ring, this.plan.contextRateHz);
    this.receiver.runsAt(this.plan.streamRateHz);
    this.ring.expectRate(this.plan.streamRateHz);
    this.#processor = newProcessor(/** @type {SharedArrayBuffer} */ (this.memory), this.plan.contextRateHz);
    writeMode(this.words, this.plan.mode, this.plan.fixedMs);
    this.#block = [new Float32Array(this.plan.blockFrames), new Float32Array(this.plan.blockFrames)];
    this.#outputs = [this.#block];
  }

  /** @returns {this} */
  run() {
    const { seconds, chunkFrames, burstFrames, streamRateHz, contextRateHz, driftPpm, delayMs, asleep, pageMs, everyCallback } = this.plan;
    const callbackMs = ((burstFrames * 1000) / contextRateHz) * (1 - driftPpm / 1e6);
    const random = randomFrom(LOOKS_SEED);
    let lookMs = 0;
    let sequence = 0;
    let frame = this.plan.firstFrame;
    let arrivalMs = -Infinity;
    /** @type {ArrayBuffer | null} */
    let waiting = null;
    const sendNext = () => {
      const sentMs = ((frame - this.plan.firstFrame + chunkFrames) * 1000) / streamRateHz;
      const records = this.plan.instead?.(sentMs, sequence, frame)
        ?? [audio({ seq: sequence, frameIndex: frame, frames: chunkFrames, sampleAt: this.plan.sampleAt, rateHz: streamRateHz })];
      waiting = message(...records);
      sequence += 1;
      frame += chunkFrames;
      arrivalMs = Math.max(arrivalMs, sentMs + delayMs(sentMs));
    };
    sendNext();
    // Let the callbacks be out of step with the packets, at a phase that does not divide evenly.
    for (let nowMs = 1.234; nowMs < seconds * 1000; nowMs += callbackMs) {
      while (arrivalMs <= nowMs || lookMs <= nowMs) {
        this.#reportUntil(Math.min(arrivalMs, lookMs));
        if (lookMs < arrivalMs) {
          this.#look(lookMs, random);
          lookMs += nextLookMs(random());
          continue;
        }
        if (waiting && waiting.byteLength > 0) this.receiver.receive(waiting, pageMs(arrivalMs));
        sendNext();
      }
      if (!asleep(nowMs)) this.#callback(nowMs);
      everyCallback?.(this, nowMs);
    }
    return this;
  }

  /** @param {number} nowMs @param {() => number} random */
  #look(nowMs, random) {
    const { lookDelayMs, pageMs } = this.plan;
    if (!lookDelayMs) return this.receiver.noteRendered(pageMs(nowMs));
    const frame = RingWriter.prototype.renderedFrame.call(this.ring);
    if (frame !== null) this.#reports.push({ frame, ms: Math.max(nowMs + lookDelayMs(random), this.#reports.at(-1)?.ms ?? 0) });
  }

  /** @param {number} untilMs */
  #reportUntil(untilMs) {
    if (!(this.ring instanceof ReportedRing)) return;
    for (let next = this.#reports[0]; next && next.ms <= untilMs; next = this.#reports[0]) {
      this.ring.reported = next.frame;
      this.receiver.noteRendered(this.plan.pageMs(next.ms));
      this.#reports.shift();
    }
  }

  /** @param {number} nowMs */
  #callback(nowMs) {
    const { blockFrames, burstFrames, contextRateHz } = this.plan;
    for (let rendered = 0; rendered < burstFrames; rendered += blockFrames) {
      const at = this.blocks * blockFrames;
      setCurrentFrame(at);
      this.#processor.process([], this.#outputs);
      this.left.set(/** @type {Float32Array} */ (this.#block[0]), at);
      this.right.set(/** @type {Float32Array} */ (this.#block[1]), at);
      // The frames of one callback are heard one after the other.
      this.blockMs[this.blocks] = nowMs + (rendered * 1000) / contextRateHz;
      this.stamps[this.blocks] = this.#stamp();
      this.blocks += 1;
    }
  }

  /** Makes the context skip frames, then asks for one more block. @param {number} frames */
  skip(frames) {
    setCurrentFrame(this.blocks * this.plan.blockFrames + frames);
    this.#processor.process([], this.#outputs);
  }

  get frames() {
    return this.blocks * this.plan.blockFrames;
  }

  get playout() {
    const reading = readPlayout(this.words);
    if (!reading) throw new Error('nobody else is writing');
    return reading;
  }

  get glitches() {
    return this.receiver.ledger.counts();
  }

  /** @param {number} frame of the output @returns {number} its exact frame_index, -1 if it is no exact frame */
  addressAt(frame) {
    return addressOf(/** @type {number} */ (this.left[frame]), /** @type {number} */ (this.right[frame]));
  }

  /** @returns {number} */
  #stamp() {
    if (Atomics.load(this.words, WORD.PLAYOUT_STATE) !== PLAYOUT.SOUNDING) return NOWHERE;
    const whole = (Atomics.load(this.words, WORD.READ_POSITION) - this.plan.firstFrame) | 0;
    return whole + Atomics.load(this.words, WORD.READ_FRACTION) / FRACTION_ONE;
  }

  /** @param {number} atMs @returns {number} the first block requested then or later; -1: none */
  blockAt(atMs) {
    return this.blockMs.subarray(0, this.blocks).findIndex((ms) => ms >= atMs);
  }

  /** Delay from capture to playout of the first block at or after a time, by its stamp. @param {number} atMs @returns {number} */
  delayAt(atMs) {
    const block = this.blockAt(atMs);
    return /** @type {number} */ (this.blockMs[block]) - (/** @type {number} */ (this.stamps[block]) * 1000) / this.plan.streamRateHz;
  }

  /** The largest change from one output sample to the next. @param {number} [first] frame of the output @returns {number} */
  largestStep(first = 1) {
    let largest = 0;
    for (const channel of [this.left, this.right]) {
      for (let frame = first; frame < this.frames; frame += 1) {
        const step = Math.abs(/** @type {number} */ (channel[frame]) - /** @type {number} */ (channel[frame - 1]));
        if (step > largest) largest = step;
      }
    }
    return largest;
  }
}
