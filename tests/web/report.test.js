/** The report's figures, from the state of the player's parts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildReport } from '../../web/core/page/report.js';
import { whatIfSince } from '../../web/core/page/what_if_since.js';
import { Ledger } from '../../web/core/ledger.js';
import { PLAYOUT } from '../../web/core/playout/controls.js';

/** @param {object} [changes] @returns {any} what is known of a page that plays */
function known(changes = {}) {
  return {
    nowMs: 1000, phase: { state: 'playing', problem: null, detail: null }, transport: 'sab', contextRateHz: 44_100, latencyHint: 0,
    baseLatencyMs: null, outputLatencyMs: null, playbackStats: null, worker: null, serviceAheadMs: null, heardContextMs: null, outputClock: null,
    playout: { state: PLAYOUT.SOUNDING, level_ms: 20, required_lead_ms: 10 }, whatIf: null, ledger: new Ledger(), mode: 'auto', startToSoundMs: null,
    ...changes,
  };
}

test('a moment of lateness that was no event costs nothing, and each whole second of a long interruption counts', () => {
  const leads = [[0, 40], [0, 999], [2, 300], [1, 5500]].map(([events, lateMs], at) => ({ target_ms: 10 + at, events, late_ms: lateMs }));
  const { what_if: whatIf } = buildReport(known({ whatIf: { observed_s: 3600, leads } }));
  assert.deepEqual(whatIf?.map(({ events_per_hour: perHour }) => perHour), [0, 0, 2, 5]);
});

test('a reset curve counts from the reset on, and an audio thread that began anew counts as it is', () => {
  const counted = (/** @type {number} */ seconds, /** @type {number} */ events, /** @type {number} */ lateMs) => (
    { observed_s: seconds, leads: [{ target_ms: 10, events, late_ms: lateMs }] });
  assert.deepEqual(whatIfSince(counted(90, 7, 800), counted(60, 5, 300)), counted(30, 2, 500));
  assert.deepEqual(whatIfSince(counted(90, 7, 800), null), counted(90, 7, 800));
  assert.deepEqual(whatIfSince(counted(3, 1, 20), counted(60, 5, 300)), counted(3, 1, 20));
});
