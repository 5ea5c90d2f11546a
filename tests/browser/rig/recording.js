/**
 * A recording of what was really played: frames, and when each was.
 */

import { nowNs } from './watchdog.js';
import { RATE_HZ } from './exact.js';
import { Running } from './process.js';
import { until } from './until.js';

const FRAME_BYTES = 8;
const NS_PER_FRAME = 1e9 / RATE_HZ;
/** Below this nobody hears anything; the quietest of our signals is 60 dB above. */
const SILENCE = 1 / 32768;
/** Round-robin priority of the recorder. */
const PRIORITY = 5;

export class Recording {
  /** @type {Buffer[]} */
  #chunks = [];
  #bytes = 0;
  /** When frame 0 was played, by the chunk that came with the least delay: never too early. */
  #beganNs = Infinity;
  #recorder;

  /** @param {Record<string, string>} env @param {string} source */
  constructor(env, source) {
    const words = [
      '--device', source, '--raw', '--format=float32le', `--rate=${RATE_HZ}`, '--channels=2', '--no-remix', '--latency-msec=10',
    ];
    this.#recorder = new Running('parec', words, { env, priority: PRIORITY, onOutput: (chunk) => this.#keep(chunk) });
  }

  /** @param {Record<string, string>} env @param {string} source @returns {Promise<Recording>} */
  static async start(env, source) {
    const recording = new Recording(env, source);
    await until('the recorder hears the sink', () => recording.frames > RATE_HZ / 10, () => recording.#recorder.log);
    return recording;
  }

  get frames() {
    return Math.floor(this.#bytes / FRAME_BYTES);
  }

  /** Once more does no harm. @returns {Promise<Sound>} everything up to now */
  async stop() {
    await this.#recorder.end();
    return this.soFar();
  }

  /** @returns {Sound} */
  soFar() {
    const bytes = Buffer.concat(this.#chunks);
    // A copy of its own: a Buffer may lie anywhere, floats only at multiples of four.
    const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + this.frames * FRAME_BYTES));
    return new Sound(samples, this.#beganNs);
  }

  /** @param {Buffer} chunk */
  #keep(chunk) {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#beganNs = Math.min(this.#beganNs, nowNs() - this.frames * NS_PER_FRAME);
  }
}

/** Two channels of floats, and the time of the first. */
export class Sound {
  /** @param {Float32Array} samples interleaved @param {number} beganNs */
  constructor(samples, beganNs) {
    this.samples = samples;
    this.beganNs = beganNs;
    this.frames = samples.length / 2;
  }

  /** @param {number} frame @returns {number} CLOCK_MONOTONIC ns when it was played */
  timeNs(frame) {
    return this.beganNs + frame * NS_PER_FRAME;
  }

  /** @param {number} timeNs @returns {number} the frame that was played then */
  frameAt(timeNs) {
    return Math.min(this.frames, Math.max(0, Math.round((timeNs - this.beganNs) / NS_PER_FRAME)));
  }

  /** @param {number} [first] @param {number} [end] @returns {number} the largest sample, of full scale 1 */
  peak(first = 0, end = this.frames) {
    let peak = 0;
    for (let at = first * 2; at < end * 2; at += 1) peak = Math.max(peak, Math.abs(/** @type {number} */ (this.samples[at])));
    return peak;
  }

  /** @param {number} [first] @returns {number | null} the first frame from there on that can be heard */
  firstHeard(first = 0) {
    for (let at = first * 2; at < this.samples.length; at += 1) {
      if (Math.abs(/** @type {number} */ (this.samples[at])) >= SILENCE) return at >> 1;
    }
    return null;
  }
}
