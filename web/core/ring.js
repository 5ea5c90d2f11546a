/**
 * The ring between the socket and the audio thread: one writer, one reader, no lock, nobody ever waits.
 *
 * In: frames at their place in the timeline. Out: the same frames, or the knowledge that they are not there.
 * Frames are addressed by absolute position, the low 32 bits of frame_index: positions wrap every 27 hours, and
 * differences `(a - b) | 0` are right as long as two positions are less than 13.5 hours apart. Which lies in the buffer
 * is the writer's business alone; the reader keeps its own position and asks. Works on an ArrayBuffer as on shared memory.
 *
 * Memory order: samples and marks are written first, then WRITE (Atomics.store); the reader loads WRITE first. A new
 * timeline is published under EPOCH as a sequence lock, and continues in the slots after the old one's newest frame
 * (EPOCH_SHIFT), so frames the reader is copying in that instant are not touched.
 */

import { CONTROL_WORDS, GAP_MARKS, GAP_WORDS, GAPS_AT, HEADROOM_NONE, WORD } from './controls.js';
import { AUDIO_FRAMES_MAX } from './wire.js';

/** 1.486 s of stereo: what a listener could still want to hear. A power of two, so a slot is a mask away. */
export const CAPACITY_FRAMES = 65_536;
/**
 * The reader keeps this far from the oldest frames (186 ms): a burst written while one block is copied must not reach
 * the frames under its hands.
 */
export const MARGIN_FRAMES = 8192;

/** A longer gap leaves nothing to join on to: a new timeline begins behind it (receiver.js). */
export const GAP_FRAMES_MAX = CAPACITY_FRAMES - MARGIN_FRAMES;

const SLOT_MASK = CAPACITY_FRAMES - 1;
const CONTROL_BYTES = CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT;
export const RING_BYTES = CONTROL_BYTES + CAPACITY_FRAMES * 2 * Float32Array.BYTES_PER_ELEMENT;

