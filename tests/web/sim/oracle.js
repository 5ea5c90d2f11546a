/**
 * The oracle: the cost of one constant delay on a trace, chosen by somebody who knows all arrivals in advance.
 *
 * In: packets, and the audio thread's blocks. Out: late events at a delay, and the least delay for a given number of late events.
 * The oracle also plays through blocks: a frame must have arrived when the block it belongs to is rendered.
 */

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
 * @param {{events: number, packets: number}} most both are bounded, because at a delay where everything is late there is only one
 *   event
 * @returns {number} the least constant delay with no more late than that, ms
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
