/**
 * The way to the audio thread if memory cannot be shared: blocks of frames over a MessagePort.
 *
 * In: the calls that a ring's writer gets. Out: transferred buffers, which repeat these calls on the ring at the other end.
 * Buffers are recycled: the worklet sends each one back, so in steady state nothing is allocated, and no more than POOL_BLOCKS
 * exist.
 * Frames are batched, because every message wakes a thread, and that costs more than the copy. A gap or a restart sends the batch
 * at once.
 */

import { BATCH_FRAMES, BLOCK_FRAMES, BLOCK_HEAD_WORDS, POOL_BLOCKS } from './constants.js';

/** Words at the start of a returned block: its former kind, whether anything was rendered yet, and the context frame of the newest block. */
const KIND_WORD = 0;
const HAS_RENDERED_WORD = 1;
const RENDERED_WORD = 2;
const BLOCK_HEAD_BYTES = BLOCK_HEAD_WORDS * Int32Array.BYTES_PER_ELEMENT;
const BLOCK_BYTES = BLOCK_HEAD_BYTES + BLOCK_FRAMES * 2 * Float32Array.BYTES_PER_ELEMENT;

const KIND_AUDIO = 0;
const KIND_GAP = 1;
const KIND_RESTART = 2;
const KIND_EXPECT_SOUND = 3;
const KIND_EXPECT_SILENCE = 4;
const KIND_LINE = 5;
const KIND_QUESTION = 6;
const KIND_CHUNK = 7;
const KIND_RATE = 8;

/** @import { Sink } from './ring.js' */

/** @implements {Sink} */
export class PortSink {
  /** Frames dropped because every block was in transit. */
  droppedFrames = 0;

  /** @type {ArrayBuffer[]} */
  #pool = Array.from({ length: POOL_BLOCKS }, () => new ArrayBuffer(BLOCK_BYTES));
  #post;
  /** The block that is being filled. @type {ArrayBuffer | null} */
  #block = null;
  #samples = new Float32Array(0);
  #frames = 0;
  #position = 0;
  /** True after a drop: the next frames then start a new timeline. */
  #broken = false;
  /** These values are sent again after a drop, because they may have been dropped, too. */
  #expectation = KIND_EXPECT_SOUND;
  #chunkFrames = 0;
  #rateHz = 0;

  /** Context frame of the newest block when the last buffer left the audio thread. @type {number | null} */
  #renderedFrame = null;
  /**
   * True while a question is in transit. Only one may be: otherwise an audio thread that does not answer would get the
   * whole pool.
   */
  #isAsking = false;

  /** @param {(block: ArrayBuffer) => void} post transfers a block to the other end */
  constructor(post) {
    this.#post = post;
  }

