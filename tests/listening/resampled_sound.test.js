/**
 * Two clocks: the service plays its own exact sound by the machine's clock, and the speakers run by theirs. The page then
 * resamples, and no sound is lost: no gap, no step, a speed that equals the clocks' difference, and a level that stays where it
 * was set.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { EXACT, RATE_HZ } from '../browser/rig/exact.js';
import { pieces, REACH_FRAMES, RESIDUAL_DB } from '../browser/rig/resemblance.js';
import { openTwoClockStage } from '../browser/rig/stage.js';
import { pass } from '../browser/rig/until.js';
import { nowNs, Watchdog } from '../browser/rig/watchdog.js';

/** Time to learn the clocks. */
const LEARNING_SECONDS = 20;
const SECONDS = 20;
const ATTEMPTS = 3;
/** The source's clock error: added to the null sink's own error, it makes a difference that no estimate can overlook. */
const SKEW_PPM = 500;
/** The rig's clock is itself known only to some 10 ppm. */
const DRIFT_DOUBT_PPM = 40;
/** The speed is the clocks' difference, plus the correction that still brings the level to its target. */
const RATE_DOUBT_PPM = 120;
/** A lead so long that even a busy machine hardly ever needs it. */
const LEAD_MS = 150;
const LEVEL_DOUBT_MS = 1;
/** Between two pieces time passes at the measured speed, so no step is hidden there. */
const STEP_FRAMES = 0.05;
/** Maximum distance of the first source frame that is heard from the newest one: a lead, and the browser's output buffer. */
const WITHIN_FRAMES = 4 * RATE_HZ;
/** Headroom above the noise (rig/resemblance.js). */
const VOLUME = 0.6;

const stage = await openTwoClockStage('--source', 'exact:noise', '--skew-ppm', String(SKEW_PPM));

test('with two clocks the sound is whole, at the speed of their difference', async (t) => {
  const watchdog = new Watchdog();
  t.after(() => watchdog.stop());
  for (let attempt = 1; ; attempt += 1) {
    const { sound, to, before, after, clockPpm, isDisturbed } = await listen(watchdog);
    const heard = judge(sound, to);
    const wantedPpm = SKEW_PPM - clockPpm;
    const speedPpm = (1e6 * (heard.lastIndex - heard.firstIndex)) / (heard.lastFrame - heard.firstFrame) - 1e6;
    t.diagnostic(`clocks ${wantedPpm.toFixed(0)} ppm apart, played ${speedPpm.toFixed(0)} ppm faster, report: rate ${after.rate_ppm.toFixed(0)}, `
      + `drift ${after.drift_ppm.toFixed(1)} ± ${after.drift_sigma_ppm.toFixed(1)} ppm; level ${after.level_ms.toFixed(2)} ms of ${after.target_ms.toFixed(2)} ms`);
    t.diagnostic(`${heard.pieces} pieces, residual at most ${heard.worstDb.toFixed(1)} dB, ${heard.faults} faults; `
      + `transport ${after.transport}, splices ${after.splices - before.splices}, glitches ${JSON.stringify(after.glitches)}`);
    if (isDisturbed && attempt < ATTEMPTS) continue;
    if (isDisturbed) {
      t.skip(`${ATTEMPTS} recordings in a row were disturbed by a busy machine`);
      return;
    }
    assert.equal(heard.faults, 0, 'pieces that are not the sound, or not at their place');
    assert.ok(Math.abs(after.drift_ppm - wantedPpm) < DRIFT_DOUBT_PPM, `report says ${after.drift_ppm} ppm of drift, not ${wantedPpm}`);
    assert.ok(Math.abs(speedPpm - wantedPpm) < RATE_DOUBT_PPM, `${speedPpm} ppm, not ${wantedPpm}`);
    assert.ok(Math.abs(after.rate_ppm - wantedPpm) < RATE_DOUBT_PPM, `report says ${after.rate_ppm} ppm, not ${wantedPpm}`);
    assert.ok(Math.abs(after.level_ms - after.target_ms) < LEVEL_DOUBT_MS, `level ${after.level_ms}, target ${after.target_ms}`);
    return;
  }
});

/** @param {Watchdog} watchdog */
async function listen(watchdog) {
  const page = await stage.chromium.open(stage.service.address);
  try {
    await page.setVolume(VOLUME);
    await page.holdLead(LEAD_MS);
    await page.click('#listen');
    await page.reaches('playing');
    await pass(LEARNING_SECONDS * 1000);
    const before = await page.report();
    const fromNs = nowNs();
    const recording = stage.speakers.record();
    const to = (await stage.service.captured()).frames;
    await pass(SECONDS * 1000);
    const sound = recording.stop();
    const after = await page.report();
    // Deliberate corrections of the level, and losses, are counted; on a quiet machine there are none.
    const isDisturbed = JSON.stringify([before.glitches, before.splices]) !== JSON.stringify([after.glitches, after.splices])
      || before.target_ms !== after.target_ms || watchdog.frozenShare(fromNs, nowNs()) > 0
      || stage.speakers.starvedNs.some((timeNs) => timeNs > fromNs);
    return { sound, to, before, after, clockPpm: recording.clockPpm, isDisturbed };
  } finally {
    await page.close();
  }
}

/**
 * @param {import('../browser/rig/recording.js').Sound} sound
 * @param {number} to the source frame reached when the recording begins, or a later one
 */
function judge(sound, to) {
  const found = pieces(sound, EXACT.noise, { first: REACH_FRAMES, frames: sound.frames - REACH_FRAMES, from: Math.max(0, to - WITHIN_FRAMES), to });
  assert.ok(found.length > 0, 'what is heard is not the source');
  const [first, last] = /** @type {[import('../browser/rig/resemblance.js').Piece, import('../browser/rig/resemblance.js').Piece]} */ ([found[0], found[found.length - 1]]);
  const isFault = (/** @type {import('../browser/rig/resemblance.js').Piece} */ piece, /** @type {number} */ at) => {
    const before = found[at - 1];
    const speed = 1 + (piece.ratePpm + (before ?? piece).ratePpm) / 2e6;
    const step = before ? piece.index - before.index - (piece.first - before.first) * speed : 0;
    return piece.residualDb > RESIDUAL_DB || Math.abs(step) > STEP_FRAMES;
  };
  return {
    pieces: found.length,
    faults: found.filter(isFault).length,
    worstDb: Math.max(...found.map(({ residualDb }) => residualDb)),
    firstIndex: first.index, lastIndex: last.index, firstFrame: first.first, lastFrame: last.first,
  };
}
