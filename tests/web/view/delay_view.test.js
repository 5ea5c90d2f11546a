/** Canvas, slider and sentences of the delay panel come from one snapshot. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { delayView, measured } from '../../../web/view/delay_view.js';

const OUTPUT_MS = 28;

/** @param {{levelMs?: number, delayMs?: number | null, events?: number[], rates?: number[]}} [changes] */
function snapshot({ levelMs = 40, delayMs = levelMs + OUTPUT_MS, events = [9, 3, 0, 0], rates = events } = {}) {
  return {
    level_ms: levelMs,
    target_ms: 19, // the mode gives delay back: the target is far below what is held
    delay_ms: delayMs,
    what_if: [5, 10, 20, 80].map((targetMs, at) => ({
      target_ms: targetMs, delay_ms: delayMs === null ? null : delayMs + targetMs - levelMs, events: events[at], events_per_hour: rates[at],
    })),
    what_if_observed_s: 3600,
  };
}

/** @param {object} [changes] @returns {import('../../../web/view/delay_view.js').Choice} */
const choice = (changes = {}) => ({ mode: 'auto', fixedMs: null, modeMs: null, previewed: null, ...changes });

test('the mark, the slider and the status line name one delay, also while the mode gives delay back', () => {
  const { picture } = delayView(measured(snapshot(), 68), choice());
  assert.equal(picture?.held?.words, 'Auto 68 ms');
  assert.ok(Math.abs(picture.held.position - 7 / 9) < 1e-9, 'the mark stands at the lead that is held');
  assert.equal(picture.slider.words, '68 ms: no dropouts here so far');
  assert.equal(picture.before, null);
});

test('a number that the status line keeps still is the same in the panel', () => {
  const { picture } = delayView(measured(snapshot({ delayMs: 68.7 }), 68), choice());
  assert.equal(picture?.held?.words, 'Auto 68 ms');
  assert.match(picture.slider.words, /^68 ms:/);
});

test('what is chosen by hand, or under the finger, has the words of its own delay, and the mode keeps its mark', () => {
  const fixed = delayView(measured(snapshot(), 68), choice({ fixedMs: 20, modeMs: 40 }));
  assert.equal(fixed.state, 'fixed');
  assert.equal(fixed.fixedWords, 'You chose 48 ms. It stays, whatever the network does.');
  assert.deepEqual([fixed.picture?.held?.words, fixed.picture?.slider.words], ['You 48 ms', '48 ms: no dropouts here so far']);
  assert.equal(fixed.picture?.before?.words, 'Auto 68 ms');
  const previewed = delayView(measured(snapshot(), 68), choice({ previewed: 1, modeMs: 40 }));
  assert.deepEqual([previewed.picture?.held?.words, previewed.picture?.slider.words], ['You 38 ms', '38 ms: about 3 dropouts an hour here']);
  assert.equal(previewed.picture?.held?.position, 1 / 3);
});

test('slider and mark stand at the same point', () => {
  for (const levelMs of [5, 9, 14, 40, 300]) {
    const { picture } = delayView(measured(snapshot({ levelMs }), levelMs + OUTPUT_MS), choice());
    assert.ok(picture?.held);
    assert.equal(picture.slider.index, Math.round(picture.held.position * picture.slider.last), String(levelMs));
  }
});

test('a delay that is late all the time is not called free of dropouts: sentence, mark and curve use one count', () => {
  const view = delayView(measured(snapshot({ levelMs: 5, events: [0, 0, 0, 0], rates: [3600, 3, 0, 0] }), 33), choice());
  assert.equal(view.curveWords, 'In the past 60 minutes, 48 ms or more had no dropouts.');
  assert.equal(view.picture?.slider.words, '33 ms: about 1 dropout a second here');
  assert.ok((view.picture?.held?.height ?? 0) > 0.8);
});

test('without a known delay the whole panel speaks of the buffer', () => {
  const view = delayView(measured(snapshot({ delayMs: null }), null), choice());
  assert.equal(view.curveWords, 'In the past 60 minutes, 20 ms of buffer or more had no dropouts.');
  assert.deepEqual([view.picture?.held?.words, view.picture?.slider.words], ['Auto 40 ms', '40 ms of buffer: no dropouts here so far']);
});

test('without a curve there is no picture, and without a level no mark', () => {
  assert.equal(delayView(measured({ what_if: null, what_if_observed_s: null, level_ms: null }, null), choice()).picture, null);
  const { picture } = delayView({ ...measured(snapshot(), 68), heldMs: null }, choice());
  assert.deepEqual([picture?.held, picture?.slider], [null, { last: 3, index: 0, words: '' }]);
});

test('Lowest says when it is not low, and why; another mode or a delay chosen by hand says nothing of it', () => {
  const words = (/** @type {number} */ levelMs, /** @type {Partial<import('../../../web/view/delay_view.js').Choice>} */ chosen) =>
    delayView(measured(snapshot({ levelMs }), levelMs + OUTPUT_MS), choice(chosen)).lowestWords;
  assert.equal(words(240, { mode: 'lowest' }), 'This network needs 240 ms of buffer: with less, more than 1 % of the sound would be missing.');
  assert.equal(words(40, { mode: 'lowest' }), null);
  assert.equal(words(240, { mode: 'auto' }), null);
  assert.equal(words(240, { mode: 'lowest', fixedMs: 20, modeMs: 240 }), null);
});