  /** Takes back a block. @param {ArrayBuffer} block */
  recycle(block) {
    if (block.byteLength !== BLOCK_BYTES || this.#pool.length >= POOL_BLOCKS) return;
    const head = new Int32Array(block, 0, BLOCK_HEAD_WORDS);
    if (head[KIND_WORD] === KIND_QUESTION) this.#isAsking = false;
    if (head[HAS_RENDERED_WORD] === 1) this.#renderedFrame = head[RENDERED_WORD] ?? null;
    this.#pool.push(block);
  }

  /** @param {number} position */
  restart(position) {
    this.#flush();
    const wasBroken = this.#broken;
    this.#broken = !this.#say(KIND_RESTART, position, 0, 0);
    if (!wasBroken || this.#broken) return;
    this.#say(this.#expectation, 0, 0, 0);
    this.#say(KIND_RATE, 0, this.#rateHz, 0);
    this.#say(KIND_CHUNK, 0, this.#chunkFrames, 0);
  }

  /** @param {number} position @param {Float32Array} samples @param {number} frames */
  audio(position, samples, frames) {
    if (this.#broken) this.restart(position);
    this.#block ??= this.#begin(position);
    if (!this.#block) {
      this.#broken = true;
      this.droppedFrames += frames;
      return;
    }
    this.#samples.set(samples.subarray(0, frames * 2), this.#frames * 2);
    this.#frames += frames;
    if (this.#frames >= BATCH_FRAMES) this.#flush();
  }

  /** @param {number} position @param {number} frames @param {number} cause */
  gap(position, frames, cause) {
    this.#flush();
    if (!this.#broken) this.#broken = !this.#say(KIND_GAP, position, frames, cause);
  }

  /** @returns {boolean} always false, too late: this side of a port does not know where the reader is */
  fill() {
    return false;
  }

  /** @param {import('../clock/live_edge.js').Line} line */
  line(line) {
    this.#flush();
    const block = this.#pool.pop();
    if (!block) return;
    new Float64Array(block, BLOCK_HEAD_BYTES, 5).set([line.context_frame, line.position, line.drift_ppm, line.shift_frames, line.bias_frames]);
    this.#send(block, KIND_LINE, 0, 0, 0);
  }

  /** Asks the audio thread for its position; the answer comes with the returned block. */
  askRendered() {
    if (this.#isAsking) return;
    this.#isAsking = true; // first: the answer may come before say() returns
    if (!this.#say(KIND_QUESTION, 0, 0, 0)) this.#isAsking = false;
  }

  /** @returns {number | null} once after each answer of the audio thread, because an old answer says nothing about the present */
  renderedFrame() {
    const frame = this.#renderedFrame;
    this.#renderedFrame = null;
    return frame;
  }

  /** @param {number} rateHz */
  expectRate(rateHz) {
    this.#rateHz = rateHz;
    this.#flush();
    this.#say(KIND_RATE, 0, rateHz, 0);
  }

  /** @param {number} frames */
  expectChunk(frames) {
    this.#chunkFrames = frames;
    this.#flush();
    this.#say(KIND_CHUNK, 0, frames, 0);
  }

  expectSound() {
    this.#expect(KIND_EXPECT_SOUND);
  }

  expectSilence() {
    this.#expect(KIND_EXPECT_SILENCE);
  }

  /** @param {number} kind */
  #expect(kind) {
    this.#expectation = kind;
    this.#flush();
    this.#say(kind, 0, 0, 0);
  }

  /** @param {number} position @returns {ArrayBuffer | null} */
  #begin(position) {
    const block = this.#pool.pop() ?? null;
    if (block) this.#samples = new Float32Array(block, BLOCK_HEAD_BYTES);
    this.#frames = 0;
    this.#position = position;
    return block;
  }

  #flush() {
    if (!this.#block) return;
    const block = this.#block;
    this.#block = null;
    this.#send(block, KIND_AUDIO, this.#position, this.#frames, 0);
  }

  /**
   * @param {number} kind
   * @param {number} position
   * @param {number} frames
   * @param {number} cause
   * @returns {boolean} whether it was sent
   */
  #say(kind, position, frames, cause) {
    const block = this.#pool.pop();
    if (block) this.#send(block, kind, position, frames, cause);
    return block !== undefined;
  }

  /** @param {ArrayBuffer} block @param {...number} head */
  #send(block, ...head) {
    new Int32Array(block, 0, BLOCK_HEAD_WORDS).set(head);
    this.#post(block);
  }
}

/**
 * The other end: repeats the sink's calls on a ring.
 *
 * @param {ArrayBuffer} block @param {Sink} ring
 */
export function applyBlock(block, ring) {
  if (block.byteLength !== BLOCK_BYTES) return;
  const head = new Int32Array(block, 0, BLOCK_HEAD_WORDS);
  const [kind = 0, position = 0, frames = 0, cause = 0] = head;
  switch (kind) {
    case KIND_AUDIO: return ring.audio(position, new Float32Array(block, BLOCK_HEAD_BYTES), frames);
    case KIND_GAP: return ring.gap(position, frames >>> 0, cause);
    case KIND_RESTART: return ring.restart(position);
    case KIND_EXPECT_SOUND: return ring.expectSound();
    case KIND_EXPECT_SILENCE: return ring.expectSilence();
    case KIND_RATE: return ring.expectRate(frames);
    case KIND_CHUNK: return ring.expectChunk(frames);
    case KIND_LINE: return ring.line(lineOf(block));
    default:
  }
}

/** @param {ArrayBuffer} block @returns {import('../clock/live_edge.js').Line} */
function lineOf(block) {
  const [contextFrame = 0, position = 0, driftPpm = 0, shiftFrames = 0, biasFrames = 0] = new Float64Array(block, BLOCK_HEAD_BYTES, 5);
  return { context_frame: contextFrame, position, drift_ppm: driftPpm, shift_frames: shiftFrames, bias_frames: biasFrames };
}

/**
 * Call this before a block goes back: it writes the audio thread's position into the block.
 *
 * @param {ArrayBuffer} block @param {number | null} contextFrame of the newest block, null before the first
 */
export function stampBlock(block, contextFrame) {
  if (block.byteLength !== BLOCK_BYTES) return;
  const head = new Int32Array(block, 0, BLOCK_HEAD_WORDS);
  head[HAS_RENDERED_WORD] = contextFrame === null ? 0 : 1;
  head[RENDERED_WORD] = contextFrame ?? 0;
}
