/**
 * process() allocates nothing: the heap grows by less than one small object per call, in every scene.
 * The test runs itself again with --expose-gc, so that it can ask for a collection before and after.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const WARM_CALLS = 20_000;
/** Number of calls in which every event of a scene happens several times. */
const ROUND_CALLS = 5000;
/**
 * The time at which the engine compiles a function, in its own units. It affects what the engine merges, so each process gets
 * another value.
 */
const INTERRUPT_BUDGETS = [66_000, 90_000, 132_000];
const ROUNDS = 4;
/** The smallest object takes 16 bytes; the engine's own allocations stay far below that per call. */
const BYTES_PER_CALL_MAX = 8;

/**
 * The conditions of a scene.
 *
 * @typedef {object} Scene
 * @property {number} [frames] of a block
 * @property {number} [contextRateHz]
 * @property {number} [driftPpm] drift of the line
 * @property {(call: number) => number} [gapFrames] frames marked missing before the frames of a call
 * @property {(call: number) => number} [lateFrames] how far the frames that arrive with a call lag behind the live edge
 * @property {(call: number) => number | null} [fixedMs] lead to hold
 * @property {(call: number) => boolean} [restarts] whether a new timeline begins
 */

/** @type {Record<string, Scene>} */
const SCENES = {
  'playing as sent': {},
  'playing in blocks of 512': { frames: 512 },
  'fading, with a gap in every block': { gapFrames: () => 16 },
  'resampling to 48 kHz, with drift': { contextRateHz: 48_000, driftPpm: 123 },
  'resampling to 96 kHz, with drift': { contextRateHz: 96_000, driftPpm: -77 },
  'a splice now and then': { fixedMs: (call) => (Math.floor(call / 200) % 2 === 0 ? 20 : 60) },
  'late blocks, watched and concealed': { fixedMs: () => 10, lateFrames: (call) => (call % 100 < 8 ? (call % 100) * 128 : 0) },
  'nothing comes for a second, again and again': { lateFrames: (call) => (call % 700 < 345 ? (call % 700) * 128 : 0) },
  'a timeline that begins anew every second': { restarts: (call) => call % 345 === 344 },
};

/** A listener in a scene: writes the frames that arrive on time, and renders a block. */
class Bench {
  #scene;
  #frames;
  #nominal;
  #memory;
  #writer;
  #processor;
  #outputs;
  #samples = new Float32Array(16_384);
  #line = { context_frame: 0, position: 0, drift_ppm: 0, shift_frames: 0, bias_frames: 0 };
  #calls = 0;
  #context = 0;
  /**
   * The live edge, and below it the frames written so far. The edge is in an array because a fractional field is allocated anew
   * with every call.
   */
  #live = new Float64Array(1);
  #written = 0;
  #setCurrentFrame;
  #setMode;
  #read;

