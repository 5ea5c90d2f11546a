/**
 * Recordings of the sound that was really played, with times: the speakers' channels, and the synth's beside them.
 */

import { nowNs } from './watchdog.js';
import { RATE_HZ } from './exact.js';
import { Running } from './process.js';
import { until } from './until.js';

const NS_PER_FRAME = 1e9 / RATE_HZ;
const FLOAT_BYTES = 4;
/** Sound below this level is inaudible; the quietest of our signals is 60 dB louder. */
const SILENCE = 1 / 32768;
/** Round-robin priority of the recorder. */
const PRIORITY = 5;
/**
 * The recorder asks for this many frames more than a block. The server converts the size into whole microseconds and back into
 * whole frames, and rounds down both times; without this a block would be one frame short.
 */
const ROUNDING_FRAMES = 1;
/** The clock's rate is estimated from the frame with the least delay in each second. */
const PACE_EVERY_NS = 1e9;

/**
 * Records all channels from start to end. No other client asks for smaller blocks, so the sink's clock ticks as finely as this
 * one asks.
 */
export class Recorder {
  /** @type {Set<Recording>} */
  #recordings = new Set();
  /** The start of a frame that continues in the next chunk. */
  #rest = Buffer.alloc(0);
  #frames = 0;
  #program;
  #channels;
  #frameBytes;

  /** @param {Record<string, string>} env @param {{source: string, channels: number, blockFrames: number}} what the last two channels are the speakers' */
  constructor(env, { source, channels, blockFrames }) {
    this.#channels = channels;
    this.#frameBytes = channels * FLOAT_BYTES;
    const words = [
      '--device', source, '--raw', '--format=float32le', `--rate=${RATE_HZ}`, `--channels=${channels}`, '--no-remix', '--no-remap',
      `--latency=${(blockFrames + ROUNDING_FRAMES) * this.#frameBytes}`,
    ];
    this.#program = new Running('parec', words, { env, priority: PRIORITY, onOutput: (chunk) => this.#heard(chunk) });
  }

