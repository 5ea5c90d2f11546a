/** Concealment on piano, strings and drums: the sound in place of missing frames, compared with the former fade. */

import { FULL_LEVEL_FRAMES, GUESS_FRAMES, RE_ENTRY_FRAMES } from '../../web/core/sound/constants.js';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Burg } from '../../web/core/sound/burg.js';
import { Concealer, RE_ENTRY } from '../../web/core/sound/concealment.js';
import { framesOf } from '../../web/core/units.js';
import { excerpt, EXCERPTS, largestStep } from './sim/excerpts.js';
import { concealed, errorEnergy, faded, gapsOf, heard } from './sim/gaps.js';
import { randomFrom, SEED } from './sim/random.js';

const BLOCK = 128;
const PASSES = 4;
/** The least improvement of concealment over the fade, in error energy over all short gaps of an excerpt. */
const GAIN_DB_LEAST = 6;

/** Factor by which the fade of a guess may exceed the largest step. */
const MARGIN = 1.001;

/** @param {number} ratio of energies @returns {number} */
const decibel = (ratio) => 10 * Math.log10(ratio);

/** @param {(frame: number) => number} left @param {(frame: number) => number} right @param {number} frames @returns {Concealer} */
function after(left, right, frames) {
  const concealer = new Concealer();
  const blockLeft = new Float32Array(BLOCK);
  const blockRight = new Float32Array(BLOCK);
  for (let at = 0; at < frames; at += BLOCK) {
    const length = Math.min(BLOCK, frames - at);
    for (let frame = 0; frame < length; frame += 1) {
      blockLeft[frame] = left(at + frame);
      blockRight[frame] = right(at + frame);
    }
    concealer.remember(blockLeft, blockRight, 0, length);
    concealer.prepare(length);
  }
  return concealer;
}

/** @param {Concealer} concealer @param {number} frames @returns {{left: Float32Array, right: Float32Array}} */
function guess(concealer, frames) {
  const sound = { left: new Float32Array(frames), right: new Float32Array(frames) };
  concealer.begin();
  concealer.predict(sound.left, sound.right, 0, frames);
  return sound;
}

const SILENCE = () => 0;

if (process.argv[2] === 'measure') {
  console.log(bytesPerCall());
} else {
  tests();
}

