/**
 * Arrival traces: one line per packet, `frame_index,capture_ns,arrival_ns`, with a header line; lost packets are absent.
 *
 * In: CSV text, or a network to simulate. Out: packets, or the first error and its line.
 */

/** @typedef {{frame_index: number, capture_ms: number, arrival_ms: number}} TracePacket both times on one clock */

export const HEADER = 'frame_index,capture_ns,arrival_ns';
const NS_PER_MS = 1e6;
const FRAMES_PER_MS = 44.1;
/** A quarter of a second: no live stream has larger packets. */
const PACKET_FRAMES_MAX = 11_025;
/** The wire's receiver refuses larger indices (receiver.js). */
const FRAME_INDEX_MAX = 2 ** 52;

/** An error in a trace. */
export class TraceError extends Error {
  /** @param {number} line counted from 1 @param {string} words */
  constructor(line, words) {
    super(words);
    this.line = line;
  }
}

/**
 * @param {string} text
 * @returns {{packets: TracePacket[], packetFrames: number}} in order of frame_index; packetFrames is the smallest step of the
 *   index
 */
export function parseTrace(text) {
  const lines = text.split(/\r?\n/);
  if (lines[0]?.trim() !== HEADER) throw new TraceError(1, `the first line must be "${HEADER}"`);
  /** @type {TracePacket[]} */
  const packets = [];
  let origin = 0n;
  for (const [index, line] of lines.entries()) {
    if (index === 0 || (line.trim() === '' && index === lines.length - 1)) continue;
    const fields = line.split(',').map((field) => field.trim());
    if (fields.length !== 3) throw new TraceError(index + 1, `3 fields are needed, here are ${fields.length}`);
    for (const field of fields) if (!/^\d{1,19}$/.test(field)) throw new TraceError(index + 1, `"${field.slice(0, 40)}" is no whole number`);
    const [frame = 0n, capture = 0n, arrival = 0n] = fields.map(BigInt);
    if (packets.length === 0) origin = capture;
    packets.push({
      frame_index: Number(frame), capture_ms: Number(capture - origin) / NS_PER_MS, arrival_ms: Number(arrival - origin) / NS_PER_MS,
    });
    const before = packets.at(-2);
    if (before && Number(frame) <= before.frame_index) throw new TraceError(index + 1, 'frame_index must rise from line to line');
    if (Number(frame) > FRAME_INDEX_MAX) throw new TraceError(index + 1, `the frame index ${frame} cannot be true`);
    if (arrival < capture) throw new TraceError(index + 1, 'it arrived before it was captured');
  }
  if (packets.length < 2) throw new TraceError(lines.length, 'a trace has at least 2 packets');
  const packetFrames = smallestStep(packets);
  if (packetFrames > PACKET_FRAMES_MAX) throw new TraceError(lines.length, `packets of ${packetFrames} frames: ${PACKET_FRAMES_MAX} at most`);
  return { packets, packetFrames };
}

/**
 * @param {TracePacket[]} packets in order of frame_index @param {number} packetFrames
 * @param {number} position in the stream: low 32 bits, with the fraction @returns {number} when it was captured, ms
 */
export function captureMsAt(packets, packetFrames, position) {
  const first = /** @type {TracePacket} */ (packets[0]);
  const frames = ((Math.floor(position) - first.frame_index) | 0) + (position - Math.floor(position));
  const guess = Math.min(packets.length - 1, Math.max(0, Math.floor(frames / packetFrames)));
  let packet = /** @type {TracePacket} */ (packets[guess]);
  // Lost packets are absent, so the wanted packet lies before the guess.
  for (let at = guess; packet.frame_index - first.frame_index > frames && at > 0; at -= 1) packet = /** @type {TracePacket} */ (packets[at - 1]);
  return packet.capture_ms + (frames - (packet.frame_index - first.frame_index)) / FRAMES_PER_MS;
}

/** @param {TracePacket[]} packets @returns {string} */
export function formatTrace(packets) {
  const rows = packets.map(({ frame_index: frame, capture_ms: capture, arrival_ms: arrival }) => (
    `${frame},${Math.round(capture * NS_PER_MS)},${Math.round(arrival * NS_PER_MS)}`));
  return `${HEADER}\n${rows.join('\n')}\n`;
}

/** @param {TracePacket[]} packets @returns {number} */
function smallestStep(packets) {
  let least = Infinity;
  for (let at = 1; at < packets.length; at += 1) {
    const [before, after] = [packets[at - 1], packets[at]];
    if (before && after) least = Math.min(least, after.frame_index - before.frame_index);
  }
  return least;
}