  /** @param {Record<string, string>} env @param {{source: string, channels: number, blockFrames: number}} what @returns {Promise<Recorder>} */
  static async start(env, what) {
    const recorder = new Recorder(env, what);
    await until('the recorder hears the sink', () => recorder.#frames > 0, () => recorder.#program.log);
    return recorder;
  }

  /** @returns {Recording} of everything that plays from now on */
  record() {
    const recording = new Recording(this.#channels, () => this.#recordings.delete(recording));
    this.#recordings.add(recording);
    return recording;
  }

  async stop() {
    await this.#program.end();
  }

  /** @param {Buffer} chunk */
  #heard(chunk) {
    const timeNs = nowNs();
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const whole = bytes.length - (bytes.length % this.#frameBytes);
    this.#rest = bytes.subarray(whole);
    this.#frames += whole / this.#frameBytes;
    if (this.#recordings.size === 0) return;
    // Copy the bytes: a Buffer may start anywhere, but floats need a multiple of four.
    const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + whole));
    for (const recording of this.#recordings) recording.keep(samples, timeNs);
  }
}

export class Recording {
  frames = 0;
  /** Interleaved pairs, with room to grow. */
  #heard = new Float32Array(0);
  #synth = new Float32Array(0);
  /** When frame 0 was played, by the chunk with the least delay; so the estimate is never too early. */
  #beganNs = Infinity;
  /**
   * The least-delayed chunk of each second: frames, and the time by which they had arrived.
   *
   * @type {{frames: number, timeNs: number}[]}
   */
  #paces = [];
  #channels;
  #ended;

  /** @param {number} channels @param {() => void} ended */
  constructor(channels, ended) {
    this.#channels = channels;
    this.#ended = ended;
  }

  /** @param {Float32Array} samples whole frames @param {number} timeNs */
  keep(samples, timeNs) {
    const width = this.#channels;
    const end = this.frames + samples.length / width;
    this.#heard = withRoom(this.#heard, end * 2);
    this.#synth = withRoom(this.#synth, end * 2);
    for (let at = 0, frame = this.frames; frame < end; at += width, frame += 1) {
      for (let side = 0; side < 2; side += 1) {
        this.#synth[2 * frame + side] = samples[at + side] ?? 0;
        this.#heard[2 * frame + side] = samples[at + width - 2 + side] ?? 0;
      }
    }
    this.frames = end;
    this.#beganNs = Math.min(this.#beganNs, timeNs - end * NS_PER_FRAME);
    const second = Math.floor(end / RATE_HZ);
    const known = this.#paces[second];
    if (!known || timeNs - known.timeNs < (end - known.frames) * NS_PER_FRAME) this.#paces[second] = { frames: end, timeNs };
  }

  /** Ends the recording. A second call does nothing. @returns {Sound} everything up to now */
  stop() {
    this.#ended();
    return this.soFar();
  }

  /** @returns {Sound} the speakers' sound up to now */
  soFar() {
    const [heard, synth] = [this.#heard, this.#synth].map((samples) => samples.slice(0, this.frames * 2));
    return new Sound(/** @type {Float32Array} */ (heard), this.#beganNs, new Sound(/** @type {Float32Array} */ (synth), this.#beganNs));
  }

  /** @returns {number} by how many ppm the rig's clock is faster than ours (CLOCK_MONOTONIC) */
  get clockPpm() {
    const paces = this.#paces.slice(1, -1); // the first and the last second are incomplete
    const [first, last] = [paces[0], paces[paces.length - 1]];
    if (!first || !last || last.timeNs - first.timeNs < PACE_EVERY_NS) throw new Error('the recording is too short for its clock to be known');
    const mean = (/** @type {(pace: {frames: number, timeNs: number}) => number} */ of) => paces.reduce((sum, pace) => sum + of(pace), 0) / paces.length;
    const at = (/** @type {{timeNs: number}} */ pace) => pace.timeNs - first.timeNs;
    const [meanAt, meanFrames] = [mean(at), mean(({ frames }) => frames)];
    const spread = mean((pace) => (at(pace) - meanAt) ** 2);
    return ((mean((pace) => (at(pace) - meanAt) * (pace.frames - meanFrames)) / spread) * NS_PER_FRAME - 1) * 1e6;
  }
}

/** @param {Float32Array} samples @param {number} length @returns {Float32Array} the same samples in an array of at least this length */
function withRoom(samples, length) {
  if (samples.length >= length) return samples;
  const longer = new Float32Array(Math.max(2 * samples.length, length));
  longer.set(samples);
  return longer;
}

/** Two channels of floats, and the time of the first frame. */
export class Sound {
  /** @param {Float32Array} samples interleaved @param {number} beganNs @param {Sound} [synth] what was played into the synth's place meanwhile */
  constructor(samples, beganNs, synth) {
    this.samples = samples;
    this.beganNs = beganNs;
    this.frames = samples.length / 2;
    this.synth = synth ?? this;
  }

  /** @param {number} frame @returns {number} CLOCK_MONOTONIC ns when it was played */
  timeNs(frame) {
    return this.beganNs + frame * NS_PER_FRAME;
  }

  /** @param {number} timeNs @returns {number} the frame that was played at that time */
  frameAt(timeNs) {
    return Math.min(this.frames, Math.max(0, Math.round((timeNs - this.beganNs) / NS_PER_FRAME)));
  }

  /** @param {number} [first] @param {number} [end] @returns {number} the largest absolute sample; full scale is 1 */
  peak(first = 0, end = this.frames) {
    let peak = 0;
    for (let at = first * 2; at < end * 2; at += 1) peak = Math.max(peak, Math.abs(/** @type {number} */ (this.samples[at])));
    return peak;
  }

  /** @param {number} [first] @returns {number | null} the first audible frame from there on */
  firstHeard(first = 0) {
    for (let at = first * 2; at < this.samples.length; at += 1) {
      if (Math.abs(/** @type {number} */ (this.samples[at])) >= SILENCE) return at >> 1;
    }
    return null;
  }
}
