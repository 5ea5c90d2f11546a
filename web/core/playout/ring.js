/**
 * The ring between the Worker and the audio thread: one writer, one reader, no locks, no waiting.
 *
 * In: frames at their place in the timeline. Out: the same frames, or the information that they do not exist.
 * Frames are addressed by absolute position, the low 32 bits of frame_index: positions wrap every 27 hours, and differences `(a -
 * b) | 0` are right as long as two positions are less than 13.5 hours apart. Only the writer decides which frames are in the
 * buffer; the reader keeps its own position and asks. The ring works on an ArrayBuffer and on shared memory.
 *
 * Memory order: samples and marks are written first, then WRITE (Atomics.store); the reader loads WRITE first. A new
 * timeline is published under EPOCH as a sequence lock, and continues in the slots after the old one's newest frame
 * (EPOCH_SHIFT), so frames the reader is copying in that instant are not touched.
 */

import { CAPACITY_FRAMES, CONTROL_WORDS, DRIFT_ONE, FRACTION_ONE, GAPS_AT, GAP_MARKS, GAP_WORDS, LEAD_ONE, MARGIN_FRAMES } from './constants.js';
import { AUDIO_FRAMES_MAX } from '../net/constants.js';
import { PLAYOUT, WORD } from './controls.js';

/** After a longer gap nothing continues the old sound: a new timeline begins behind it (receiver.js). */
export const GAP_FRAMES_MAX = CAPACITY_FRAMES - MARGIN_FRAMES;

const SLOT_MASK = CAPACITY_FRAMES - 1;
const CONTROL_BYTES = CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT;
export const RING_BYTES = CONTROL_BYTES + CAPACITY_FRAMES * 2 * Float32Array.BYTES_PER_ELEMENT;

/**
 * The destination of frames: the ring itself, or the port to the ring of another thread (port_sink.js).
 *
 * @typedef {object} Sink
 * @property {(position: number) => void} restart a new timeline begins, which does not continue the old one
 * @property {(position: number, samples: Float32Array, frames: number) => void} audio interleaved left and right
 * @property {(position: number, frames: number, cause: number) => void} gap frames that do not exist
 * @property {(position: number, samples: Float32Array, frames: number) => boolean} fill late frames for either end of a gap that
 *   was announced; false: too late
 * @property {(rateHz: number) => void} expectRate sets the stream's frames per second, as the service gives them
 * @property {(frames: number) => void} expectChunk sets the usual frames per message, as the service gives them
 * @property {() => void} expectSound
 * @property {() => void} expectSilence the service reports that the instrument gives no sound, so silence is no fault
 * @property {(line: import('../clock/live_edge.js').Line) => void} line sets the live edge of this timeline
 * @property {() => number | null} renderedFrame context frame of the newest block, low 32 bits; null before the first, or while
 *   unknown
 */

/** @param {ArrayBufferLike} memory of RING_BYTES @returns {Int32Array} */
export function controlWords(memory) {
  return new Int32Array(memory, 0, CONTROL_WORDS);
}

/** @param {ArrayBufferLike} memory @returns {Float32Array} */
function sampleMemory(memory) {
  if (memory.byteLength !== RING_BYTES) throw new RangeError(`a ring has ${RING_BYTES} bytes, not ${memory.byteLength}`);
  return new Float32Array(memory, CONTROL_BYTES);
}

/** @implements {Sink} */
export class RingWriter {
  #words;
  #samples;
  #write;
  #shift;

  /** @param {ArrayBufferLike} memory of RING_BYTES */
  constructor(memory) {
    this.#words = controlWords(memory);
    this.#samples = sampleMemory(memory);
    this.#write = Atomics.load(this.#words, WORD.WRITE);
    this.#shift = Atomics.load(this.#words, WORD.EPOCH_SHIFT);
  }

