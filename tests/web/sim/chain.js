/**
 * A whole listener under simulated time: service, network, receiver, ring, worklet. Everything from the bytes of the
 * wire to the samples of process() is the code that ships.
 *
 * Arrivals and audio callbacks happen in the order of their times. The network keeps order, as TCP does: what is late
 * delays all that comes behind it.
 */

import { controlWords, RING_BYTES, RingWriter } from '../../../web/core/ring.js';
import { readPlayout } from '../../../web/core/controls.js';
import { Receiver } from '../../../web/core/receiver.js';
import { addressOf, addressed, audio, message } from './records.js';
import { newProcessor, setCurrentFrame } from './worklet.js';

const RATE_HZ = 44_100;

/**
 * @typedef {object} Plan
 * @property {number} seconds
 * @property {number} [chunkFrames] frames of a message
 * @property {number} [burstFrames] frames of an audio callback
 * @property {number} [blockFrames] frames of one process()
 * @property {number} [driftPpm] by how much the listener's audio clock is fast
 * @property {number} [firstFrame] index of the first frame
 * @property {(sentMs: number) => number} [delayMs] of the network, by the time of sending
 * @property {(sentMs: number, seq: number, frameIndex: number) => Uint8Array[] | null} [instead] other records than the usual one
 * @property {(nowMs: number) => boolean} [asleep] the audio thread does not run then
 * @property {(frame: number) => [number, number]} [sampleAt]
 * @property {(chain: Chain, nowMs: number) => void} [everyCallback]
 */

export class Chain {
  /** @type {ArrayBufferLike} */
  memory = new SharedArrayBuffer(RING_BYTES);
  words = controlWords(this.memory);
  receiver = new Receiver(new RingWriter(this.memory));
  /** What was played. */
  left;
  right;
  /** When each block was asked for, ms. */
  blockMs;
  blocks = 0;
  /** @type {Required<Omit<Plan, 'instead' | 'everyCallback'>> & Plan} */
  plan;
  #processor = newProcessor(/** @type {SharedArrayBuffer} */ (this.memory));
  #block;
  #outputs;

  /** @param {Plan} plan */
  constructor(plan) {
    this.plan = {
      chunkFrames: 128, burstFrames: 128, blockFrames: 128, driftPpm: 0, firstFrame: 0, delayMs: () => 0.5, asleep: () => false,
      sampleAt: addressed, ...plan,
    };
    const frames = Math.ceil(this.plan.seconds * RATE_HZ * 1.001) + 4096;
    this.left = new Float32Array(frames);
    this.right = new Float32Array(frames);
    this.blockMs = new Float64Array(frames / this.plan.blockFrames + 1);
    this.#block = [new Float32Array(this.plan.blockFrames), new Float32Array(this.plan.blockFrames)];
    this.#outputs = [this.#block];
  }

  /** @returns {this} */
  run() {
    const { seconds, chunkFrames, burstFrames, driftPpm, delayMs, asleep, everyCallback } = this.plan;
    const callbackMs = ((burstFrames * 1000) / RATE_HZ) * (1 - driftPpm / 1e6);
    let sequence = 0;
    let frame = this.plan.firstFrame;
    let arrivalMs = -Infinity;
    /** @type {ArrayBuffer | null} */
    let waiting = null;
    const sendNext = () => {
      const sentMs = ((frame - this.plan.firstFrame + chunkFrames) * 1000) / RATE_HZ;
      const records = this.plan.instead?.(sentMs, sequence, frame)
        ?? [audio({ seq: sequence, frameIndex: frame, frames: chunkFrames, sampleAt: this.plan.sampleAt })];
      waiting = message(...records);
      sequence += 1;
      frame += chunkFrames;
      arrivalMs = Math.max(arrivalMs, sentMs + delayMs(sentMs));
    };
    sendNext();
    // The callback's rhythm has some phase to the packets' rhythm: none that divides evenly.
    for (let nowMs = 1.234; nowMs < seconds * 1000; nowMs += callbackMs) {
      while (arrivalMs <= nowMs) {
        if (waiting && waiting.byteLength > 0) this.receiver.receive(waiting, arrivalMs);
        sendNext();
      }
      if (!asleep(nowMs)) this.#callback(nowMs);
      everyCallback?.(this, nowMs);
    }
    return this;
  }

  /** @param {number} nowMs */
  #callback(nowMs) {
    const { blockFrames, burstFrames } = this.plan;
    for (let rendered = 0; rendered < burstFrames; rendered += blockFrames) {
      const at = this.blocks * blockFrames;
      setCurrentFrame(at);
      this.#processor.process([], this.#outputs);
      this.left.set(/** @type {Float32Array} */ (this.#block[0]), at);
      this.right.set(/** @type {Float32Array} */ (this.#block[1]), at);
      // Frames of one callback are heard one after the other.
      this.blockMs[this.blocks] = nowMs + (rendered * 1000) / RATE_HZ;
      this.blocks += 1;
    }
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

  /** @param {number} frame of the output @returns {number} the frame_index it is, -1 where it is none exactly */
  addressAt(frame) {
    return addressOf(/** @type {number} */ (this.left[frame]), /** @type {number} */ (this.right[frame]));
  }

  /** Of an addressed signal: capture to playout, of the first exact frame at or after a time. @param {number} atMs @returns {number} */
  delayAt(atMs) {
    const { blockFrames, firstFrame } = this.plan;
    for (let block = this.blockMs.findIndex((ms) => ms >= atMs); block < this.blocks; block += 1) {
      const address = this.addressAt(block * blockFrames);
      const playedMs = /** @type {number} */ (this.blockMs[block]);
      if (address > 0) return playedMs - (((address - (firstFrame % 2 ** 30) + 2 ** 30) % 2 ** 30) * 1000) / RATE_HZ;
    }
    return NaN;
  }

  /** The largest change from one output sample to the next. @returns {number} */
  largestStep() {
    let largest = 0;
    for (const channel of [this.left, this.right]) {
      for (let frame = 1; frame < this.frames; frame += 1) {
        const step = Math.abs(/** @type {number} */ (channel[frame]) - /** @type {number} */ (channel[frame - 1]));
        if (step > largest) largest = step;
      }
    }
    return largest;
  }
}
