/**
 * The glitch ledger: interruptions of the sound, with time and length.
 *
 * In: glitches, as they are found. Out: counts by cause, and the newest entries. Every counted glitch had an entry, so the two
 * agree, also after the listener has reset them; the totals never fall. No clock is read here.
 */

import { ENTRIES_MAX, START_GLITCH_MS_MAX, WAITING_MAX } from './constants.js';
import { CAUSE_NAMES } from './causes.js';

/** @typedef {{at_ms: number, cause: string, length_ms: number | null}} Entry at_ms: Worker time in the Worker, since 1970 in the page; length_ms: null if unknown */

export class Ledger {
  /** @type {Record<string, number>} */
  #counts = Object.fromEntries(CAUSE_NAMES.map((name) => [name, 0]));
  /** @type {Entry[]} */
  #entries = [];
  /** @type {Entry[]} */
  #waiting = [];
  /** The counts when they were last reset. @type {Record<string, number>} */
  #before = {};
  #sinceMs;
  #isSettled = false;

  /** @param {number | null} [sinceMs] when counting begins */
  constructor(sinceMs = null) {
    this.#sinceMs = sinceMs;
  }

  /** When counting began, or was last reset. @returns {number | null} */
  get sinceMs() {
    return this.#sinceMs;
  }

  /** @param {string} cause name of the cause @param {number} atMs @param {number | null} [lengthMs] */
  note(cause, atMs, lengthMs = null) {
    this.#counts[cause] = (this.#counts[cause] ?? 0) + 1;
    const entry = { at_ms: atMs, cause, length_ms: lengthMs };
    this.#entries.push(entry);
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(entry);
  }

  /** @returns {Record<string, number>} since the last reset; it contains every known cause from the start */
  counts() {
    return Object.fromEntries(Object.entries(this.#counts).map(([cause, count]) => [cause, count - (this.#before[cause] ?? 0)]));
  }

  /** @returns {Record<string, number>} the same, but never reset */
  totals() {
    return { ...this.#counts };
  }

  /** Counts begin anew. @param {number} nowMs */
  reset(nowMs) {
    this.#before = this.totals();
    this.#entries = [];
    this.#sinceMs = nowMs;
  }

  /**
   * The first second of sound is over: if it had only glitches as short as a start makes them, they do not count.
   *
   * @param {number} nowMs @returns {boolean} whether counts begin anew
   */
  settle(nowMs) {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    const areShort = this.#entries.every(({ length_ms: lengthMs }) => lengthMs !== null && lengthMs <= START_GLITCH_MS_MAX);
    if (this.#entries.length === 0 || !areShort) return false;
    this.reset(nowMs);
    return true;
  }

  /** @returns {Entry[]} oldest first */
  entries() {
    return this.#entries.slice();
  }

  /** @returns {Entry[]} the entries since the last call; if there are too many, the first of them */
  takeNew() {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  /**
   * Takes over the counts of another ledger: new entries, and glitches without an entry.
   *
   * @param {readonly Entry[]} entries new ones @param {Readonly<Record<string, number>>} counts all so far
   * @param {Record<string, number>} seen counts that were already taken over; updated @param {number} nowMs
   */
  absorb(entries, counts, seen, nowMs) {
    for (const { cause, at_ms: atMs, length_ms: lengthMs } of entries) {
      this.note(cause, atMs, lengthMs);
      seen[cause] = (seen[cause] ?? 0) + 1;
    }
    for (const [cause, count] of Object.entries(counts)) {
      for (; (seen[cause] ?? 0) < count; seen[cause] = (seen[cause] ?? 0) + 1) this.note(cause, nowMs);
    }
  }
}
