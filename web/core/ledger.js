/**
 * The glitch ledger: interruptions of the sound, with time and length.
 *
 * In: glitches, as they are found. Out: counts by cause, and the newest entries. Every counted glitch had an entry, so the two
 * agree. No clock is read here.
 */

import { ENTRIES_MAX, WAITING_MAX } from './constants.js';
import { CAUSE_NAMES } from './causes.js';

/** @typedef {{at_ms: number, cause: string, length_ms: number | null}} Entry at_ms: Worker time in the Worker, since 1970 in the page; length_ms: null if unknown */

export class Ledger {
  /** @type {Record<string, number>} */
  #counts = Object.fromEntries(CAUSE_NAMES.map((name) => [name, 0]));
  /** @type {Entry[]} */
  #entries = [];
  /** @type {Entry[]} */
  #waiting = [];

  /** @param {string} cause name of the cause @param {number} atMs @param {number | null} [lengthMs] */
  note(cause, atMs, lengthMs = null) {
    this.#counts[cause] = (this.#counts[cause] ?? 0) + 1;
    const entry = { at_ms: atMs, cause, length_ms: lengthMs };
    this.#entries.push(entry);
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(entry);
  }

  /** @returns {Record<string, number>} a copy; it contains every known cause from the start */
  counts() {
    return { ...this.#counts };
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