  /** @param {Scene} scene @param {Awaited<ReturnType<typeof shipped>>} product */
  constructor(scene, product) {
    this.#scene = scene;
    const { frames = 128, contextRateHz = 44_100, driftPpm = 0 } = scene;
    this.#frames = frames;
    this.#nominal = (44_100 / contextRateHz) * (1 + driftPpm / 1e6);
    this.#line.drift_ppm = driftPpm;
    this.#memory = new SharedArrayBuffer(product.RING_BYTES);
    this.#writer = new product.RingWriter(this.#memory);
    this.#processor = product.newProcessor(this.#memory, contextRateHz);
    this.#outputs = [[new Float32Array(frames), new Float32Array(frames)]];
    this.#setCurrentFrame = product.setCurrentFrame;
    const words = product.controlWords(this.#memory);
    this.#setMode = (/** @type {number} */ ms) => product.writeMode(words, 'fixed', ms);
    this.#read = () => product.readPlayout(words);
    for (let frame = 0; frame < this.#samples.length; frame += 1) this.#samples[frame] = 0.25 * Math.sin((frame >> 1) * 0.05);
    this.#restart();
  }

  call() {
    const { restarts, fixedMs, lateFrames, gapFrames } = this.#scene;
    this.#calls += 1;
    if (restarts?.(this.#calls)) this.#restart();
    const leadMs = fixedMs?.(this.#calls) ?? null;
    if (leadMs !== null) this.#setMode(leadMs);
    if (this.#calls % 345 === 0) this.#tellLine();
    const live = /** @type {number} */ (this.#live[0]) + this.#frames * this.#nominal;
    this.#live[0] = live;
    const gap = gapFrames?.(this.#calls) ?? 0;
    if (gap > 0) {
      this.#writer.gap(this.#written, gap, 1);
      this.#written = (this.#written + gap) | 0;
    }
    const late = Math.round(lateFrames?.(this.#calls) ?? 0);
    for (let due = ((Math.floor(live) - late) - this.#written) | 0; due > 0;) {
      const run = Math.min(due, 2048);
      this.#writer.audio(this.#written, this.#samples, run);
      this.#written = (this.#written + run) | 0;
      due -= run;
    }
    this.#setCurrentFrame(this.#context);
    this.#processor.process([], this.#outputs);
    this.#context += this.#frames;
  }

  #restart() {
    this.#writer.restart(this.#written);
    this.#tellLine();
  }

  #tellLine() {
    this.#line.context_frame = this.#context;
    this.#line.position = /** @type {number} */ (this.#live[0]);
    this.#writer.line(this.#line);
  }

  /** @returns {import('../../web/core/playout/controls.js').PlayoutReading} */
  get playout() {
    return /** @type {any} */ (this.#read());
  }
}

async function shipped() {
  const { newProcessor, setCurrentFrame } = await import('./sim/worklet.js');
  const { controlWords, RING_BYTES, RingWriter } = await import('../../web/core/playout/ring.js');
  const { readPlayout, writeMode } = await import('../../web/core/playout/controls.js');
  return { newProcessor, setCurrentFrame, controlWords, RING_BYTES, RingWriter, readPlayout, writeMode };
}

/**
 * Checks that the scene's main event really happened.
 *
 * @param {string} scene @param {import('../../web/core/playout/controls.js').PlayoutReading} playout
 */
function assertScene(scene, playout) {
  const { first_sound_context_frame: first, trims, inserts, late_count: late, concealed_ms: concealed, rate_ppm: ppm } = playout;
  assert.ok(first !== null, 'it sounds');
  if (scene.includes('splice')) assert.ok(trims > 10 && inserts > 10, `${trims} trims, ${inserts} insertions`);
  if (scene.includes('drift')) assert.ok(Math.abs(ppm) > 30, `${ppm} ppm`);
  if (scene.includes('gap')) assert.ok(concealed > 1000, `${concealed} ms concealed`);
  if (scene.includes('late') || scene.includes('nothing comes')) {
    assert.ok(late > 0 && concealed > 100, `${late} late, ${concealed} ms concealed`);
  }
}

/** @param {string} scene @param {boolean} leaks @returns {Promise<number>} bytes per call */
async function bytesPerCall(scene, leaks) {
  const bench = new Bench(/** @type {Scene} */ (SCENES[scene]), await shipped());
  /** @type {number[][]} */
  const leaked = [];
  const call = () => {
    bench.call();
    if (leaks) leaked.push([leaked.length]);
  };
  const collect = /** @type {() => void} */ (/** @type {any} */ (globalThis).gc);
  for (let warm = 0; warm < WARM_CALLS; warm += 1) call();
  assertScene(scene, bench.playout);
  let least = Infinity;
  // The engine also allocates, for example when it recompiles code that is used differently; that happens in some rounds.
  // Allocations of process() happen in all.
  for (let round = 0; round < ROUNDS; round += 1) {
    leaked.length = 0;
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let calls = 0; calls < ROUND_CALLS; calls += 1) call();
    // No collection in between: garbage counts as much as live objects.
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / ROUND_CALLS);
  }
  return least;
}

if (process.argv[2] === 'measure') {
  console.log(await bytesPerCall(String(process.argv[3]), process.argv[4] === 'leak'));
} else {
  /** @param {number} interruptBudget @param {...string} scene @returns {number} */
  const measured = (interruptBudget, ...scene) => {
    // The young generation can hold all of it, so that no collection hides anything. With a separate thread, the compiler would
    // come late on a busy machine; if it then compiles a running function half-way, the result boxes numbers.
    const flags = ['--expose-gc', '--single-threaded', '--max-semi-space-size=64', '--min-semi-space-size=64', `--interrupt-budget=${interruptBudget}`];
    const run = spawnSync(process.execPath, [...flags, fileURLToPath(import.meta.url), 'measure', ...scene], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return Number(run.stdout);
  };
  for (const scene of Object.keys(SCENES)) {
    test(`process() makes nothing: ${scene}`, () => {
      // The engine decides in every process which functions to merge; allocations of process() happen in all processes.
      let bytes = Infinity;
      for (const budget of INTERRUPT_BUDGETS) if (bytes >= BYTES_PER_CALL_MAX) bytes = Math.min(bytes, measured(budget, scene));
      assert.ok(bytes < BYTES_PER_CALL_MAX, `${bytes} bytes a call`);
    });
  }
  test('one array a call would be seen', () => {
    for (const budget of INTERRUPT_BUDGETS) assert.ok(measured(budget, 'playing as sent', 'leak') > 2 * BYTES_PER_CALL_MAX);
  });
}
