/** Writes the records of docs/ref/wire-format.md, for tests only: the page never sends any. */

/**
 * @typedef {object} Fields
 * @property {number} [version] @property {number} kind @property {number} [flags] @property {number} [stream]
 * @property {number} [format] @property {number} [channels] @property {number} [cause] @property {number} [seq]
 * @property {number} [frames] @property {number} [frameIndex] @property {number} [captureNs] @property {number} [readyNs]
 * @property {Int16Array} [samples]
 */

/** @param {Fields} fields @returns {Uint8Array} */
export function record(fields) {
  const { samples = new Int16Array(0) } = fields;
  const bytes = new Uint8Array(40 + samples.length * 2);
  const view = new DataView(bytes.buffer);
  const audio = fields.kind === 1;
  view.setUint8(0, fields.version ?? 1);
  view.setUint8(1, fields.kind);
  view.setUint8(2, fields.flags ?? 0);
  view.setUint8(3, fields.stream ?? 0);
  view.setUint8(4, fields.format ?? (audio ? 1 : 0));
  view.setUint8(5, fields.channels ?? (audio ? 2 : 0));
  view.setUint16(6, fields.cause ?? 0, true);
  view.setUint32(8, fields.seq ?? 0, true);
  view.setUint32(12, fields.frames ?? samples.length / 2, true);
  [fields.frameIndex, fields.captureNs, fields.readyNs].forEach((value, index) => {
    view.setBigUint64(16 + 8 * index, BigInt(Math.round(value ?? 0)), true);
  });
  samples.forEach((sample, index) => view.setInt16(40 + 2 * index, sample, true));
  return bytes;
}

/** @param {...Uint8Array} records @returns {ArrayBuffer} one message */
export function message(...records) {
  const bytes = new Uint8Array(records.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of records) {
    bytes.set(each, at);
    at += each.length;
  }
  return bytes.buffer;
}

/** @param {{seq: number, frameIndex: number, frames: number, flags?: number, sampleAt?: (frame: number) => [number, number], rateHz?: number}} fields */
export function audio({ seq, frameIndex, frames, flags = 0, sampleAt = addressed, rateHz = 44_100 }) {
  const samples = new Int16Array(frames * 2);
  for (let frame = 0; frame < frames; frame += 1) samples.set(sampleAt(frameIndex + frame), frame * 2);
  const captureNs = frameIndexToNs(frameIndex, rateHz);
  return record({ kind: 1, seq, flags, frames, frameIndex, samples, captureNs, readyNs: captureNs + frameIndexToNs(frames, rateHz) });
}

/** @param {{seq: number, frameIndex: number, frames: number, cause: number, flags?: number}} fields */
export function gap({ seq, frameIndex, frames, cause, flags = 0 }) {
  return record({ kind: 2, seq, flags, frames, frameIndex, cause, captureNs: frameIndexToNs(frameIndex) });
}

/** @param {{lostPackets: number, lostFrames: number, cause?: number}} fields */
export function note({ lostPackets, lostFrames, cause = 6 }) {
  return record({ kind: 3, seq: lostPackets, frames: lostFrames, cause, captureNs: 2e6, readyNs: 1e9 });
}

/** @param {number} frames @param {number} [rateHz] @returns {number} */
export function frameIndexToNs(frames, rateHz = 44_100) {
  return (frames * 1e9) / rateHz;
}

/** A signal in which every frame encodes its own index: 30 bits of it. @param {number} frame @returns {[number, number]} */
export function addressed(frame) {
  return [frame % 32_768, Math.floor(frame / 32_768) % 32_768];
}

/** @param {number} left -1 to 1 @param {number} right @returns {number} the index modulo 2^30, or -1 if it is no exact sample */
export function addressOf(left, right) {
  const [low, high] = [left * 32_768, right * 32_768];
  return Number.isInteger(low) && Number.isInteger(high) && low >= 0 && high >= 0 ? high * 32_768 + low : -1;
}

/** Period of turning(): 4 s. */
export const TURN_FRAMES = 4 * 44_100;

/** A rotating vector at half of full scale: its angle gives the frame, even between frames and after resampling. @param {number} frame @returns {[number, number]} */
export function turning(frame) {
  const angle = (2 * Math.PI * frame) / TURN_FRAMES;
  return [Math.round(16_000 * Math.cos(angle)), Math.round(16_000 * Math.sin(angle))];
}

/** @param {number} left -1 to 1 @param {number} right @returns {number} the frame modulo TURN_FRAMES, to within a few; NaN during a fade */
export function frameOfTurn(left, right) {
  if (Math.abs(Math.hypot(left, right) - 16_000 / 32_768) > 0.002) return NaN;
  const frame = (Math.atan2(right, left) / (2 * Math.PI)) * TURN_FRAMES;
  return frame < 0 ? frame + TURN_FRAMES : frame;
}

/** A smooth signal: two sines, half of full scale. @param {number} frame @returns {[number, number]} */
export function smooth(frame) {
  return [Math.round(16_000 * Math.sin((frame * 2 * Math.PI * 220) / 44_100)), Math.round(16_000 * Math.sin((frame * 2 * Math.PI * 331) / 44_100))];
}

/**
 * A signal that repeats without a step after this many frames: a sine of about 441 Hz, a quarter of full scale.
 *
 * @param {number} frames @returns {(frame: number) => [number, number]}
 */
export function returning(frames) {
  const periods = Math.max(1, Math.round(frames / 100));
  return (frame) => {
    const value = Math.round(9000 * Math.sin((2 * Math.PI * periods * frame) / frames));
    return [value, value];
  };
}
