/**
 * Judges the breaks of a recording. A break without an excuse is a fault that the product also hides.
 *
 * - `named`: report() counted it.
 * - `machine`: the watchdog saw the machine stall.
 * - `starved`: the sound server reports that the browser delivered nothing. The recording has pure silence there, and then the
 *   source continues with its very next frame. This happens behind the browser's own output, so no page can know of it.
 * - `resampled`: report() counted sound that was resampled at that time.
 * - `doubtful`: the sound server starved, but that does not explain everything. Such a recording must be repeated.
 */

import { RATE_HZ } from './exact.js';

/**
 * @typedef {object} Break
 * @property {number} atS @property {number} frames recorded between two runs
 * @property {number} shift how many frames the source moved on relative to the recording
 * @property {'named' | 'machine' | 'starved' | 'resampled' | 'doubtful' | null} excuse
 */

/** The test reads report() a few times a second, and report() counts an interruption only when the sound is back. */
const NAMED_WITHIN_NS = 1.5e9;
/** Resampled sound is counted when the page outputs it, and heard after the output latency. */
const RESAMPLED_WITHIN_NS = 0.6e9;
/** The sound server reports starvation at once. */
const STARVED_WITHIN_NS = 0.2e9;

/** Reads report() repeatedly while sound plays. */
export class ReportLog {
  /** @type {{timeNs: number, counts: Record<string, number>, named: number, resampledMs: number}[]} */
  entries = [];

  /** @param {number} timeNs @param {any} report its faults, and its corrections of the delay, which also break the sequence */
  add(timeNs, { glitches, trims, inserts, jumps, resampled_ms: resampledMs }) {
    /** @type {Record<string, number>} */
    const counts = { ...glitches, trims: trims ?? 0, inserts: inserts ?? 0, jumps: jumps ?? 0 };
    this.entries.push({ timeNs, counts, named: Object.values(counts).reduce((sum, count) => sum + count, 0), resampledMs: resampledMs ?? 0 });
  }

  /**
   * @param {number} fromNs
   * @returns {number} seconds since then, without the intervals between two readings in which sound was resampled or a count
   *   rose
   */
  exactS(fromNs) {
    const since = this.entries.filter(({ timeNs }) => timeNs >= fromNs);
    return since.slice(1).reduce((sum, { timeNs, resampledMs, named }, at) => {
      const before = /** @type {(typeof since)[number]} */ (since[at]);
      return resampledMs === before.resampledMs && named === before.named ? sum + (timeNs - before.timeNs) / 1e9 : sum;
    }, 0);
  }

  /** @returns {Record<string, number>} the increase of each count from the first reading to the last */
  namedByName() {
    const first = this.entries[0]?.counts ?? {};
    const last = this.entries[this.entries.length - 1]?.counts ?? {};
    const rises = Object.entries(last).map(([name, count]) => /** @type {const} */ ([name, count - (first[name] ?? 0)]));
    return Object.fromEntries(rises.filter(([, rise]) => rise !== 0));
  }

  /** @param {number} fromNs @param {number} toNs @returns {number} events that report() counted in that time */
  namedBetween(fromNs, toNs) {
    const before = this.entries.filter(({ timeNs }) => timeNs <= fromNs).pop()?.named ?? this.entries[0]?.named ?? 0;
    const after = this.entries.find(({ timeNs }) => timeNs >= toNs)?.named ?? this.entries[this.entries.length - 1]?.named ?? 0;
    return after - before;
  }

  /** @param {number} fromNs @param {number} toNs @returns {boolean} some of the sound near that time was resampled */
  isResampledBetween(fromNs, toNs) {
    const before = this.entries.findLast(({ timeNs }) => timeNs <= fromNs - RESAMPLED_WITHIN_NS) ?? this.entries[0];
    const after = this.entries.find(({ timeNs }) => timeNs >= toNs + RESAMPLED_WITHIN_NS) ?? this.entries.at(-1);
    return (after?.resampledMs ?? 0) > (before?.resampledMs ?? 0);
  }
}

/**
 * @param {import('./recording.js').Sound} sound
 * @param {import('./alignment.js').Run[]} runs
 * @param {{watchdog: {excuses(fromNs: number, toNs: number): boolean}, log: ReportLog, starvedNs: number[]}} witnesses
 * @returns {Break[]} */
export function breaks(sound, runs, { watchdog, log, starvedNs }) {
  let named = 0;
  return runs.slice(1).map((run, at) => {
    const before = /** @type {import('./alignment.js').Run} */ (runs[at]);
    const [fromNs, toNs] = [sound.timeNs(before.end), sound.timeNs(run.first)];
    const frames = run.first - before.end;
    const shift = run.index - before.index - (run.first - before.first);
    const starved = starvedNs.some((timeNs) => timeNs > fromNs - STARVED_WITHIN_NS && timeNs < toNs + STARVED_WITHIN_NS);
    /** @type {Break['excuse']} */
    let excuse = null;
    if (starved && shift === -frames && sound.peak(before.end, run.first) === 0) {
      excuse = 'starved';
    } else if (log.namedBetween(fromNs - NAMED_WITHIN_NS, toNs + NAMED_WITHIN_NS) > 0
      && log.namedBetween(-Infinity, toNs + NAMED_WITHIN_NS) > named) {
      // Each counted event excuses one break, and only a break near it.
      named += 1;
      excuse = 'named';
    } else if (watchdog.excuses(fromNs, toNs)) {
      excuse = 'machine';
    } else if (log.isResampledBetween(fromNs, toNs)) {
      excuse = 'resampled';
    } else if (starved) {
      excuse = 'doubtful';
    }
    return { atS: before.end / RATE_HZ, frames, shift, excuse };
  });
}
