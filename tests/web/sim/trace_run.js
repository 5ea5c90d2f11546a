/**
 * Plays a trace through the shipped code: wire, receiver, live edge, ring, and the worklet's process().
 *
 * In: packets with their times, and the listener's properties. Out: figures of the sound that this listener heard.
 * Arrivals and blocks happen in the order of their times on one clock; nothing really waits, so an hour takes a minute.
 */

import { FRACTION_ONE, LEAD_ONE, LONG_STALL_MS } from '../../../web/core/playout/constants.js';
import { STREAM_RATE_HZ } from '../../../web/core/constants.js';
import { AUDIO_FRAMES_MAX } from '../../../web/core/net/constants.js';
import { MODE_NAMES, PLAYOUT, readPlayout, WORD, writeMode } from '../../../web/core/playout/controls.js';
import { nextLookMs } from '../../../web/core/clock/live_edge.js';
import { Receiver } from '../../../web/core/net/receiver.js';
import { controlWords, RING_BYTES, RingWriter } from '../../../web/core/playout/ring.js';
import { msOf } from '../../../web/core/units.js';
import { costOf, leastDelayMs, leastDelayOfCostMs, required, SAME_EVENT_MS } from './oracle.js';
import { randomFrom } from './random.js';
import { audio, message } from './records.js';
import { carried } from './sounds.js';
import { captureMsAt } from './trace.js';
import { newProcessor, setCurrentFrame } from './worklet.js';

/** A fixed seed: the same trace gives the same run. */
const LOOKS_SEED = 1;
/** Time after which rate and level are judged. */
const SETTLED_MS = 60_000;
/** Minimum length of a pause between arrivals that counts as a stall. */
const STALL_MS = 150;
/** Distance from its former value within which the delay counts as restored after a stall. */
const RETURNED_MS = 1;
/** Time for which the delay must stay restored; later changes of the delay have other causes. */
const RETURNED_FOR_MS = 10_000;
const BEFORE_STALL_MS = 2000;
/** Maximum number of late packets in an event of the oracle, unless the listener had more. */
const PACKETS_OF_EVENT = 100;
/** Time over which the slope of the rate is measured, because the step of a single block is rounded. */
const SLOPE_MS = 1000;

/**
 * @typedef {object} Listener
 * @property {import('../../../web/core/playout/controls.js').ModeName} [mode]
 * @property {number | null} [fixedMs] lead of mode fixed
 * @property {number} [skewPpm] how much too fast its audio clock runs
 * @property {number} [contextRateHz]
 * @property {number} [blockFrames]
 * @property {number} [burstFrames] per audio callback
 * @property {string} [sound] that the trace carries (sounds.js). In silence a step lands exactly where intended, as no sound has to fit
 * @property {number} [phaseMs] how long before the first packet the first callback comes; the default divides nothing evenly
 * @property {{ms: number, frame: number, written: number}[] | null} [blocks] replaces all of the above: when each block was
 *   rendered (on the trace's clock), its first frame, and the stream position up to which frames had arrived by then, low 32 bits
 * @property {number[] | null} [looks] when the Worker looked at that, on the same clock; random by default
 */

/**
 * @typedef {object} Heard
 * @property {number} mean_delay_ms @property {number} late_events @property {number} late_packets @property {number} concealed_ms
 * @property {number} concealed_share of the time, without stalls of the network longer than half a second
 * @property {number} audible_cost interruptions by how audible they were @property {number} audible_events
 * @property {number} oracle_ms @property {number} oracle_equal_events_ms
 * @property {number} oracle_equal_cost_ms the least constant delay with no larger audible cost, for the same sound throughout
 * @property {number} level_p2p_ms
 * @property {number} rate_sd_ppm @property {number} max_slope_ppm_per_s @property {number | null} return_s
 */

export class TraceRun {
  /** For each block that sounded: time, delay, rate in ppm, lead. */
  blocks = { ms: new Float64Array(0), delayMs: new Float64Array(0), ratePpm: new Float64Array(0), levelMs: new Float64Array(0), count: 0 };
  /** For each block since the first sound: the frames that were missing. */
  missing = new Int32Array(0);
  /** Packets that arrived too late to be played, and groups of them with less than 100 ms between. */
  latePackets = 0;
  lateEvents = 0;
  #lateUntilMs = -Infinity;
  #packets;
  #packetFrames;
  #listener;
  #memory = new SharedArrayBuffer(RING_BYTES);
  #words = controlWords(this.#memory);
  #receiver;
  #processor;
  #carried;
  /** For every packet of the sound. @type {ArrayBuffer[][]} */
  #records = [];
  #outputs;
  #blockMs;
  #firstMs;

