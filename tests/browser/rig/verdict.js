/**
 * Judges the breaks of a recording: each must be the machine's (the watchdog saw it stand still) or named by report().
 * One that is neither is a fault of the product that it hides.
 */

/** report() is read a few times a second, and counts an interruption when the sound is back. */
const NAMED_WITHIN_NS = 1.5e9;

/** What a page of report() says happened so far: faults, and corrections of the delay, which are a break of the sequence too. */
function namedSoFar(/** @type {any} */ { glitches, trims, inserts, jumps }) {
  const faults = Object.values(/** @type {Record<string, number>} */ (glitches)).reduce((sum, count) => sum + count, 0);
  return faults + (trims ?? 0) + (inserts ?? 0) + (jumps ?? 0);
}

/** Reads report() again and again while sound plays. */
export class ReportLog {
  /** @type {{timeNs: number, named: number}[]} */
  entries = [];

  /** @param {number} timeNs @param {any} report */
  add(timeNs, report) {
    this.entries.push({ timeNs, named: namedSoFar(report) });
  }

  /** @param {number} fromNs @param {number} toNs @returns {number} events named in that time */
  namedBetween(fromNs, toNs) {
    const before = this.entries.filter(({ timeNs }) => timeNs <= fromNs).pop()?.named ?? this.entries[0]?.named ?? 0;
    const after = this.entries.find(({ timeNs }) => timeNs >= toNs)?.named ?? this.entries[this.entries.length - 1]?.named ?? 0;
    return after - before;
  }
}

/**
 * @param {import('./recording.js').Sound} sound
 * @param {import('./alignment.js').Run[]} runs
 * @param {{watchdog: {excuses(fromNs: number, toNs: number): boolean}, log: ReportLog}} witnesses
 * @returns {{atS: number, frames: number, shift: number, excuse: 'machine' | 'named' | null}[]} every break: when, how
 *   many recorded frames between the runs, by how much the source moved against the recording, whose it is
 */
export function breaks(sound, runs, { watchdog, log }) {
  let named = 0;
  return runs.slice(1).map((run, at) => {
    const before = /** @type {import('./alignment.js').Run} */ (runs[at]);
    const [fromNs, toNs] = [sound.timeNs(before.end), sound.timeNs(run.first)];
    /** @type {'machine' | 'named' | null} */
    let excuse = null;
    // Each named event excuses one break, and only one that lies near it.
    if (log.namedBetween(fromNs - NAMED_WITHIN_NS, toNs + NAMED_WITHIN_NS) > 0
      && log.namedBetween(-Infinity, toNs + NAMED_WITHIN_NS) > named) {
      named += 1;
      excuse = 'named';
    } else if (watchdog.excuses(fromNs, toNs)) {
      excuse = 'machine';
    }
    const shift = run.index - before.index - (run.first - before.first);
    return { atS: before.end / 44_100, frames: run.first - before.end, shift, excuse };
  });
}
