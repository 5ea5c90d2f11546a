/**
 * Watches the counters and writes an entry in the ledger for every glitch.
 *
 * In: the counts of Worker, audio thread and browser. Out: entries of the ledger, whose times count from 1970. No clock is read here: a function
 * converts page times.
 */

import { CAUSE_NETWORK_LATE, CAUSE_RENDER_UNDERRUN, CAUSE_TAB_SUSPENDED, causeName } from '../causes.js';

const NETWORK_LATE = causeName(CAUSE_NETWORK_LATE);
const RENDER_UNDERRUN = causeName(CAUSE_RENDER_UNDERRUN);
const TAB_SUSPENDED = causeName(CAUSE_TAB_SUSPENDED);

export class GlitchWatch {
  #ledger;
  #dateOf;
  /** The part of the Worker's counts that was already taken over. @type {Record<string, number>} */
  #seen = {};
  #events = 0;
  #underruns = 0;
  #underrunMs = 0;
  #skips = 0;
  #sleeps = 0;
  #suspensions = 0;
  #suspendedEntries = 0;

  /** @param {import('../ledger.js').Ledger} ledger @param {(pageMs: number) => number} dateOf ms since 1970 at a page time */
  constructor(ledger, dateOf) {
    this.#ledger = ledger;
    this.#dateOf = dateOf;
  }

  /**
   * @param {import('../net/messages.js').WorkerStatus} status @param {number} nowMs
   * @param {number | null} aheadMs by how much the Worker's clock is ahead of the page's; null while unknown
   */
  worker(status, nowMs, aheadMs) {
    const dated = status.new_glitches.map((entry) => ({ ...entry, at_ms: this.#dateOf(aheadMs === null ? nowMs : entry.at_ms - aheadMs) }));
    this.#ledger.absorb(dated, status.glitches, this.#seen, this.#dateOf(nowMs));
  }

  /** The number of known events of the audio thread. @returns {number} */
  get events() {
    return this.#events;
  }

  /**
   * @param {import('../playout/controls.js').PlayoutReading} playout
   * @param {{context_frame: number, length_ms: number}[]} events the new ones; if there are very many, only the newest
   * @param {(contextFrame: number) => number} heardMs page time when a context frame is heard
   */
  playout(playout, events, heardMs) {
    const unknown = playout.events - this.#events - events.length;
    for (let event = 0; event < unknown; event += 1) this.#note(NETWORK_LATE, heardMs(playout.read_context_frame));
    for (const { context_frame: frame, length_ms: lengthMs } of events) {
      this.#note(NETWORK_LATE, heardMs(frame) - lengthMs, lengthMs);
    }
    this.#events = playout.events;
    this.#sleeps = playout.sleeps;
  }

  /**
   * Records that the browser's output ran empty: by its own count if there is one, otherwise by jumps of its frame count.
   *
   * @param {{underruns: number, underrun_ms: number} | null} stats @param {number} skips
   * @param {boolean} isSounding whether anything was audible @param {number} nowMs
   */
  output(stats, skips, isSounding, nowMs) {
    const fresh = stats ? stats.underruns - this.#underruns : skips - this.#skips;
    const lengthMs = stats && fresh > 0 ? (stats.underrun_ms - this.#underrunMs) / fresh : null;
    if (isSounding) for (let underrun = 0; underrun < fresh; underrun += 1) this.#note(RENDER_UNDERRUN, nowMs, lengthMs);
    this.#underruns = stats?.underruns ?? 0;
    this.#underrunMs = stats?.underrun_ms ?? 0;
    this.#skips = skips;
  }

  /** Records that the context stopped while sound played. */
  suspended() {
    this.#suspensions += 1;
  }

  /**
   * The page sees a suspended context itself, but a frozen one only by the frames that piled up; often both are one event.
   *
   * @param {number} nowMs
   */
  sleeps(nowMs) {
    const count = Math.max(this.#suspensions, this.#sleeps);
    for (; this.#suspendedEntries < count; this.#suspendedEntries += 1) this.#note(TAB_SUSPENDED, nowMs);
  }

  /** @param {string} cause @param {number} pageMs @param {number | null} [lengthMs] */
  #note(cause, pageMs, lengthMs) {
    this.#ledger.note(cause, this.#dateOf(pageMs), lengthMs);
  }
}
