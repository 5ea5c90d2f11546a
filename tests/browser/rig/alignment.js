/**
 * Finds the service's exact sound in a recording: which source frame each recorded frame is, and where the sequence breaks. Exact
 * means that every float equals the 16-bit sample it was made from, in its own channel.
 */

/**
 * @typedef {object} Run a stretch without any fault
 * @property {number} first recorded frame @property {number} end recorded frame after the last
 * @property {number} index the source's frame at `first`
 *
 * @typedef {import('./recording.js').Sound} Sound
 * @typedef {import('./exact.js').SampleOf} SampleOf
 */

/** A run of frames so long that it cannot agree by chance: each frame has 16 bits of noise on two channels. */
const PROOF_FRAMES = 16;
/** Distance by which the search advances after a window that does not match: well below any stretch worth finding. */
const STEP_FRAMES = 16;
/** Maximum distance at which the sequence continues after a break. */
const BACK_FRAMES = 44_100;
const AHEAD_FRAMES = 20 * 44_100;

/**
 * @param {Sound} sound
 * @param {SampleOf} sampleOf
 * @param {{from: number, to: number, first?: number, channels?: [number, number]}} where the first audible source frame lies in
 *   from..to; the search begins at recorded frame `first`; `channels` are the source's channels for left and right
 * @returns {Run[]} in order; anything between them is not the service's exact sound
 */
export function exactRuns(sound, sampleOf, { from, to, first = 0, channels = [0, 1] }) {
  /** @type {Run[]} */
  const runs = [];
  const is = (/** @type {number} */ frame, /** @type {number} */ index) => channels.every((channel, side) => (
    /** @type {number} */ (sound.samples[2 * frame + side]) * 32768 === sampleOf(index, channel)));
  const isProven = (/** @type {number} */ frame, /** @type {number} */ index) => {
    for (let at = 0; at < PROOF_FRAMES; at += 1) if (!is(frame + at, index + at)) return false;
    return true;
  };
  let [low, high] = [from, to];
  for (let frame = first; frame + PROOF_FRAMES <= sound.frames; frame += STEP_FRAMES) {
    if (!isWhole(sound, frame)) continue;
    let index = low;
    while (index < high && !isProven(frame, index)) index += 1;
    if (index === high) continue;
    const floor = runs[runs.length - 1]?.end ?? first;
    let begin = frame;
    while (begin > floor && is(begin - 1, index - 1 - (frame - begin))) begin -= 1;
    let end = frame;
    while (end < sound.frames && is(end, index + end - frame)) end += 1;
    const last = index + end - frame;
    runs.push({ first: begin, end, index: index - (frame - begin) });
    [low, high] = [last - BACK_FRAMES, last + AHEAD_FRAMES];
    frame = end - STEP_FRAMES;
  }
  return runs;
}

/** @param {Run[]} runs @param {number} [from] recorded frame @returns {number} exact frames from there on */
export function exactFrames(runs, from = 0) {
  return runs.reduce((sum, { first, end }) => sum + Math.max(0, end - Math.max(first, from)), 0);
}

/** Fades have no 16-bit values, and silence is everywhere, so neither is worth a search. @param {Sound} sound @param {number} frame */
function isWhole({ samples }, frame) {
  let heard = false;
  for (let at = 2 * frame; at < 2 * (frame + PROOF_FRAMES); at += 1) {
    const value = /** @type {number} */ (samples[at]) * 32768;
    if (!Number.isInteger(value)) return false;
    heard ||= value !== 0;
  }
  return heard;
}
