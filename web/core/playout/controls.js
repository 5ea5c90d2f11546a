/**
 * The control words in front of the ring's samples: every number that the Worker, the audio thread and the page exchange without
 * a message. They are Int32; only one side writes each of them, always through Atomics.
 *
 * With shared memory the page reads them directly; without, the worklet posts a copy on request. Counters wrap like all Int32;
 * positions are the low 32 bits of frame_index.
 */

import { STREAM_RATE_HZ } from '../constants.js';
import { CONTROL_WORDS, DRIFT_ONE, EVENTS, EVENT_WORDS, FRACTION_ONE, GAPS_AT, GAP_MARKS, GAP_WORDS, HEARD_ONE, LEAD_ONE, PEAK_ONE } from './constants.js';
import { msOf } from '../units.js';
import { LEADS_MS } from './what_if.js';

/** The index of each word. */
export const WORD = Object.freeze({
  // Written with the samples by the ring's writer.
  /** Even: the timeline is settled; odd: it is being replaced at this moment. */
  EPOCH: 0,
  /** First position of this timeline. */
  EPOCH_START: 1,
  /** Slot of a position: (position + EPOCH_SHIFT) modulo the capacity. */
  EPOCH_SHIFT: 2,
  /** Position after the newest frame. */
  WRITE: 3,
  /** Number of gap marks ever written; the last GAP_MARKS of them are kept. */
  GAP_COUNT: 4,
  /** 1 while the service reports that there is no sound to expect. */
  SILENCE_EXPECTED: 5,
  /** GAP_COUNT when this timeline began: older marks belong to another one. */
  EPOCH_GAPS: 6,
  /** The live edge (live_edge.js). Odd while the words after it are being written; 0 before the first. */
  LINE: 7,
  /** The timeline that the line belongs to. */
  LINE_EPOCH: 8,
  LINE_CONTEXT_FRAME: 9,
  LINE_POSITION: 10,
  /** In FRACTION_ONEs. */
  LINE_FRACTION: 11,
  /** In DRIFT_ONEs. */
  LINE_DRIFT: 12,
  /** Sum of the line's shifts by changes of the network's minimum delay, in LEAD_ONEs. It wraps: only changes count. */
  LINE_SHIFT: 13,
  /** Frames of the last record. */
  PACKET_FRAMES: 14,
  /** Permanent lateness of the line behind the live edge, frames. */
  LINE_BIAS: 15,
  /** Frames per message, as the service gives it; 0 until then. */
  CHUNK_FRAMES: 42,
  /** Frames per second of the stream, as the service gives it; 0 until then. */
  STREAM_RATE: 44,

  // Written by the audio thread.
  /** Odd while the three words after it are being written. */
  STAMP: 16,
  /** Position of the first frame of the last block. */
  READ_POSITION: 17,
  /** In FRACTION_ONEs. */
  READ_FRACTION: 18,
  /** Context frame of that block, low 32 bits. */
  READ_CONTEXT_FRAME: 19,
  /** The state, one of PLAYOUT. */
  PLAYOUT_STATE: 20,
  /** The reader's distance behind the live edge, and its target, in LEAD_ONEs. */
  LEVEL: 21,
  TARGET: 22,
  /** The longest lead that a block required in the last 20 s, frames. */
  REQUIRED_FRAMES: 23,
  /** Excess of the reader's rate over the nominal rate, in DRIFT_ONEs. */
  SPEED: 24,
  /** Number of times the sound broke off because frames had not arrived and only the network was to blame. */
  LATE_COUNT: 25,
  /** Frames that were predicted or silent, for any cause. */
  MISSING_FRAMES: 26,
  /** Steps by a splice or a cut, and their length: delay given back, and delay added. */
  TRIM_COUNT: 27,
  TRIMMED_FRAMES: 28,
  INSERT_COUNT: 29,
  INSERTED_FRAMES: 30,
  /** Jumps over frames that piled up while the audio thread was frozen. */
  JUMP_COUNT: 31,
  /** Blocks that were never requested, according to the context's own frame count. */
  SKIP_COUNT: 32,
  /** Number of times the audio thread was frozen for a second or more. */
  SLEEP_COUNT: 33,
  /** Peaks since the page's last look, in PEAK_ONEs; the page writes 0. */
  PEAK_LEFT: 34,
  PEAK_RIGHT: 35,
  /** Context frame at which sound was first heard, valid once HAS_SOUNDED is 1. */
  FIRST_SOUND_CONTEXT_FRAME: 36,
  HAS_SOUNDED: 37,
  BLOCK_FRAMES: 38,
  BLOCK_COUNT: 39,
  /** Number of glitches ever written to EVENTS_AT; the last EVENTS of them are kept. */
  EVENT_COUNT: 40,
  /** Whole seconds of blocks that WHAT_IF_AT has counted. */
  WHAT_IF_SECONDS: 41,
  /** Output frames that were interpolated: the reader was moving, or the clocks or the rates differ. */
  RESAMPLED_FRAMES: 43,
  /** Frames of the stream, from READ_POSITION on, that this block and the next may read, including the filter's reach. */
  REACH_FRAMES: 45,
  /** Interruptions by how audible they were (web/core/sound/audibility.js), in HEARD_ONEs; and how many were heard for certain. */
  HEARD: 46,
  HEARD_COUNT: 47,

  // Written by the page.
  /** One of MODE. */
  MODE: 48,
  /** The lead that the listener has fixed, microseconds; used while MODE is FIXED. */
  FIXED_US: 49,
});