  /** @param {number} position */
  restart(position) {
    const words = this.#words;
    this.#shift = (this.#write + this.#shift - position) | 0;
    this.#write = position | 0;
    Atomics.add(words, WORD.EPOCH, 1);
    Atomics.store(words, WORD.EPOCH_START, this.#write);
    Atomics.store(words, WORD.EPOCH_SHIFT, this.#shift);
    Atomics.store(words, WORD.EPOCH_GAPS, Atomics.load(words, WORD.GAP_COUNT));
    Atomics.store(words, WORD.WRITE, this.#write);
    Atomics.add(words, WORD.EPOCH, 1);
  }

  /**
   * Frames must continue at the write position; anything else is a bug of the caller.
   *
   * @param {number} position @param {Float32Array} samples interleaved @param {number} frames at most AUDIO_FRAMES_MAX
   */
  audio(position, samples, frames) {
    if ((position - this.#write) | 0) throw new RangeError(`audio at ${position}, the ring is at ${this.#write}`);
    this.#copy(position, samples, frames);
    Atomics.store(this.#words, WORD.PACKET_FRAMES, frames);
    this.#advance(frames);
  }

  /**
   * Marks frames that do not exist and writes silence into their slots, so that old memory is never read, even if the mark is lost.
   *
   * @param {number} position @param {number} frames at most GAP_FRAMES_MAX @param {number} cause
   */
  gap(position, frames, cause) {
    if (frames > GAP_FRAMES_MAX) throw new RangeError(`a gap of ${frames} frames, ${GAP_FRAMES_MAX} at most`);
    if ((position - this.#write) | 0) throw new RangeError(`gap at ${position}, the ring is at ${this.#write}`);
    const words = this.#words;
    const count = Atomics.load(words, WORD.GAP_COUNT);
    const at = GAPS_AT + (count % GAP_MARKS) * GAP_WORDS;
    Atomics.store(words, at, position | 0);
    Atomics.store(words, at + 1, (position + frames) | 0);
    Atomics.store(words, at + 2, cause);
    Atomics.store(words, WORD.GAP_COUNT, count + 1);
    // Write in steps, so that never more than one record's frames are in flight within the reader's margin.
    for (let left = frames; left > 0; left -= AUDIO_FRAMES_MAX) this.#silence(Math.min(left, AUDIO_FRAMES_MAX));
  }

  /**
   * Fills one end of a marked gap before the reader reaches it. Samples come first, then the mark: a reader that sees the
   * shortened mark finds them.
   *
   * @param {number} position @param {Float32Array} samples interleaved @param {number} frames
   * @returns {boolean} false if the reader is too near, or no mark begins or ends there
   */
  fill(position, samples, frames) {
    const words = this.#words;
    if (this.#isReached(position)) return false;
    const count = Atomics.load(words, WORD.GAP_COUNT);
    const first = Math.max(Atomics.load(words, WORD.EPOCH_GAPS), count - GAP_MARKS);
    for (let mark = count - 1; mark >= first; mark -= 1) {
      const at = GAPS_AT + (mark % GAP_MARKS) * GAP_WORDS;
      const start = Atomics.load(words, at);
      const end = Atomics.load(words, at + 1);
      if (((position - start) | 0) < 0 || ((end - position - frames) | 0) < 0) continue;
      if (start !== (position | 0) && end !== ((position + frames) | 0)) return false;
      this.#copy(position, samples, frames);
      if (start === (position | 0)) Atomics.store(words, at, (position + frames) | 0);
      else Atomics.store(words, at + 1, position | 0);
      return true;
    }
    return false;
  }

  /** @param {number} position @returns {boolean} whether the present or the next block may read it */
  #isReached(position) {
    const words = this.#words;
    if (Atomics.load(words, WORD.PLAYOUT_STATE) !== PLAYOUT.SOUNDING) return false;
    return ((position - Atomics.load(words, WORD.READ_POSITION)) | 0) < Atomics.load(words, WORD.REACH_FRAMES);
  }

  /** @param {import('../clock/live_edge.js').Line} line */
  line(line) {
    const words = this.#words;
    const whole = Math.floor(line.position);
    Atomics.add(words, WORD.LINE, 1);
    Atomics.store(words, WORD.LINE_EPOCH, Atomics.load(words, WORD.EPOCH));
    Atomics.store(words, WORD.LINE_CONTEXT_FRAME, line.context_frame | 0);
    Atomics.store(words, WORD.LINE_POSITION, whole | 0);
    Atomics.store(words, WORD.LINE_FRACTION, Math.floor((line.position - whole) * FRACTION_ONE));
    Atomics.store(words, WORD.LINE_DRIFT, Math.round(line.drift_ppm * 1e-6 * DRIFT_ONE));
    Atomics.store(words, WORD.LINE_SHIFT, Math.round(line.shift_frames * LEAD_ONE) | 0);
    Atomics.store(words, WORD.LINE_BIAS, Math.ceil(line.bias_frames));
    Atomics.add(words, WORD.LINE, 1);
  }

  /** @returns {number | null} */
  renderedFrame() {
    return Atomics.load(this.#words, WORD.BLOCK_COUNT) === 0 ? null : Atomics.load(this.#words, WORD.READ_CONTEXT_FRAME);
  }

  /** @param {number} rateHz */
  expectRate(rateHz) {
    Atomics.store(this.#words, WORD.STREAM_RATE, rateHz);
  }

  /** @param {number} frames */
  expectChunk(frames) {
    Atomics.store(this.#words, WORD.CHUNK_FRAMES, Math.min(frames, AUDIO_FRAMES_MAX));
  }

  expectSound() {
    Atomics.store(this.#words, WORD.SILENCE_EXPECTED, 0);
  }

  expectSilence() {
    Atomics.store(this.#words, WORD.SILENCE_EXPECTED, 1);
  }

  /** @param {number} position @param {Float32Array} samples interleaved @param {number} frames */
  #copy(position, samples, frames) {
    const memory = this.#samples;
    let slot = ((position + this.#shift) & SLOT_MASK) * 2;
    for (let sample = 0; sample < frames * 2; sample += 2) {
      memory[slot] = /** @type {number} */ (samples[sample]);
      memory[slot + 1] = /** @type {number} */ (samples[sample + 1]);
      slot = slot + 2 === CAPACITY_FRAMES * 2 ? 0 : slot + 2;
    }
  }

  /** @param {number} frames */
  #silence(frames) {
    const first = (this.#write + this.#shift) & SLOT_MASK;
    const untilEnd = Math.min(frames, CAPACITY_FRAMES - first);
    this.#samples.fill(0, first * 2, (first + untilEnd) * 2);
    this.#samples.fill(0, 0, (frames - untilEnd) * 2);
    this.#advance(frames);
  }

  /** @param {number} frames */
  #advance(frames) {
    this.#write = (this.#write + frames) | 0;
    Atomics.store(this.#words, WORD.WRITE, this.#write);
  }
}

/** The audio thread's end: no method here makes an object. */
export class RingReader {
  /** The number of the timeline; 0 before the first. */
  epoch = 0;
  epochStart = 0;
  /** Position after the newest frame, as of the last look(). */
  write = 0;
  /** Number of frames that arrive together: as the service gives it, but at least the longest record of this timeline. */
  packetFrames = 0;
  silenceExpected = false;
  /** The next mark that ends after the requested position: [gapStart, gapEnd), valid while hasGap. */
  hasGap = false;
  gapStart = 0;
  gapEnd = 0;
  gapCause = 0;
  #words;
  #samples;
  #shift = 0;
  #gapCount = 0;
  #longestRecord = 0;
  /** The first mark of this timeline. */
  #firstGap = 0;

  /** @param {ArrayBufferLike} memory of RING_BYTES */
  constructor(memory) {
    this.#words = controlWords(memory);
    this.#samples = sampleMemory(memory);
  }

  /** Reads what the writer has published. While a new timeline is being published, nothing changes. */
  look() {
    const words = this.#words;
    const epoch = Atomics.load(words, WORD.EPOCH);
    if ((epoch & 1) !== 0) return;
    const start = Atomics.load(words, WORD.EPOCH_START);
    const shift = Atomics.load(words, WORD.EPOCH_SHIFT);
    const gaps = Atomics.load(words, WORD.EPOCH_GAPS);
    const write = Atomics.load(words, WORD.WRITE);
    const gapCount = Atomics.load(words, WORD.GAP_COUNT);
    const recordFrames = Atomics.load(words, WORD.PACKET_FRAMES);
    const chunkFrames = Atomics.load(words, WORD.CHUNK_FRAMES);
    if (Atomics.load(words, WORD.EPOCH) !== epoch) return;
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.#longestRecord = 0;
      this.epochStart = start;
      this.#shift = shift;
      this.#firstGap = gaps;
      this.hasGap = false;
    }
    this.write = write;
    if (recordFrames > this.#longestRecord) this.#longestRecord = recordFrames;
    this.packetFrames = chunkFrames > this.#longestRecord ? chunkFrames : this.#longestRecord;
    this.#gapCount = gapCount;
    this.silenceExpected = Atomics.load(words, WORD.SILENCE_EXPECTED) === 1;
  }

  /** @param {number} position @returns {number} frames from there to the newest; negative if that position is still to come */
  level(position) {
    return (this.write - position) | 0;
  }

  /** @param {number} position @returns {boolean} whether its frames are no longer safe to read */
  lapped(position) {
    return ((this.write - position) | 0) > CAPACITY_FRAMES - MARGIN_FRAMES;
  }

  /**
   * Finds the first mark that ends after a position. The reader may have stepped back, so this also examines older marks.
   *
   * @param {number} position
   */
  seekGap(position) {
    const words = this.#words;
    this.hasGap = false;
    for (let mark = Math.max(this.#firstGap, this.#gapCount - GAP_MARKS); mark < this.#gapCount; mark += 1) {
      const at = GAPS_AT + (mark % GAP_MARKS) * GAP_WORDS;
      this.gapEnd = Atomics.load(words, at + 1);
      if (((this.gapEnd - position) | 0) <= 0) continue;
      this.gapStart = Atomics.load(words, at);
      this.gapCause = Atomics.load(words, at + 2);
      this.hasGap = true;
      return;
    }
  }

  /** @param {number} position @returns {boolean} whether a mark says that this frame does not exist */
  inGap(position) {
    return this.hasGap && ((position - this.gapStart) | 0) >= 0 && ((this.gapEnd - position) | 0) > 0;
  }

  /**
   * Copies frames exactly as they were sent.
   *
   * @param {number} position @param {Float32Array} left @param {Float32Array} right
   * @param {number} at index in left and right @param {number} frames
   */
  read(position, left, right, at, frames) {
    const samples = this.#samples;
    let slot = ((position + this.#shift) & SLOT_MASK) * 2;
    for (let frame = at; frame < at + frames; frame += 1) {
      left[frame] = /** @type {number} */ (samples[slot]);
      right[frame] = /** @type {number} */ (samples[slot + 1]);
      slot = slot + 2 === CAPACITY_FRAMES * 2 ? 0 : slot + 2;
    }
  }
}
