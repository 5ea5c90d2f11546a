/**
 * The last minute of delay, level, target and glitches, for the plot.
 *
 * In: one sample per change of the player, with its time. Out: the samples of a window, oldest first, and their summary.
 * Fixed memory, nothing allocated per sample. Pure: the time is a parameter, no clock is read here.
 */

/** @typedef {(ageMs: number, delayMs: number, levelMs: number, targetMs: number, glitches: number) => void} Visit NaN where unknown */

/** The plot's width in time. A minute shows whether the delay keeps growing, and still shows a single late packet. */
export const WINDOW_MS = 60_000;

/** 10 Hz for a minute, plus further samples at changes of the state. */
const CAPACITY = 720;

/** Ceilings of the plot's axis in ms: few, so that the picture stands still while the numbers move a little. */
const CEILINGS_MS = [20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** Space above the highest sample, so that a line never touches the frame. */
const HEADROOM = 1.1;

export class History {
  #timesMs = new Float64Array(CAPACITY);
  #delaysMs = new Float32Array(CAPACITY);
  #levelsMs = new Float32Array(CAPACITY);
  #targetsMs = new Float32Array(CAPACITY);
  #glitches = new Uint32Array(CAPACITY);
  #next = 0;
  #filled = 0;
  /** Glitches that the first sample already contains happened before the plot began. */
  #glitchTotal = Infinity;

  /**
   * @param {number} timeMs never less than the one before
   * @param {number | null} delayMs
   * @param {number | null} levelMs
   * @param {number | null} targetMs of the level
   * @param {number} glitchTotal counted since the start; the plot marks each rise
   */
  push(timeMs, delayMs, levelMs, targetMs, glitchTotal) {
    const at = this.#next;
    this.#timesMs[at] = timeMs;
    this.#delaysMs[at] = delayMs ?? NaN;
    this.#levelsMs[at] = levelMs ?? NaN;
    this.#targetsMs[at] = targetMs ?? NaN;
    this.#glitches[at] = Math.max(0, glitchTotal - this.#glitchTotal);
    this.#glitchTotal = glitchTotal;
    this.#next = (at + 1) % CAPACITY;
    this.#filled = Math.min(this.#filled + 1, CAPACITY);
  }

  clear() {
    this.#next = 0;
    this.#filled = 0;
    this.#glitchTotal = Infinity;
  }

  /** @param {number} nowMs @param {Visit} visit called for each sample of the window, oldest first */
  forEach(nowMs, visit) {
    const oldest = this.#next - this.#filled + CAPACITY;
    for (let i = 0; i < this.#filled; i++) {
      const at = (oldest + i) % CAPACITY;
      const ageMs = nowMs - /** @type {number} */ (this.#timesMs[at]);
      if (ageMs > WINDOW_MS) continue;
      visit(
        ageMs,
        /** @type {number} */ (this.#delaysMs[at]),
        /** @type {number} */ (this.#levelsMs[at]),
        /** @type {number} */ (this.#targetsMs[at]),
        /** @type {number} */ (this.#glitches[at]),
      );
    }
  }

  /** @param {number} nowMs @returns the range of values in the window; a minimum above its maximum means that it was never known */
  summary(nowMs) {
    const found = {
      delayMin: Infinity, delayMax: -Infinity, levelMin: Infinity, levelMax: -Infinity,
      targetMin: Infinity, targetMax: -Infinity, glitches: 0,
    };
    this.forEach(nowMs, (_ageMs, delayMs, levelMs, targetMs, glitches) => {
      found.glitches += glitches;
      if (delayMs < found.delayMin) found.delayMin = delayMs;
      if (delayMs > found.delayMax) found.delayMax = delayMs;
      if (levelMs < found.levelMin) found.levelMin = levelMs;
      if (levelMs > found.levelMax) found.levelMax = levelMs;
      if (targetMs < found.targetMin) found.targetMin = targetMs;
      if (targetMs > found.targetMax) found.targetMax = targetMs;
    });
    return found;
  }
}

/** @param {number} maxMs highest value to show @returns {number} top of the axis in ms, 0 if there is nothing to show */
export function axisCeiling(maxMs) {
  if (!Number.isFinite(maxMs)) return 0;
  const wanted = maxMs * HEADROOM;
  const last = /** @type {number} */ (CEILINGS_MS.at(-1));
  return CEILINGS_MS.find((ceiling) => ceiling >= wanted) ?? Math.ceil(wanted / last) * last;
}
