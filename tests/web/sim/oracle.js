/**
 * The oracle: the cost of one constant delay on a trace, chosen by somebody who knows all arrivals in advance.
 *
 * In: packets, and the audio thread's blocks. Out: late events at a delay, and the least delay for a given number of late events.
 * The oracle also plays through blocks: a frame must have arrived when the block it belongs to is rendered.
 */

import { addInterruptions, wrongFrames } from '../../../web/core/sound/audibility.js';
import { SHARE_ONE } from '../../../web/core/sound/constants.js';
import { INAUDIBLE_COST } from '../../../web/core/playout/constants.js';
import { framesOf, msOf } from '../../../web/core/units.js';

/** Time below which two late packets are one event. */
export const SAME_EVENT_MS = 100;
const PRECISION_MS = 0.01;

/** @typedef {{first_ms: number, block_ms: number}} Blocks when the first block is rendered, and the time between blocks */

/**
 * @param {import('./trace.js').TracePacket[]} packets @param {Blocks} blocks @param {number} delayMs
 * @returns {{events: number, packets: number}} the late ones
 */
export function lateAt(packets, blocks, delayMs) {
  let events = 0;
  let late = 0;
  let lateAtMs = -Infinity;
  for (const { capture_ms: captureMs, arrival_ms: arrivalMs } of packets) {
    const playedMs = captureMs + delayMs;
    const renderedMs = blocks.first_ms + Math.floor((playedMs - blocks.first_ms) / blocks.block_ms) * blocks.block_ms;
    if (arrivalMs <= renderedMs) continue;
    late += 1;
    if (playedMs - lateAtMs >= SAME_EVENT_MS) events += 1;
    lateAtMs = playedMs;
  }
  return { events, packets: late };
}

/**
 * @param {import('./trace.js').TracePacket[]} packets @param {Blocks} blocks
 * @param {{events: number, packets: number}} most at most this many late events and late packets. Both numbers are needed,
 *   because at a delay where everything is late there is only one event
 * @returns {number} the least constant delay within both limits, ms
 */
export function leastDelayMs(packets, blocks, most) {
  let low = 0;
  let high = packets.reduce((worst, packet) => Math.max(worst, packet.arrival_ms - packet.capture_ms), 0) + 2 * blocks.block_ms;
  while (high - low > PRECISION_MS) {
    const middle = (low + high) / 2;
    const late = lateAt(packets, blocks, middle);
    if (late.events <= most.events && late.packets <= most.packets) high = middle;
    else low = middle;
  }
  return high;
}

/** The share of the sound that a guess gets wrong, when costs are compared: about the mean of the committed excerpts. */
const WRONG_SHARE = Math.round(0.15 * SHARE_ONE);

/**
 * The audible cost of missing frames, by the measure of the law.
 *
 * @param {Iterable<number>} missing frames of each block @returns {number} interruptions
 */
export function costOf(missing) {
  const cost = new Float64Array(1);
  let row = 0;
  for (const frames of missing) {
    if (frames > 0) row += frames;
    else if (row > 0) {
      cost[0] = Number(cost[0]) + INAUDIBLE_COST;
      addInterruptions(cost, 0, 0, wrongFrames(row, WRONG_SHARE));
      row = 0;
    }
  }
  return Number(cost[0]);
}

/**
 * The delay that every block requires: less, and a frame of it has not arrived.
 *
 * @param {import('./trace.js').TracePacket[]} packets @param {number} packetFrames @param {Blocks} blocks
 * @returns {{requiredMs: Float64Array, lostCost: number}} and the cost of packets that never arrive, at any delay
 */
export function required(packets, packetFrames, blocks) {
  const packetMs = msOf(packetFrames);
  const arrivals = packets.toSorted((a, b) => a.arrival_ms - b.arrival_ms);
  const lastMs = /** @type {import('./trace.js').TracePacket} */ (arrivals.at(-1)).arrival_ms;
  const requiredMs = [];
  let next = 0;
  let newestMs = NaN;
  for (let block = 0; blocks.first_ms + block * blocks.block_ms <= lastMs; block += 1) {
    const nowMs = blocks.first_ms + block * blocks.block_ms;
    for (; next < arrivals.length && /** @type {import('./trace.js').TracePacket} */ (arrivals[next]).arrival_ms <= nowMs; next += 1) {
      const endMs = /** @type {import('./trace.js').TracePacket} */ (arrivals[next]).capture_ms + packetMs;
      newestMs = newestMs > endMs ? newestMs : endMs;
    }
    if (!Number.isNaN(newestMs)) requiredMs.push(nowMs + blocks.block_ms - newestMs);
  }
  let lost = 0;
  const inOrder = packets.toSorted((a, b) => a.frame_index - b.frame_index);
  for (let at = 1; at < inOrder.length; at += 1) {
    const [before, after] = [/** @type {import('./trace.js').TracePacket} */ (inOrder[at - 1]), /** @type {import('./trace.js').TracePacket} */ (inOrder[at])];
    const frames = after.frame_index - before.frame_index - packetFrames;
    if (frames > 0) lost += costOf([frames, 0]);
  }
  return { requiredMs: Float64Array.from(requiredMs), lostCost: lost };
}

/**
 * @param {Float64Array} requiredMs of every block @param {number} blockMs @param {number} most cost
 * @returns {number} the least constant delay that costs no more, ms
 */
export function leastDelayOfCostMs(requiredMs, blockMs, most) {
  const missing = new Int32Array(requiredMs.length + 1);
  let low = 0;
  let high = requiredMs.reduce((worst, ms) => Math.max(worst, ms), 0);
  while (high - low > PRECISION_MS) {
    const middle = (low + high) / 2;
    requiredMs.forEach((ms, block) => (missing[block] = ms <= middle ? 0 : framesOf(Math.min(blockMs, ms - middle))));
    if (costOf(missing) <= Math.max(0, most)) high = middle;
    else low = middle;
  }
  return high;
}