/** The state of the audio thread: nothing has arrived; sound is about to be placed; it plays, or would if frames were there. */
export const PLAYOUT = Object.freeze({ EMPTY: 0, SEEKING: 1, SOUNDING: 2 });

/** The method that chooses the lead (target.js). */
export const MODE = Object.freeze({ AUTO: 0, LOWEST: 1, SAFEST: 2, FIXED: 3 });
/** @typedef {'auto' | 'lowest' | 'safest' | 'fixed'} ModeName */
/** @type {readonly ModeName[]} */
export const MODE_NAMES = Object.freeze(['auto', 'lowest', 'safest', 'fixed']);

export const EVENTS_AT = GAPS_AT + GAP_MARKS * GAP_WORDS;

/** Late events so far, and late frames, for a lead of LEADS_MS[i]. */
export const WHAT_IF_AT = EVENTS_AT + EVENTS * EVENT_WORDS;
export const WHAT_IF_LATE_AT = WHAT_IF_AT + LEADS_MS.length;

if (WHAT_IF_LATE_AT + LEADS_MS.length > CONTROL_WORDS) throw new RangeError('the control words do not fit');

/**
 * The control words in the form that the page uses.
 *
 * @typedef {object} PlayoutReading
 * @property {number} state one of PLAYOUT
 * @property {number} stream_rate frames per second
 * @property {number} read_position with its fraction
 * @property {number} read_context_frame low 32 bits
 * @property {ModeName} mode
 * @property {number} level_ms
 * @property {number} target_ms
 * @property {number} required_lead_ms
 * @property {number} rate_ppm
 * @property {number} late_count
 * @property {number} concealed_ms
 * @property {number} audible_cost interruptions by how audible they were
 * @property {number} audible_count interruptions that were heard for certain
 * @property {number} resampled_ms
 * @property {number} trims
 * @property {number} trimmed_ms
 * @property {number} inserts
 * @property {number} inserted_ms
 * @property {number} jumps
 * @property {number} skips
 * @property {number} sleeps
 * @property {number | null} first_sound_context_frame
 * @property {number} block_frames
 * @property {number} blocks
 * @property {number} events
 */

/**
 * @param {Int32Array} words
 * @returns {PlayoutReading | null} null if the audio thread was just writing: look again next time
 */