function tests() {
  for (const name of EXCERPTS) {
    const sound = excerpt(name);
    const most = largestStep(sound) * MARGIN;

    test(`${name}: over gaps of 1 to 5 ms the error is at least ${GAIN_DB_LEAST} dB below the fade's, and nothing clicks (seed ${SEED})`, () => {
      let [ours, before, fadesBeaten, all] = [0, 0, 0, 0];
      for (let pass = 0; pass < PASSES; pass += 1) {
        for (const ms of [1, 2, 3, 4, 5]) {
          const gaps = gapsOf(sound.left.length, framesOf(ms), randomFrom(SEED + pass * 10 + ms));
          const out = heard(sound, gaps, concealed());
          const fade = heard(sound, gaps, faded());
          assert.ok(largestStep(out) <= most, `a step of ${largestStep(out)}, the excerpt's largest is ${most}`);
          ours += errorEnergy(sound, out);
          before += errorEnergy(sound, fade);
          for (const { from, frames } of gaps) {
            const around = (/** @type {Float32Array} */ samples) => samples.subarray(from, from + frames + 1000);
            const cut = (/** @type {typeof sound} */ { left, right }) => ({ left: around(left), right: around(right) });
            fadesBeaten += errorEnergy(cut(sound), cut(out)) < errorEnergy(cut(sound), cut(fade)) ? 1 : 0;
            all += 1;
          }
        }
      }
      const gain = decibel(before / ours);
      assert.ok(gain >= GAIN_DB_LEAST, `${gain.toFixed(1)} dB`);
      // No guess can know a note that begins within a gap; elsewhere the guess is better than the fade.
      assert.ok(fadesBeaten >= 0.85 * all, `better at ${fadesBeaten} of ${all} places`);
    });

    test(`${name}: a gap of 10 to 40 ms is a soft duck (seed ${SEED})`, () => {
      for (const ms of [10, 20, 40]) {
        const gaps = gapsOf(sound.left.length, framesOf(ms), randomFrom(SEED + ms));
        const out = heard(sound, gaps, concealed());
        assert.ok(largestStep(out) <= most, `${ms} ms: a step of ${largestStep(out)}, the excerpt's largest is ${most}`);
        for (const { from, frames } of gaps) {
          const silent = out.left.subarray(from + GUESS_FRAMES, from + frames);
          assert.ok(silent.every((sample) => sample === 0), `${ms} ms at ${from}: not silent after 20 ms`);
        }
      }
    });
  }

  test('a chord goes on as it was, and its crossfade back is that of the same sound', () => {
    const chord = (/** @type {number} */ phase) => (/** @type {number} */ frame) =>
      [110, 164.8, 220.5, 277.2, 1661].reduce((sum, hz, n) => sum + 0.15 * Math.sin((2 * Math.PI * hz * frame) / 44_100 + phase + n), 0);
    const concealer = after(chord(0), chord(1), 12_345);
    const { left, right } = guess(concealer, FULL_LEVEL_FRAMES);
    let [error, energy] = [0, 0];
    for (let frame = 0; frame < FULL_LEVEL_FRAMES; frame += 1) {
      error += (Number(left[frame]) - chord(0)(12_345 + frame)) ** 2 + (Number(right[frame]) - chord(1)(12_345 + frame)) ** 2;
      energy += chord(0)(12_345 + frame) ** 2 + chord(1)(12_345 + frame) ** 2;
    }
    assert.ok(decibel(error / energy) < -25, `${decibel(error / energy)} dB`);
    assert.equal(concealer.law, RE_ENTRY.length - 1);
  });

  test('of silence nothing is made', () => {
    const concealer = after(SILENCE, SILENCE, 5000);
    const { left, right } = guess(concealer, 500);
    assert.ok(concealer.silent);
    assert.ok(left.every((sample) => sample === 0) && right.every((sample) => sample === 0));
  });

  test('sound that stopped long ago leaves no denormal numbers', () => {
    const concealer = after((frame) => (frame < 8000 ? Math.sin(frame * 0.1) * Math.exp(-frame / 60) : 0), SILENCE, 9000);
    const { left } = guess(concealer, GUESS_FRAMES);
    assert.ok(left.every((sample) => sample === 0 || Math.abs(sample) > 1e-30));
  });

  test('there is no guess before there was sound, and a level is held before there is a model', () => {
    const fresh = new Concealer();
    assert.ok(fresh.silent);
    const concealer = after(() => 0.5, () => -0.5, 200);
    const { left, right } = guess(concealer, 2);
    assert.ok(Math.abs(Number(left[0]) - 0.5) < 0.1 && Math.abs(Number(right[0]) + 0.5) < 0.1, `${left[0]} ${right[0]}`);
  });

  test('it is silent after 20 ms and stays so', () => {
    const concealer = after((frame) => Math.sin(frame * 0.1), (frame) => Math.cos(frame * 0.1), 9000);
    guess(concealer, GUESS_FRAMES - 1);
    assert.equal(concealer.silent, false);
    const rest = new Float32Array(300).fill(1);
    concealer.predict(rest, rest, 0, 300);
    assert.ok(concealer.silent);
    assert.ok(rest.subarray(1).every((sample) => sample === 0));
  });

  test('a guess in pieces is the guess', () => {
    const tone = (/** @type {number} */ frame) => Math.sin(frame * 0.1) + Math.sin(frame * 0.531);
    const whole = guess(after(tone, tone, 9000), 700);
    const concealer = after(tone, tone, 9000);
    const parts = { left: new Float32Array(700), right: new Float32Array(700) };
    concealer.begin();
    for (let at = 0; at < 700; at += 7) concealer.predict(parts.left, parts.right, at, 7);
    assert.deepEqual(parts, whole);
  });

  test(`whatever comes before, a guess stays near its peak and never jumps (seed ${SEED})`, () => {
    const random = randomFrom(SEED);
    for (let round = 0; round < 40; round += 1) {
      const grows = random() * 1e-3;
      const noise = random();
      const pitch = random() * 3;
      const end = 5000 + Math.floor(random() * 3000);
      const sound = Float64Array.from({ length: end }, (_, frame) =>
        Math.exp((frame - end) * grows) * (Math.sin(frame * pitch) + noise * (random() - 0.5)));
      const { left } = guess(after((frame) => Number(sound[frame]), SILENCE, end), GUESS_FRAMES);
      const newest = sound.subarray(end - 1100);
      const peak = newest.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      const step = newest.reduce((most, sample, frame) => Math.max(most, frame ? Math.abs(sample - Number(newest[frame - 1])) : 0), 0);
      let before = Number(newest.at(-1));
      for (const sample of left) {
        assert.ok(Math.abs(sample) <= 1.2001 * peak && Math.abs(sample - before) <= 1.0001 * step + 0.002 * peak, `round ${round}`);
        before = sample;
      }
    }
  });

  test('blocks of 512 do as well as blocks of 128', () => {
    const sound = excerpt('strings');
    const gaps = gapsOf(sound.left.length, framesOf(3), randomFrom(SEED));
    const [small, large] = [128, 512].map((frames) => errorEnergy(sound, heard(sound, gaps, concealed(), frames)));
    assert.ok(Math.abs(decibel(Number(large) / Number(small))) < 3, `${small} ${large}`);
  });

  test('a rehearsal leaves nothing behind', () => {
    const concealer = new Concealer();
    concealer.rehearse();
    assert.ok(concealer.silent);
    assert.ok(guess(concealer, 100).left.every((sample) => sample === 0));
  });

  test('the crossfades back keep the power even, each for its correlation', () => {
    RE_ENTRY.forEach((rise, law) => {
      const correlation = law / (RE_ENTRY.length - 1);
      rise.forEach((up, frame) => {
        const down = Number(rise[RE_ENTRY_FRAMES - 1 - frame]);
        assert.ok(Math.abs(up * up + down * down + 2 * up * down * correlation - 1) < 1e-5);
      });
    });
  });

  test('the fast form of Burg is Burg', () => {
    const [order, frames] = [24, 500];
    const random = randomFrom(SEED);
    const burg = new Burg(order, frames);
    for (let frame = 0; frame < frames; frame += 1) {
      burg.left[frame] = Math.sin(frame * 0.1) + random();
      burg.right[frame] = Math.sin(frame * 0.71) - random();
    }
    const plain = plainBurg([burg.left.slice(), burg.right.slice()], order);
    burg.begin();
    let slices = 1;
    while (!burg.step(2000)) slices += 1;
    assert.ok(slices > 10);
    burg.coefficients.forEach((coefficient, i) => assert.ok(Math.abs(coefficient - Number(plain[i])) < 1e-6));
  });

  test('a gap in every block makes no object', () => {
    const flags = ['--expose-gc', '--single-threaded', '--max-semi-space-size=64', '--min-semi-space-size=64'];
    const run = spawnSync(process.execPath, [...flags, fileURLToPath(import.meta.url), 'measure'], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    // Half the smallest object. Most of the growth is the engine's, which recompiles code that is used differently.
    assert.ok(Number(run.stdout) < 8, `${run.stdout} bytes a call`);
  });
}

/**
 * Burg's method as in textbooks: both channels are filtered for every order.
 *
 * @param {Float64Array[]} channels @param {number} order @returns {number[]}
 */
function plainBurg(channels, order) {
  const forward = channels.map((samples) => [...samples]);
  const backward = channels.map((samples) => [...samples]);
  let model = [1];
  for (let stage = 0; stage < order; stage += 1) {
    let [product, energy] = [0, 0];
    const each = (/** @type {(f: number[], b: number[], n: number) => void} */ visit) => forward.forEach((f, channel) => {
      for (let n = f.length - 1; n > stage; n -= 1) visit(f, /** @type {number[]} */ (backward[channel]), n);
    });
    each((f, b, n) => {
      product += Number(f[n]) * Number(b[n - 1]);
      energy += Number(f[n]) ** 2 + Number(b[n - 1]) ** 2;
    });
    const reflection = (-2 * product) / energy;
    each((f, b, n) => {
      const [ahead, behind] = [Number(f[n]), Number(b[n - 1])];
      f[n] = ahead + reflection * behind;
      b[n] = behind + reflection * ahead;
    });
    const mirror = [...model, 0].reverse();
    model = [...model, 0].map((coefficient, i) => coefficient + reflection * Number(mirror[i]));
  }
  return model.slice(1);
}

/** Growth of the heap, the least of several rounds. @returns {number} */
function bytesPerCall() {
  const sound = excerpt('drums');
  const concealer = new Concealer();
  const left = new Float32Array(BLOCK);
  const right = new Float32Array(BLOCK);
  let at = 0;
  const call = () => {
    for (let frame = 0; frame < BLOCK; frame += 1) {
      left[frame] = /** @type {number} */ (sound.left[at + frame]);
      right[frame] = /** @type {number} */ (sound.right[at + frame]);
    }
    at = (at + BLOCK) % 130_000;
    concealer.begin();
    concealer.predict(left, right, 64, 64);
    concealer.remember(left, right, 0, BLOCK);
    concealer.prepare(BLOCK);
  };
  const collect = /** @type {() => void} */ (/** @type {any} */ (globalThis).gc);
  let least = Infinity;
  const calls = 5000;
  for (let round = 0; round < 16; round += 1) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < calls; count += 1) call();
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / calls);
  }
  return least;
}
