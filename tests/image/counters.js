/**
 * Reads the virtual MONTAGE's counters from a recording, which may be resampled. It follows only the description in
 * tools/montage/src/signal.rs: channel c counts frames modulo its own prime, from its own start. A ramp is still a ramp after
 * resampling. Where one channel wraps around, the other one is used.
 */

/** The modulus of each channel. */
const MODULI = [65_521, 65_519, 65_497, 65_479, 65_449, 65_447, 65_437, 65_423];
const STARTS = [0, 3_700, 8_800, 15_300, 23_200, 32_500, 43_200, 55_300];

/**
 * A frame is the next one if its count is within this distance: less than one frame, but more than the ripple of a resampler on a
 * ramp.
 */
const NEXT_WITHIN = 0.75;
/** A run of frames so long that it cannot follow by chance on both channels. */
const PROOF_FRAMES = 64;
/** Tolerance within which a frame must equal its predecessor plus one. */
const STEP_WITHIN = 0.2;
/** Number of turns of the first counter (1.5 s each), back and ahead, in which a jump is searched. */
const TURNS_BACK = 20;
const TURNS_AHEAD = 60;

/**
 * @typedef {object} Order
 * @property {number} frames recorded frames that follow the one before
 * @property {{at: number, frames: number, jump: number | null}[]} breaks recorded frame, length, and by how many frames the
 *   source moved on relative to the recording: above 0 sound is missing, below 0 it is repeated; null if no position of the sound
 *   fits
 */

/**
 * @param {Float32Array} samples interleaved pairs, full scale 1 @param {number} firstChannel of the selected pair, from 0
 * @param {number} [from] recorded frame @returns {Order}
 */
export function orderOf(samples, firstChannel, from = 0) {
  const moduli = [at(MODULI, firstChannel), at(MODULI, firstChannel + 1)];
  const starts = [at(STARTS, firstChannel), at(STARTS, firstChannel + 1)];
  const length = samples.length / 2;
  const countAt = (/** @type {number} */ frame, /** @type {number} */ side) => (
    modulo(at(samples, 2 * frame + side) * 32_768 + 32_768 - at(starts, side), at(moduli, side)));
  const off = (/** @type {number} */ count, /** @type {number} */ wanted, /** @type {number} */ side) => centred(count - wanted, at(moduli, side));
  const isProven = (/** @type {number} */ frame) => {
    for (let next = frame + 1; next < frame + PROOF_FRAMES; next += 1) {
      for (const side of [0, 1]) if (Math.abs(off(countAt(next, side), countAt(next - 1, side) + 1, side)) > STEP_WITHIN) return false;
    }
    return true;
  };
  /** @type {Order} */
  const order = { frames: 0, breaks: [] };
  /** The counts of the last frame in order. @type {[number, number] | null} */
  let last = null;
  let lastFrame = from;
  for (let frame = from; frame < length; frame += 1) {
    if (last && lastFrame === frame - 1) {
      const [left, right] = last;
      const offs = [off(countAt(frame, 0), left + 1, 0), off(countAt(frame, 1), right + 1, 1)];
      const good = offs.filter((one) => Math.abs(one) <= NEXT_WITHIN);
      if (good.length > 0) {
        const shift = good.reduce((sum, one) => sum + one, 0) / good.length;
        last = [left + 1 + shift, right + 1 + shift];
        lastFrame = frame;
        order.frames += 1;
        continue;
      }
    }
    if (frame + PROOF_FRAMES > length || !isProven(frame)) continue;
    const counts = /** @type {[number, number]} */ ([countAt(frame, 0), countAt(frame, 1)]);
    if (last) {
      const passed = frame - lastFrame;
      order.breaks.push({ at: lastFrame, frames: passed - 1, jump: jumpOf(off(counts[0], last[0] + passed, 0), off(counts[1], last[1] + passed, 1), moduli) });
    }
    last = counts;
    lastFrame = frame;
  }
  return order;
}

/**
 * @param {number} left error of the left count
 * @param {number} right
 * @param {number[]} moduli
 * @returns {number | null} the jump in frames, of any size
 */
function jumpOf(left, right, moduli) {
  for (let turn = 0; turn <= TURNS_AHEAD; turn += 1) {
    for (const turns of turn <= TURNS_BACK ? [turn, -turn] : [turn]) {
      const jump = left + turns * at(moduli, 0);
      if (Math.abs(centred(jump - right, at(moduli, 1))) <= 2 * NEXT_WITHIN) return jump;
    }
  }
  return null;
}

/** @param {number} value @param {number} modulus @returns {number} 0 to modulus */
function modulo(value, modulus) {
  return ((value % modulus) + modulus) % modulus;
}

/** @param {number} value @param {number} modulus @returns {number} the congruent value nearest to 0 */
function centred(value, modulus) {
  return modulo(value + modulus / 2, modulus) - modulus / 2;
}

/** @param {ArrayLike<number>} list @param {number} index */
function at(list, index) {
  return /** @type {number} */ (list[index]);
}
