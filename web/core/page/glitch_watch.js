/**
 * From counters to the ledger: every glitch that anybody counted gets its entry.
 *
 * In: what Worker, audio thread and browser have counted so far. Out: entries of the one ledger. No clock is read here.
 */

import { CAUSE_NETWORK_LATE, CAUSE_RENDER_UNDERRUN, CAUSE_TAB_SUSPENDED, causeName } from '../causes.js';

const NETWORK_LATE = causeName(CAUSE_NETWORK_LATE);
const RENDER_UNDERRUN = causeName(CAUSE_RENDER_UNDERRUN);
const TAB_SUSPENDED = causeName(CAUSE_TAB_SUSPENDED);

export class GlitchWatch {
  #ledger;
  /** Of the Worker's counts, those already taken over. @type {Record<string, number>} */
  #seen = {};
  #events = 0;
  #underruns = 0;
  #underrunMs = 0;
  #skips = 0;
  #sleeps = 0;
  #suspensions = 0;
  #suspendedEntries = 0;

  /** @param {import('../ledger.js').Ledger} ledger */
  constructor(ledger) {
    this.#ledger = ledger;
  }

  /** @param {import('../net/messages.js').WorkerStatus} status @param {number} nowMs */
  worker(status, nowMs) {
    this.#ledger.absorb(status.new_glitches, status.glitches, this.#seen, nowMs);
  }

  /** How many of the audio thread's events are known. @returns {number} */
  get events() {
    return this.#events;
  }

  /**
   * @param {import('../playout/controls.js').PlayoutReading} playout
   * @param {{context_frame: number, length_ms: number}[]} events since `events`; of very many the newest
   * @param {(contextFrame: number) => number} heardMs page time at which a context frame is heard
   */
  playout(playout, events, heardMs) {
    const unknown = playout.events - this.#events - events.length;
    for (let event = 0; event < unknown; event += 1) this.#ledger.note(NETWORK_LATE, heardMs(playout.read_context_frame));
    for (const { context_frame: frame, length_ms: lengthMs } of events) {
      this.#ledger.note(NETWORK_LATE, heardMs(frame) - lengthMs, lengthMs);
    }
    this.#events = playout.events;
    this.#sleeps = playout.sleeps;
  }

  /**
   * The browser's own output ran empty: by its own account where it keeps one, else as its frame count jumped.
   *
   * @param {{underruns: number, underrun_ms: number} | null} stats @param {number} skips
   * @param {boolean} isSounding there was something to hear @param {number} nowMs
   */
  output(stats, skips, isSounding, nowMs) {
    const fresh = stats ? stats.underruns - this.#underruns : skips - this.#skips;
    const lengthMs = stats && fresh > 0 ? (stats.underrun_ms - this.#underrunMs) / fresh : null;
    if (isSounding) for (let underrun = 0; underrun < fresh; underrun += 1) this.#ledger.note(RENDER_UNDERRUN, nowMs, lengthMs);
    this.#underruns = stats?.underruns ?? 0;
    this.#underrunMs = stats?.underrun_ms ?? 0;
    this.#skips = skips;
  }

  /** The context stopped while it played. */
  suspended() {
    this.#suspensions += 1;
  }

  /** A suspended context is seen by the page, a frozen one only by its backlog; often it is the same event. @param {number} nowMs */
  sleeps(nowMs) {
    const count = Math.max(this.#suspensions, this.#sleeps);
    for (; this.#suspendedEntries < count; this.#suspendedEntries += 1) this.#ledger.note(TAB_SUSPENDED, nowMs);
  }
}