/**
 * Where frames go: the ring itself, or the port to the ring of another thread (port_sink.js).
 *
 * @typedef {object} Sink
 * @property {(position: number) => void} restart a new timeline begins: nothing before it joins on
 * @property {(position: number, samples: Float32Array, frames: number) => void} audio interleaved left and right
 * @property {(position: number, frames: number, cause: number) => void} gap frames that do not exist
 * @property {() => void} expectSound
 * @property {() => void} expectSilence the service says the instrument gives no sound: silence is no fault
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
    Atomics.store(this.#words, WORD.HEADROOM_LEAST_FRAMES, HEADROOM_NONE);
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
   * Frames must continue at the write position: what does not is the caller's error.
   *
   * @param {number} position @param {Float32Array} samples interleaved @param {number} frames at most AUDIO_FRAMES_MAX
   */
  audio(position, samples, frames) {
    if ((position - this.#write) | 0) throw new RangeError(`audio at ${position}, the ring is at ${this.#write}`);
    const memory = this.#samples;
    let slot = ((this.#write + this.#shift) & SLOT_MASK) * 2;
    for (let sample = 0; sample < frames * 2; sample += 2) {
      memory[slot] = /** @type {number} */ (samples[sample]);
      memory[slot + 1] = /** @type {number} */ (samples[sample + 1]);
      slot = slot + 2 === CAPACITY_FRAMES * 2 ? 0 : slot + 2;
    }
    this.#advance(frames);
  }

  /**
   * Marks frames that do not exist and writes silence over their slots: whatever happens to the mark, old memory is
   * never read.
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
    // In steps, so that never more than one record's worth is in flight under the reader's margin.
    for (let left = frames; left > 0; left -= AUDIO_FRAMES_MAX) this.#silence(Math.min(left, AUDIO_FRAMES_MAX));
  }

  expectSound() {
    Atomics.store(this.#words, WORD.SILENCE_EXPECTED, 0);
  }

  expectSilence() {
    Atomics.store(this.#words, WORD.SILENCE_EXPECTED, 1);
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

/** Of the audio thread: no method here makes an object. */
export class RingReader {
  /** Counts timelines; 0 before the first. */
  epoch = 0;
  epochStart = 0;
  /** Position after the newest frame, as of the last look(). */
  write = 0;
  silenceExpected = false;
  /** The next mark that ends after the position asked about: [gapStart, gapEnd), valid while hasGap. */
  hasGap = false;
  gapStart = 0;
  gapEnd = 0;
  gapCause = 0;
  /** Highest absolute samples of the last copy(), left and right. In an array, where a fraction is no object to the engine. */
  peaks = new Float64Array(2);

  #words;
  #samples;
  #shift = 0;
  #gapCount = 0;
  #gapsPassed = 0;

  /** @param {ArrayBufferLike} memory of RING_BYTES */
  constructor(memory) {
    this.#words = controlWords(memory);
    this.#samples = sampleMemory(memory);
  }

  /** Takes in what the writer has published. While a new timeline is being published, nothing is news. */
  look() {
    const words = this.#words;
    const epoch = Atomics.load(words, WORD.EPOCH);
    if ((epoch & 1) !== 0) return;
    const start = Atomics.load(words, WORD.EPOCH_START);
    const shift = Atomics.load(words, WORD.EPOCH_SHIFT);
    const gaps = Atomics.load(words, WORD.EPOCH_GAPS);
    const write = Atomics.load(words, WORD.WRITE);
    const gapCount = Atomics.load(words, WORD.GAP_COUNT);
    if (Atomics.load(words, WORD.EPOCH) !== epoch) return;
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.epochStart = start;
      this.#shift = shift;
      this.#gapsPassed = gaps;
      this.hasGap = false;
    }
    this.write = write;
    this.#gapCount = gapCount;
    this.silenceExpected = Atomics.load(words, WORD.SILENCE_EXPECTED) === 1;
  }

  /** @param {number} position @returns {number} frames from there to the newest; negative when they are still to come */
  level(position) {
    return (this.write - position) | 0;
  }

  /** @param {number} position @returns {boolean} its frames are no longer safe to read */
  lapped(position) {
    return ((this.write - position) | 0) > CAPACITY_FRAMES - MARGIN_FRAMES;
  }

  /** Finds the mark that ends first after a position. @param {number} position */
  seekGap(position) {
    const words = this.#words;
    if (this.#gapCount - this.#gapsPassed > GAP_MARKS) this.#gapsPassed = this.#gapCount - GAP_MARKS;
    this.hasGap = false;
    while (this.#gapsPassed < this.#gapCount) {
      const at = GAPS_AT + (this.#gapsPassed % GAP_MARKS) * GAP_WORDS;
      this.gapStart = Atomics.load(words, at);
      this.gapEnd = Atomics.load(words, at + 1);
      this.gapCause = Atomics.load(words, at + 2);
      if (((this.gapEnd - position) | 0) > 0) {
        this.hasGap = true;
        return;
      }
      this.#gapsPassed += 1;
    }
  }

  /** @param {number} position @returns {boolean} a mark says this frame does not exist */
  inGap(position) {
    return this.hasGap && ((position - this.gapStart) | 0) >= 0 && ((this.gapEnd - position) | 0) > 0;
  }

  /** @param {number} position @returns {number} */
  leftAt(position) {
    return /** @type {number} */ (this.#samples[((position + this.#shift) & SLOT_MASK) * 2]);
  }

  /** @param {number} position @returns {number} */
  rightAt(position) {
    return /** @type {number} */ (this.#samples[((position + this.#shift) & SLOT_MASK) * 2 + 1]);
  }

  /**
   * Frames exactly as they were sent.
   *
   * @param {number} position @param {Float32Array} left @param {Float32Array} right
   */
  copy(position, left, right) {
    const samples = this.#samples;
    let slot = ((position + this.#shift) & SLOT_MASK) * 2;
    let peakLeft = 0;
    let peakRight = 0;
    for (let frame = 0; frame < left.length; frame += 1) {
      const leftSample = /** @type {number} */ (samples[slot]);
      const rightSample = /** @type {number} */ (samples[slot + 1]);
      left[frame] = leftSample;
      right[frame] = rightSample;
      peakLeft = Math.max(peakLeft, Math.abs(leftSample));
      peakRight = Math.max(peakRight, Math.abs(rightSample));
      slot = slot + 2 === CAPACITY_FRAMES * 2 ? 0 : slot + 2;
    }
    this.peaks[0] = peakLeft;
    this.peaks[1] = peakRight;
  }
}
