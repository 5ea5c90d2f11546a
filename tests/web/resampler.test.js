/** The resampler meets its design figures, gives the same result for any block sizes, and allocates nothing while it runs. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LOOK_AHEAD_FRAMES, LOOK_BACK_FRAMES, Resampler } from '../../web/core/sound/resampler.js';
import { randomFrom } from './sim/random.js';
import { throughSine } from './sim/sine.js';

const DRIFTING = 1 + 50e-6;
const STEPS = { '50 ppm of drift': DRIFTING, '44.1 to 48 kHz': 44.1 / 48, '44.1 to 96 kHz': 44.1 / 96 };
/** Start, step, change: numbers that doubles add exactly through 4096 frames, so that the caller's sums have no rounding error. */
const EXACT_TIMES = [
  [40.375, 1 + 2 ** -14, 0],
  [40.375, 1 - 2 ** -10, 2 ** -22],
  [50, 60_211 / 65_536, 0],
  [40, 1, 0],
];

/** @param {Resampler} resampler @returns {import('./sim/sine.js').Run} */
const runOf = (resampler) => (...sound) => resampler.run(...sound);

/** @param {number} frames @param {() => number} random */
const noise = (frames, random) => Float32Array.from({ length: frames }, () => random() * 2 - 1);

/**
 * A run cut into blocks, each of which continues the one before, as the contract says.
 *
 * @param {Float32Array[]} input @param {number[]} times @param {number[]} lengths @returns {Float32Array[]}
 */
function inBlocks(input, [start = 0, step = 1, change = 0], lengths) {
  const [left, right] = pair(input);
  const resampler = new Resampler(1);
  const times = Float64Array.of(start, step, change);
  let [begin, pace] = [start, step];
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const [outLeft, outRight] = [new Float32Array(total), new Float32Array(total)];
  let done = 0;
  for (const length of lengths) {
    const end = done + length;
    times.set([begin, pace]);
    resampler.run(left, right, times, outLeft.subarray(done, end), outRight.subarray(done, end));
    begin += length * pace + 0.5 * length * (length - 1) * change;
    pace += length * change;
    done = end;
  }
  return [outLeft, outRight];
}

