/**
 * Distinguishes a stall of the machine from a fault of the product. One program per processor asks, at the highest priority, to
 * be woken every millisecond, and notes when the machine failed to do so (watchdog_program.js).
 */

import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { mayBeRealTime, Running } from './process.js';

/** @typedef {{fromNs: number, toNs: number}} Freeze CLOCK_MONOTONIC */

const PROGRAM = fileURLToPath(new URL('./watchdog_program.js', import.meta.url));
/** A priority above all that the service and the rig use. */
const PRIORITY = 90;
/** Distance from a freeze within which a gap is blamed on the machine. */
const NEAR_NS = 50e6;

/** @returns {number} CLOCK_MONOTONIC, which all timestamps of the rig use; accurate to a microsecond */
export function nowNs() {
  return Number(process.hrtime.bigint());
}

export class Watchdog {
  /** @type {Freeze[]} */
  freezes = [];
  /** Without a real-time priority, "late" may only mean "busy"; then the watchdog excuses nothing. */
  isReliable = mayBeRealTime();
  #watchers;

  constructor() {
    this.#watchers = this.isReliable ? cpus().map((_, processor) => this.#watch(processor)) : [];
  }

  /** @param {number} fromNs @param {number} toNs @returns {boolean} the machine stalled in that time or close to it */
  excuses(fromNs, toNs) {
    return this.freezes.some((freeze) => toNs > freeze.fromNs - NEAR_NS && fromNs < freeze.toNs + NEAR_NS);
  }

  /** @param {number} fromNs @param {number} toNs @returns {number} the share of that time in which a processor was frozen */
  frozenShare(fromNs, toNs) {
    const overlaps = this.freezes.map((freeze) => Math.max(0, Math.min(freeze.toNs, toNs) - Math.max(freeze.fromNs, fromNs)));
    return overlaps.reduce((sum, overlap) => sum + overlap, 0) / (toNs - fromNs);
  }

  stop() {
    for (const watcher of this.#watchers) watcher.killNow();
  }

  /** @param {number} processor */
  #watch(processor) {
    const onOutput = (/** @type {Buffer} */ chunk) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const [fromNs, toNs] = /** @type {[number, number]} */ (line.split(' ').map(Number));
        this.freezes.push({ fromNs, toNs });
      }
    };
    return new Running('taskset', ['--cpu-list', String(processor), process.execPath, PROGRAM], { priority: PRIORITY, onOutput });
  }
}
