/** The playout controller alone: headroom in, advice out. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlayoutController } from '../../web/core/controller.js';
import { SEED, randomFrom } from './sim/random.js';

const MS = 44.1;
const BLOCK = 128;

/**
 * Feeds headrooms for a while and follows the advice.
 *
 * @param {PlayoutController} controller @param {number} seconds
 * @param {{headroom: number}} reader moved along with every correction
 * @param {(block: number) => number} [dip] frames below the headroom in this block
 * @returns {number[]} the corrections
 */
function run(controller, seconds, reader, dip = () => 0) {
  const corrections = [];
  reader.headroom = Math.round(reader.headroom); // a headroom is whole frames
  for (let block = 0; block * BLOCK < seconds * 44_100; block += 1) {
    controller.observe(reader.headroom - Math.round(dip(block)), BLOCK);
    const correction = controller.correctionFrames();
    if (correction === 0) continue;
    corrections.push(correction);
    reader.headroom -= correction;
    if (controller.isJump(correction)) controller.placed();
    else controller.moved(correction);
  }
  return corrections;
}

test('a level near the target is left alone for ever', () => {
  const controller = new PlayoutController();
  assert.deepEqual(run(controller, 600, { headroom: 4 * MS }), []);
  assert.ok(controller.targetFrames < 2.1 * MS, 'with nothing to fear the target falls to the floor');
});

test('a level above the target is trimmed once, after two seconds of evidence at most', () => {
  const reader = { headroom: 30 * MS };
  const controller = new PlayoutController();
  const corrections = run(controller, 2.2, reader);
  assert.equal(corrections.length, 1);
  assert.ok(Math.abs(reader.headroom - controller.targetFrames) < MS, `${reader.headroom} frames at a target of ${controller.targetFrames}`);
});

test('a backlog is jumped at once', () => {
  const reader = { headroom: 400 * MS };
  const controller = new PlayoutController();
  const [jump = 0] = run(controller, 0.003, reader);
  assert.ok(controller.isJump(jump));
  assert.ok(reader.headroom < 5 * MS);
});

test('a level below the target is filled up by one insertion', () => {
  const reader = { headroom: 1 * MS };
  const corrections = run(new PlayoutController(), 3, reader);
  assert.equal(corrections.length, 1);
  assert.ok(reader.headroom >= 4 * MS && reader.headroom < 7 * MS);
});

test('one dip widens at once, is held for some seconds and forgotten in half a minute', () => {
  const reader = { headroom: 12 * MS };
  const controller = new PlayoutController();
  run(controller, 10, reader);
  const before = controller.targetFrames;
  run(controller, 1, reader, (block) => (block === 100 ? 10 * MS : 0));
  const widened = controller.targetFrames;
  assert.ok(widened > before + 4 * MS, 'widened');
  run(controller, 4, reader);
  assert.equal(controller.targetFrames, widened, 'held');
  run(controller, 35, reader);
  assert.ok(controller.targetFrames < before + 2 * MS, 'forgotten');
});

test('dips that come again and again are remembered for longer', () => {
  const remembered = (/** @type {number} */ events) => {
    const reader = { headroom: 20 * MS };
    const controller = new PlayoutController();
    run(controller, 3, reader);
    for (let event = 0; event < events; event += 1) run(controller, 9, reader, (block) => (block === 100 ? 15 * MS : 0));
    const widened = controller.targetFrames;
    let seconds = 0;
    for (; controller.targetFrames > widened / 2 && seconds < 300; seconds += 1) run(controller, 1, reader);
    return seconds;
  };
  assert.ok(remembered(4) > 2 * remembered(1), `${remembered(4)} s after four, ${remembered(1)} s after one`);
});

test('a stall nothing could have covered changes nothing', () => {
  const controller = new PlayoutController();
  const before = controller.targetFrames;
  controller.late(2000 * MS);
  assert.equal(controller.targetFrames, before);
});

test('whatever the headroom does, the target stays within its bounds and advice is whole frames', () => {
  for (let round = 0; round < 20; round += 1) {
    const random = randomFrom(SEED + round);
    const controller = new PlayoutController();
    const reader = { headroom: 4 * MS };
    const wild = () => (random() < 0.01 ? random() * 300 * MS : random() * 10 * MS);
    for (const correction of run(controller, 120, reader, wild)) assert.ok(Number.isInteger(correction), `seed ${SEED}, round ${round}`);
    assert.ok(controller.targetFrames >= 2 * MS - 1 && controller.targetFrames <= 121 * MS, `seed ${SEED}: ${controller.targetFrames}`);
  }
});