if (process.argv[2] === 'measure') {
  console.log(bytesPerCall(process.argv[3] === 'leak'));
} else {
  for (const [name, step] of Object.entries(STEPS)) {
    test(`sines stay clean, images counted: ${name}`, () => {
      const run = runOf(new Resampler(1));
      // Frequencies that are not round numbers are tested as well: the side lobes of a window have zeros, which would flatter
      // the result.
      for (let hz = 500; hz <= 18_000; hz += 500) {
        const heard = throughSine(run, hz, step, 64);
        assert.ok(heard.snrDb >= (hz <= 12_000 ? 100 : 95), `${hz} Hz: ${heard.snrDb} dB`);
        assert.ok(Math.abs(heard.gainDb) < 0.001, `${hz} Hz: ${heard.gainDb} dB of gain`);
      }
    });
  }

  test('at the stream\'s own rate it is an exact copy, and needs no neighbours', () => {
    const random = randomFrom(1);
    const input = [noise(512, random), noise(512, random)];
    const out = [new Float32Array(512), new Float32Array(512)];
    new Resampler(1).run(...pair(input), Float64Array.of(0, 1, 0), ...pair(out));
    assert.deepEqual(out, input);
  });

  test('a fraction of exactly 0 leaves the frame as it is at any rate', () => {
    const random = randomFrom(2);
    const input = [noise(512, random), noise(512, random)];
    const out = [new Float32Array(101), new Float32Array(101)];
    new Resampler(1).run(...pair(input), Float64Array.of(100, 0.5, 0), ...pair(out));
    for (let frame = 0; frame < 101; frame += 2) {
      assert.equal(out[0]?.[frame], input[0]?.[100 + frame / 2]);
      assert.equal(out[1]?.[frame], input[1]?.[100 + frame / 2]);
    }
  });

  test('it reads what it says and nothing beyond', () => {
    const input = new Float32Array(LOOK_BACK_FRAMES + 1 + LOOK_AHEAD_FRAMES).fill(0.5);
    for (const fraction of [0.001, 0.5, 0.999]) {
      const out = new Float32Array(1);
      new Resampler(1).run(input, input, Float64Array.of(LOOK_BACK_FRAMES + fraction, 0.9, 0), out, new Float32Array(1));
      assert.ok(Math.abs(/** @type {number} */ (out[0]) - 0.5) < 1e-7, `a constant stays one: ${out[0]}`);
    }
  });

  test('cut into blocks of any lengths a run is the same to the bit, steady or with the step ramped', () => {
    const random = randomFrom(3);
    const input = [noise(6000, random), noise(6000, random)];
    for (const times of EXACT_TIMES) {
      const whole = inBlocks(input, times, [4096]);
      for (let cut = 0; cut < 10; cut += 1) {
        const lengths = [];
        let left = 4096;
        while (left > 0) {
          const length = Math.min(left, 1 + Math.floor(random() * 700));
          lengths.push(length);
          left -= length;
        }
        assert.deepEqual(inBlocks(input, times, lengths), whole, `times ${times}, blocks ${lengths}`);
      }
    }
  });

  test('carried on by rounded sums it is the same within the last bit of a sample', () => {
    const random = randomFrom(4);
    const input = [noise(6000, random), noise(6000, random)];
    const times = [40.1, DRIFTING, 1e-9];
    const [whole] = inBlocks(input, times, [4096]);
    const [cut] = inBlocks(input, times, Array.from({ length: 32 }, () => 128));
    cut?.forEach((sample, frame) => assert.ok(Math.abs(sample - /** @type {any} */ (whole)[frame]) < 2 ** -22, `frame ${frame}`));
  });

  test('a ramped step is a smooth change of pitch, without a seam where it sets in', () => {
    const sine = Float32Array.from({ length: 6000 }, (_, frame) => 0.9 * Math.sin(0.3 * frame));
    const [start, step, change] = [100, 1 - 0.0015, 0.003 / 4096];
    const [out] = inBlocks([sine, sine], [start, step, change], Array.from({ length: 32 }, () => 128));
    out?.forEach((sample, k) => {
      const time = start + k * step + 0.5 * k * (k - 1) * change;
      assert.ok(Math.abs(sample - 0.9 * Math.sin(0.3 * time)) < 2e-5, `frame ${k}: ${sample}`);
    });
  });

  test('from just below a whole frame to just above it nothing jumps', () => {
    const random = randomFrom(5);
    const input = [noise(200, random), noise(200, random)];
    const [out] = inBlocks(input, [100 - 1e-7, 1e-7, 0], [3]);
    const [before, at, after] = /** @type {any} */ (out);
    assert.ok(Math.abs(before - at) < 1e-5 && Math.abs(after - at) < 1e-5, `${before} ${at} ${after}`);
  });

  test('a slower context gets a longer filter, which cuts off what it cannot play', () => {
    const step = 44.1 / 32;
    const resampler = new Resampler(1 / step);
    assert.ok(resampler.lookAheadFrames > LOOK_AHEAD_FRAMES && resampler.lookBackFrames === resampler.lookAheadFrames - 1);
    for (const hz of [1000, 5000, 10_000, 13_000]) {
      const heard = throughSine(runOf(resampler), hz, step, 64);
      assert.ok(heard.snrDb >= 95 && Math.abs(heard.gainDb) < 0.001, `${hz} Hz: ${heard.snrDb} dB, gain ${heard.gainDb} dB`);
    }
    // Anything above 19 kHz would be aliased to below 13 kHz.
    for (const hz of [19_000, 20_500, 22_000]) {
      const heard = throughSine(runOf(resampler), hz, step, 64);
      assert.ok(heard.gainDb < -95, `${hz} Hz: ${heard.gainDb} dB are left`);
    }
    assert.throws(() => new Resampler(1.2), RangeError);
  });

  test('run() makes nothing, and the measurement would see it if it did', () => {
    const bytes = measured();
    assert.ok(bytes < 8, `${bytes} bytes a call`);
    assert.ok(measured('leak') > 16);
  });
}

/** @param {Float32Array[]} both @returns {[Float32Array, Float32Array]} */
function pair([left, right]) {
  return [/** @type {Float32Array} */ (left), /** @type {Float32Array} */ (right)];
}

/** Measures as allocation.test.js does. @param {...string} what @returns {number} bytes per call */
function measured(...what) {
  const flags = ['--expose-gc', '--single-threaded', '--max-semi-space-size=64', '--min-semi-space-size=64'];
  const run = spawnSync(process.execPath, [...flags, fileURLToPath(import.meta.url), 'measure', ...what], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return Number(run.stdout);
}

/** @param {boolean} leaks @returns {number} */
function bytesPerCall(leaks) {
  const calls = 10_000;
  const resampler = new Resampler(1);
  const input = new Float32Array(256).fill(0.25);
  const [outLeft, outRight] = [new Float32Array(128), new Float32Array(128)];
  const times = Float64Array.of(20, 1, 0);
  /** @type {number[][]} */
  const leaked = [];
  const call = () => {
    // Alternately copies and resamples, so that run() takes both paths.
    times[1] = times[1] === 1 ? DRIFTING : 1;
    resampler.run(input, input, times, outLeft, outRight);
    if (leaks) leaked.push([1]);
  };
  const collect = /** @type {() => void} */ (/** @type {any} */ (globalThis).gc);
  let least = Infinity;
  // Allocations of run() happen in every round; the engine's own happen in some.
  for (let round = 0; round < 8; round += 1) {
    leaked.length = 0;
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let done = 0; done < calls; done += 1) call();
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / calls);
  }
  return least;
}