  /** @param {import('./trace.js').TracePacket[]} packets @param {number} packetFrames @param {Listener} listener */
  constructor(packets, packetFrames, listener) {
    this.#packets = packets;
    this.#packetFrames = packetFrames;
    this.#listener = { mode: /** @type {const} */ ('auto'), fixedMs: null, skewPpm: 0, contextRateHz: 48_000, blockFrames: 128, burstFrames: 128, phaseMs: 61.234, sound: 'sine', blocks: null, looks: null, ...listener };
    const { contextRateHz, blockFrames, skewPpm, mode, fixedMs, phaseMs } = this.#listener;
    this.#carried = carried(this.#listener.sound, packetFrames);
    this.#receiver = new Receiver(new RingWriter(this.#memory), contextRateHz);
    this.#processor = newProcessor(this.#memory, contextRateHz);
    this.#outputs = [[new Float32Array(blockFrames), new Float32Array(blockFrames)]];
    this.#blockMs = (blockFrames * 1000) / contextRateHz / (1 + skewPpm / 1e6);
    writeMode(this.#words, mode, fixedMs);
    this.#firstMs = this.#listener.blocks?.[0]?.ms ?? Math.min(...packets.slice(0, 50).map((packet) => packet.arrival_ms)) - phaseMs;
  }

  get words() {
    return this.#words;
  }

  get playout() {
    const reading = readPlayout(this.#words);
    if (!reading) throw new Error('nobody else is writing');
    return reading;
  }

  /** @returns {this} */
  run() {
    const arrivals = this.#packets.map((packet, index) => ({ ...packet, seq: this.#seqOf(packet), index }))
      .sort((a, b) => a.arrival_ms - b.arrival_ms || a.index - b.index);
    const endMs = /** @type {number} */ (arrivals.at(-1)?.arrival_ms);
    const most = Math.ceil((endMs - this.#firstMs) / this.#blockMs) + 64;
    for (const key of /** @type {const} */ (['ms', 'delayMs', 'ratePpm', 'levelMs'])) this.blocks[key] = new Float64Array(most);
    this.missing = new Int32Array(most);
    const { blockFrames, burstFrames, blocks, looks } = this.#listener;
    const blocksOfBurst = blocks ? 1 : Math.max(1, Math.round(burstFrames / blockFrames));
    const look = (looks ?? randomLooks(this.#firstMs))[Symbol.iterator]();
    let lookMs = look.next().value ?? Infinity;
    let next = 0;
    for (let block = 0; ; block += blocksOfBurst) {
      const nowMs = this.#renderedMs(block);
      if (nowMs > endMs) break;
      for (;;) {
        const arrival = arrivals[next];
        const isHere = arrival !== undefined && this.#isHere(arrival, block);
        if (isHere && arrival.arrival_ms <= lookMs) {
          this.#arrive(arrival);
          next += 1;
        } else if (isHere || lookMs <= nowMs) {
          this.#receiver.noteRendered(lookMs);
          lookMs = look.next().value ?? Infinity;
        } else {
          break;
        }
      }
      for (let at = block; at < block + blocksOfBurst; at += 1) this.#render(at);
    }
    return this;
  }

  /** @param {import('./trace.js').TracePacket} packet */
  #seqOf(packet) {
    return Math.round((packet.frame_index - /** @type {number} */ (this.#packets[0]?.frame_index)) / this.#packetFrames);
  }

  /** @param {import('./trace.js').TracePacket & {seq: number}} packet */
  #arrive(packet) {
    const { repeats } = this.#receiver;
    const isPast = this.#isPast(packet.frame_index);
    const place = ((packet.seq % this.#carried.packets) + this.#carried.packets) % this.#carried.packets;
    const records = (this.#records[place] ??= this.#makeRecords(place));
    records.forEach((bytes, index) => {
      const view = new DataView(bytes);
      const frame = packet.frame_index + index * AUDIO_FRAMES_MAX;
      view.setUint32(8, packet.seq * records.length + index, true);
      view.setBigUint64(16, BigInt(frame), true);
      view.setBigUint64(24, BigInt(Math.max(0, Math.round((packet.capture_ms + (index * AUDIO_FRAMES_MAX) / 44.1) * 1e6))), true);
      this.#receiver.receive(bytes, packet.arrival_ms);
    });
    if (isPast || this.#receiver.repeats > repeats) this.#countLate(packet.capture_ms);
  }

  /** @param {number} captureMs */
  #countLate(captureMs) {
    this.latePackets += 1;
    if (captureMs - this.#lateUntilMs >= SAME_EVENT_MS) this.lateEvents += 1;
    this.#lateUntilMs = Math.max(this.#lateUntilMs, captureMs + (this.#packetFrames * 1000) / STREAM_RATE_HZ);
  }

  /**
   * A packet in as many records as necessary.
   *
   * @param {number} place of the packet in the sound @returns {ArrayBuffer[]}
   */
  #makeRecords(place) {
    const records = [];
    for (let at = 0; at < this.#packetFrames; at += AUDIO_FRAMES_MAX) {
      const frames = Math.min(AUDIO_FRAMES_MAX, this.#packetFrames - at);
      records.push(message(audio({ seq: 0, frameIndex: place * this.#packetFrames + at, frames, sampleAt: this.#carried.sampleAt })));
    }
    return records;
  }

  /** Returns whether the audio thread has passed this frame. @param {number} frameIndex @returns {boolean} */
  #isPast(frameIndex) {
    if (Atomics.load(this.#words, WORD.PLAYOUT_STATE) !== PLAYOUT.SOUNDING) return false;
    const read = Atomics.load(this.#words, WORD.READ_POSITION);
    const ahead = (this.#listener.blockFrames * STREAM_RATE_HZ) / this.#listener.contextRateHz + 18;
    return ((frameIndex - read) | 0) < ahead - 1;
  }

  /** @param {number} block @returns {number} Infinity after the last block */
  #renderedMs(block) {
    const { blocks } = this.#listener;
    return blocks ? blocks[block]?.ms ?? Infinity : this.#firstMs + block * this.#blockMs;
  }

  /**
   * Returns whether the packet had arrived before that block.
   *
   * @param {import('./trace.js').TracePacket} packet @param {number} block @returns {boolean}
   */
  #isHere(packet, block) {
    const { blocks } = this.#listener;
    if (!blocks) return packet.arrival_ms <= this.#renderedMs(block);
    const { written } = /** @type {NonNullable<typeof blocks[number]>} */ (blocks[block]);
    return ((packet.frame_index + this.#packetFrames - written) | 0) <= 0;
  }

  /** @param {number} block */
  #render(block) {
    const { blockFrames, blocks } = this.#listener;
    const missingBefore = Atomics.load(this.#words, WORD.MISSING_FRAMES);
    setCurrentFrame(blocks?.[block]?.frame ?? block * blockFrames);
    this.#processor.process([], this.#outputs);
    if (Atomics.load(this.#words, WORD.PLAYOUT_STATE) !== PLAYOUT.SOUNDING) return;
    const missing = Atomics.load(this.#words, WORD.MISSING_FRAMES) - missingBefore;
    this.missing[block] = missing;
    if (missing !== 0) return;
    const ms = this.#renderedMs(block);
    const position = Atomics.load(this.#words, WORD.READ_POSITION) + Atomics.load(this.#words, WORD.READ_FRACTION) / FRACTION_ONE;
    const at = this.blocks.count;
    this.blocks.ms[at] = ms;
    this.blocks.delayMs[at] = ms - captureMsAt(this.#packets, this.#packetFrames, position);
    this.blocks.ratePpm[at] = (Atomics.load(this.#words, WORD.SPEED) / 2 ** 31) * 1e6;
    this.blocks.levelMs[at] = this.playoutLevelMs;
    this.blocks.count += 1;
  }

  get playoutLevelMs() {
    return msOf(Atomics.load(this.#words, WORD.LEVEL) / LEAD_ONE);
  }

  /** @returns {Heard} */
  heard() {
    const { playout } = this;
    const grid = { first_ms: this.#firstMs, block_ms: this.#blockMs };
    const { ms, delayMs, ratePpm, levelMs, count } = this.blocks;
    const from = ms.subarray(0, count).findIndex((at) => at >= this.#firstMs + SETTLED_MS);
    const settled = from < 0 ? count : from;
    const rare = Math.max(1, Math.floor(((/** @type {number} */ (ms[count - 1])) - this.#firstMs) / 600_000));
    return {
      mean_delay_ms: round(mean(delayMs.subarray(0, count))),
      late_events: this.lateEvents,
      late_packets: this.latePackets,
      concealed_ms: round(playout.concealed_ms),
      concealed_share: round(this.#concealedShare(playout.concealed_ms)),
      audible_cost: round(playout.audible_cost),
      audible_events: playout.audible_count,
      oracle_ms: round(leastDelayMs(this.#packets, grid, { events: rare, packets: Math.max(this.latePackets, rare * PACKETS_OF_EVENT) })),
      oracle_equal_events_ms: round(leastDelayMs(this.#packets, grid, { events: this.lateEvents, packets: this.latePackets })),
      oracle_equal_cost_ms: round(this.#equalCostMs()),
      level_p2p_ms: round(peakToPeak(levelMs.subarray(settled, count))),
      rate_sd_ppm: round(deviation(ratePpm.subarray(settled, count))),
      max_slope_ppm_per_s: round(steepest(ms.subarray(settled, count), ratePpm.subarray(settled, count))),
      return_s: this.#returnS(),
    };
  }

  /** @param {number} concealedMs @returns {number} */
  #concealedShare(concealedMs) {
    const stalledMs = stallsOf(this.#packets, LONG_STALL_MS).reduce((sum, { beganMs, endedMs }) => sum + endedMs - beganMs, 0);
    const wholeMs = this.missing.length * this.#blockMs - stalledMs;
    return Math.max(0, concealedMs - stalledMs) / wholeMs;
  }

  /** @returns {number} ms */
  #equalCostMs() {
    const { requiredMs, lostCost } = required(this.#packets, this.#packetFrames, { first_ms: this.#firstMs, block_ms: this.#blockMs });
    const own = costOf(this.missing);
    return leastDelayOfCostMs(requiredMs, this.#blockMs, own - lostCost);
  }

  /** @returns {number | null} the longest time after a stall until the delay was restored, s */
  #returnS() {
    const stalls = stallsOf(this.#packets, STALL_MS);
    let worst = /** @type {number | null} */ (null);
    stalls.forEach(({ beganMs, endedMs }, index) => {
      const untilMs = stalls[index + 1]?.beganMs ?? Infinity;
      const returnMs = this.#returnMs(beganMs, endedMs, untilMs);
      if (returnMs !== null) worst = Math.max(worst ?? 0, returnMs / 1000);
    });
    return worst === null ? null : round(worst);
  }

  /**
   * @param {number} beganMs
   * @param {number} endedMs
   * @param {number} untilMs the next stall
   * @returns {number | null} null: nothing to compare
   */
  #returnMs(beganMs, endedMs, untilMs) {
    const { ms, delayMs, count } = this.blocks;
    const first = firstAtOrAfter(ms, count, beganMs - BEFORE_STALL_MS);
    const began = firstAtOrAfter(ms, count, beganMs);
    if (first === began) return null;
    const before = mean(delayMs.subarray(first, began));
    let backMs = endedMs;
    for (let at = firstAtOrAfter(ms, count, endedMs); at < count; at += 1) {
      const time = /** @type {number} */ (ms[at]);
      if (time >= untilMs || time - backMs >= RETURNED_FOR_MS) break;
      if (Math.abs(/** @type {number} */ (delayMs[at]) - before) > RETURNED_MS) backMs = time;
    }
    return backMs - endedMs;
  }
}

/**
 * @param {import('./trace.js').TracePacket[]} packets @param {number} leastMs
 * @returns {{beganMs: number, endedMs: number}[]} times of at least this length without an arrival
 */
function stallsOf(packets, leastMs) {
  const stalls = [];
  const arrivals = packets.map((packet) => packet.arrival_ms).sort((a, b) => a - b);
  for (let at = 1; at < arrivals.length; at += 1) {
    const [before, after] = [/** @type {number} */ (arrivals[at - 1]), /** @type {number} */ (arrivals[at])];
    if (after - before > leastMs) stalls.push({ beganMs: before, endedMs: after });
  }
  return stalls;
}

/** @param {number} fromMs @returns {Generator<number, never>} ms */
function* randomLooks(fromMs) {
  const random = randomFrom(LOOKS_SEED);
  for (let ms = fromMs; ; ms += nextLookMs(random())) yield ms;
}

/** @param {Float64Array} ms ascending @param {number} count @param {number} from @returns {number} index */
function firstAtOrAfter(ms, count, from) {
  let low = 0;
  for (let high = count; low < high;) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (ms[middle]) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {number} value @returns {number} */
function round(value) {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : value;
}

/** @param {Float64Array} values @returns {number} */
function mean(values) {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @param {Float64Array} values @returns {number} */
function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** @param {Float64Array} values @returns {number} */
function peakToPeak(values) {
  return values.length === 0 ? 0 : values.reduce((most, value) => Math.max(most, value), -Infinity) - values.reduce((least, value) => Math.min(least, value), Infinity);
}

/** @param {Float64Array} ms @param {Float64Array} ppm @returns {number} ppm per second, over SLOPE_MS */
function steepest(ms, ppm) {
  let most = 0;
  for (let from = 0, to = 0; to < ms.length; to += 1) {
    while (/** @type {number} */ (ms[to]) - /** @type {number} */ (ms[from]) > SLOPE_MS) from += 1;
    const seconds = (/** @type {number} */ (ms[to]) - /** @type {number} */ (ms[from])) / 1000;
    if (seconds > 0.9) most = Math.max(most, Math.abs(/** @type {number} */ (ppm[to]) - /** @type {number} */ (ppm[from])) / seconds);
  }
  return most;
}

/** @param {string} name @returns {name is import('../../../web/core/playout/controls.js').ModeName} */
export function isMode(name) {
  return MODE_NAMES.some((known) => known === name);
}