export function readPlayout(words) {
  /** @param {number} word */
  const at = (word) => Atomics.load(words, word);
  const streamRateHz = streamRate(words);
  /** @param {number} frames */
  const ms = (frames) => msOf(frames, streamRateHz);
  const stamp = at(WORD.STAMP);
  const readPosition = at(WORD.READ_POSITION);
  const readFraction = at(WORD.READ_FRACTION);
  const readContextFrame = at(WORD.READ_CONTEXT_FRAME);
  if ((stamp & 1) !== 0 || at(WORD.STAMP) !== stamp) return null;
  return {
    state: at(WORD.PLAYOUT_STATE),
    stream_rate: streamRateHz,
    read_position: readPosition + readFraction / FRACTION_ONE,
    read_context_frame: readContextFrame,
    mode: MODE_NAMES[at(WORD.MODE)] ?? 'auto',
    level_ms: ms(at(WORD.LEVEL) / LEAD_ONE),
    target_ms: ms(at(WORD.TARGET) / LEAD_ONE),
    required_lead_ms: ms(at(WORD.REQUIRED_FRAMES)),
    rate_ppm: (at(WORD.SPEED) / DRIFT_ONE) * 1e6,
    late_count: at(WORD.LATE_COUNT),
    concealed_ms: ms(at(WORD.MISSING_FRAMES)),
    audible_cost: at(WORD.HEARD) / HEARD_ONE,
    audible_count: at(WORD.HEARD_COUNT),
    resampled_ms: ms(at(WORD.RESAMPLED_FRAMES) >>> 0),
    trims: at(WORD.TRIM_COUNT),
    trimmed_ms: ms(at(WORD.TRIMMED_FRAMES)),
    inserts: at(WORD.INSERT_COUNT),
    inserted_ms: ms(at(WORD.INSERTED_FRAMES)),
    jumps: at(WORD.JUMP_COUNT),
    skips: at(WORD.SKIP_COUNT),
    sleeps: at(WORD.SLEEP_COUNT),
    first_sound_context_frame: at(WORD.HAS_SOUNDED) === 1 ? at(WORD.FIRST_SOUND_CONTEXT_FRAME) : null,
    block_frames: at(WORD.BLOCK_FRAMES),
    blocks: at(WORD.BLOCK_COUNT),
    events: at(WORD.EVENT_COUNT),
  };
}

/** @param {Int32Array} words @returns {number} frames per second of the stream; the usual rate until the service has given it */
export function streamRate(words) {
  return Atomics.load(words, WORD.STREAM_RATE) || STREAM_RATE_HZ;
}

/**
 * The cost of every lead on the blocks so far.
 *
 * @param {Int32Array} words
 * @returns {{observed_s: number, leads: {target_ms: number, events: number, late_ms: number}[]}} ascending
 */
export function readWhatIf(words) {
  /** @param {number} word */
  const at = (word) => Atomics.load(words, word);
  const leads = LEADS_MS.map((leadMs, index) => ({
    target_ms: leadMs, events: at(WHAT_IF_AT + index), late_ms: msOf(at(WHAT_IF_LATE_AT + index), streamRate(words)),
  }));
  return { observed_s: at(WORD.WHAT_IF_SECONDS), leads };
}

/**
 * Glitches that the audio thread has noted after the first `seen` of them. If there are more than EVENTS, the oldest are only
 * counted.
 *
 * @param {Int32Array} words @param {number} seen
 * @returns {{context_frame: number, length_ms: number}[]}
 */
export function readEvents(words, seen) {
  const count = Atomics.load(words, WORD.EVENT_COUNT);
  const events = [];
  for (let event = Math.max(seen, count - EVENTS); event < count; event += 1) {
    const at = EVENTS_AT + (event % EVENTS) * EVENT_WORDS;
    events.push({ context_frame: Atomics.load(words, at), length_ms: msOf(Atomics.load(words, at + 1), streamRate(words)) });
  }
  return events;
}

/**
 * Reads the peaks and resets them; the audio thread then starts anew. A meter may miss a block that ends at the same moment;
 * nothing else reads the peaks.
 *
 * @param {Int32Array} words
 * @param {[number, number]} peaks written: left, right, linear
 */
export function takePeaks(words, peaks) {
  peaks[0] = Atomics.exchange(words, WORD.PEAK_LEFT, 0) / PEAK_ONE;
  peaks[1] = Atomics.exchange(words, WORD.PEAK_RIGHT, 0) / PEAK_ONE;
}

/** @param {Int32Array} words @param {ModeName} mode @param {number | null} fixedMs */
export function writeMode(words, mode, fixedMs) {
  if (fixedMs !== null) Atomics.store(words, WORD.FIXED_US, Math.round(fixedMs * 1000));
  Atomics.store(words, WORD.MODE, MODE_NAMES.indexOf(mode));
}
