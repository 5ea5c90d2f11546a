/**
 * process() makes nothing: the heap does not grow by as much as one small object a call, whatever is going on.
 * Runs itself again with --expose-gc, where a collection can be asked for before and after.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const CALLS = 20_000;
const ROUNDS = 4;
/** The smallest object takes 16 bytes; what the engine does for itself stays far below one a call. */
const BYTES_PER_CALL_MAX = 8;

/** @type {Record<string, {frames: number, between?: (writer: import('../../web/core/ring.js').RingWriter, position: number) => number}>} */
const SCENES = {
  'playing as sent': { frames: 128 },
  'playing in blocks of 512': { frames: 512 },
  'fading, with a gap in every block': {
    frames: 128,
    between: (writer, position) => {
      writer.gap(position, 16, 1);
      return position + 16;
    },
  },
};

/** @param {string} scene @param {boolean} leaks @returns {Promise<number>} bytes a call */
async function bytesPerCall(scene, leaks) {
  const { newProcessor, setCurrentFrame } = await import('./sim/worklet.js');
  const { RING_BYTES, RingWriter } = await import('../../web/core/ring.js');
  const { frames, between } = /** @type {typeof SCENES[string]} */ (SCENES[scene]);
  const memory = new SharedArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const processor = newProcessor(memory);
  const outputs = [[new Float32Array(frames), new Float32Array(frames)]];
  const samples = new Float32Array(frames * 2).fill(0.25);
  /** @type {number[][]} */
  const leaked = [];
  let position = 0;
  let context = 0;
  writer.restart(0);
  const call = () => {
    position = (between ? between(writer, position) : position) | 0;
    const rest = between ? frames - 16 : frames;
    writer.audio(position, samples, rest);
    position = (position + rest) | 0;
    setCurrentFrame(context);
    processor.process([], outputs);
    context += frames;
    if (leaks) leaked.push([context]);
  };
  const collect = /** @type {() => void} */ (/** @type {any} */ (globalThis).gc);
  for (let warm = 0; warm < CALLS; warm += 1) call();
  // The engine makes some things of its own once, in one round or another; what process() makes, it makes in every round.
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    leaked.length = 0;
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let calls = 0; calls < CALLS; calls += 1) call();
    // Not collected in between: garbage counts as much as what is kept.
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / CALLS);
  }
  return least;
}

if (process.argv[2] === 'measure') {
  console.log(await bytesPerCall(String(process.argv[3]), process.argv[4] === 'leak'));
} else {
  /** @param {...string} scene @returns {number} */
  const measured = (...scene) => {
    // A young generation that holds all of it, so that no collection hides anything. Single-threaded: a compiler on a thread of its own
    // comes late on a busy machine, and what it makes of a function it finds running half-way boxes numbers.
    const flags = ['--expose-gc', '--single-threaded', '--max-semi-space-size=64', '--min-semi-space-size=64'];
    const run = spawnSync(process.execPath, [...flags, fileURLToPath(import.meta.url), 'measure', ...scene], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return Number(run.stdout);
  };
  for (const scene of Object.keys(SCENES)) {
    test(`process() makes nothing: ${scene}`, () => {
      const bytes = measured(scene);
      assert.ok(bytes < BYTES_PER_CALL_MAX, `${bytes} bytes a call`);
    });
  }
  test('one array a call would be seen', () => {
    assert.ok(measured('playing as sent', 'leak') > 2 * BYTES_PER_CALL_MAX);
  });
}
