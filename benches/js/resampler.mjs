// The cost and the errors of resampling, by method. `make bench-resampler`. For decision 0007.
// The input is one sine of 0.9 full scale at a time; all other output is error, images included. Times are the fastest of many
// short batches.

import { Resampler } from '../../web/core/sound/resampler.js';
import { throughSine } from '../../tests/web/sim/sine.js';

const SHOWN_HZ = [1000, 5000, 10_000, 15_000, 18_000];
const STEPS = { '+50 ppm': 1 + 50e-6, '44.1 to 48': 44.1 / 48 };
const BLOCK_FRAMES = 128;
const CONTEXT_HZ = 48_000;
/** More frames than any filter here reads on either side. */
const MARGIN = 64;

// --- the methods, all with the signature of Resampler.run ---

function copy(left, right, times, outLeft, outRight) {
  const start = times[0] | 0;
  for (let k = 0; k < outLeft.length; k += 1) {
    outLeft[k] = left[start + k];
    outRight[k] = right[start + k];
  }
}

function linear(left, right, times, outLeft, outRight) {
  const [start, step] = times;
  for (let k = 0; k < outLeft.length; k += 1) {
    const time = start + k * step;
    const i = Math.floor(time);
    const t = time - i;
    outLeft[k] = left[i] + t * (left[i + 1] - left[i]);
    outRight[k] = right[i] + t * (right[i + 1] - right[i]);
  }
}

function hermite(left, right, times, outLeft, outRight) {
  const [start, step] = times;
  for (let k = 0; k < outLeft.length; k += 1) {
    const time = start + k * step;
    const i = Math.floor(time);
    const t = time - i;
    // Catmull-Rom, as four gains that serve both channels.
    const a = t * (-0.5 + t * (1 - 0.5 * t));
    const b = 1 + t * t * (-2.5 + 1.5 * t);
    const c = t * (0.5 + t * (2 - 1.5 * t));
    const d = t * t * (-0.5 + 0.5 * t);
    outLeft[k] = a * left[i - 1] + b * left[i] + c * left[i + 1] + d * left[i + 2];
    outRight[k] = a * right[i - 1] + b * right[i] + c * right[i + 1] + d * right[i + 2];
  }
}

const runOf = (resampler) => (left, right, times, outLeft, outRight) => resampler.run(left, right, times, outLeft, outRight);
// Each method has about the best window for its number of taps; with fewer taps, some of the band is lost.
const METHODS = {
  linear: { run: linear, ahead: 1 },
  'Hermite, 4 points': { run: hermite, ahead: 2 },
  '16 taps': { run: runOf(new Resampler(1, { crossings: 8, beta: 5 })), ahead: 8 },
  '24 taps': { run: runOf(new Resampler(1, { crossings: 12, beta: 6.9 })), ahead: 12 },
  '32 taps': { run: runOf(new Resampler(1, { crossings: 16, beta: 9.2 })), ahead: 16 },
  'ours, 34 taps': { run: runOf(new Resampler(1)), ahead: 17 },
  '48 taps': { run: runOf(new Resampler(1, { crossings: 24, beta: 10 })), ahead: 24 },
};

// --- measure ---

const input = new Float32Array(BLOCK_FRAMES * 2 + 2 * MARGIN).map((_, n) => Math.sin(n));
const outputs = [new Float32Array(BLOCK_FRAMES), new Float32Array(BLOCK_FRAMES)];

/** Nanoseconds per block: the fastest of 200 batches of 50, after warming up. */
function fastestNs(run, times) {
  let best = Infinity;
  for (let batch = -50; batch < 200; batch += 1) {
    const begin = process.hrtime.bigint();
    for (let n = 0; n < 50; n += 1) run(input, input, times, ...outputs);
    if (batch >= 0) best = Math.min(best, Number(process.hrtime.bigint() - begin) / 50);
  }
  return best;
}

const copyNs = fastestNs(copy, Float64Array.of(MARGIN, 1, 0));

function rowOf(name, { run, ahead }, step) {
  const shown = SHOWN_HZ.map((hz) => throughSine(run, hz, step, MARGIN).snrDb.toFixed(1).padStart(7));
  const band = Array.from({ length: 72 }, (_, n) => throughSine(run, 250 * (n + 1), step, MARGIN));
  const least = (from, to) => Math.min(...band.slice(from, to).map((heard) => heard.snrDb)).toFixed(1).padStart(9);
  const gains = band.map((heard) => heard.gainDb);
  const ripple = (Math.max(...gains) - Math.min(...gains)).toFixed(4).padStart(9);
  const ns = fastestNs(run, Float64Array.of(MARGIN + 0.3, step, 0));
  const share = ((100 * ns * CONTEXT_HZ) / (BLOCK_FRAMES * 1e9)).toFixed(3).padStart(8);
  const copies = (ns / copyNs).toFixed(0).padStart(6);
  const sound = `${shown.join('')}${least(0, 48)}${least(48)}${ripple}`;
  console.log(`${name.padEnd(18)}${String(ahead).padStart(5)}${sound}${share} %${copies}`);
}

console.log(`Stereo, blocks of ${BLOCK_FRAMES}, node ${process.version}; a plain copy is 1: ${copyNs.toFixed(0)} ns a block.`);
console.log('SNR in dB at kHz, and the least of 72 sines to 12 and from 12 to 18 kHz; ripple in dB to 18 kHz; share of a core at 48 kHz.');
for (const [name, step] of Object.entries(STEPS)) {
  const heads = SHOWN_HZ.map((hz) => String(hz / 1000).padStart(7)).join('');
  console.log(`\n${name.padEnd(18)}ahead${heads}    to 12    to 18   ripple     core  copies`);
  for (const [method, how] of Object.entries(METHODS)) rowOf(method, how, step);
}
