/**
 * The playout under a simulated network: service, wire, receiver, ring and the shipped worklet's process().
 * What is asserted is what a listener would hear.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chain } from './sim/chain.js';
import { SEED, randomFrom } from './sim/random.js';
import { addressed, audio, gap, note, smooth } from './sim/records.js';
import { newProcessor, registeredName, setCurrentFrame } from './sim/worklet.js';

const MS = 44.1;
const BLOCKS = [64, 128, 256, 512];

/** @param {number} fromMs @param {number} lengthMs @returns {(sentMs: number) => number} a network that stands still once, then delivers all of it */
const stall = (fromMs, lengthMs) => (sentMs) => 0.5 + (sentMs >= fromMs && sentMs < fromMs + lengthMs ? fromMs + lengthMs - sentMs : 0);

/** The smooth signal's own largest step, twice where a tail and a fade-in overlap, and the fades' own slope. */
const STEP_MAX = 2 * 0.0231 + 0.004;

/**
 * Every exact frame must be newer than all before it, but for an insertion's few milliseconds; no frame may be older
 * than sound in hand can be.
 *
 * @param {Chain} chain @param {string} where
 */
function assertNeverOldMemory(chain, where) {
  const { firstFrame, blockFrames } = chain.plan;
  let newest = -Infinity;
  let run = 0;
  let before = -2;
  for (let frame = 0; frame < chain.frames; frame += 1) {
    const address = chain.addressAt(frame);
    // A faded sample may look like an exact one by chance; eight in a row do not.
    run = address === before + 1 ? run + 1 : 0;
    before = address;
    if (run < 8) continue;
    const index = (address - (firstFrame % 2 ** 30) + 2 ** 30) % 2 ** 30;
    const playedMs = /** @type {number} */ (chain.blockMs[Math.floor(frame / blockFrames)]);
    assert.ok(index > newest - 150 * MS, `${where}: frame ${index} after ${newest} at ${playedMs} ms`);
    assert.ok(index / MS > playedMs - 1300, `${where}: frame ${index} is old at ${playedMs} ms`);
    newest = Math.max(newest, index);
  }
}

test('the worklet registers under the name the page asks for', () => {
  assert.equal(registeredName, 'synthwire-playout');
});

for (const blockFrames of BLOCKS) {
  test(`a clean network is bit-exact from the first faded-in frame on, blocks of ${blockFrames}`, () => {
    const chain = new Chain({ seconds: 20, blockFrames, burstFrames: Math.max(512, blockFrames), firstFrame: 2 ** 31 - 200_000 }).run();
    const began = chain.left.findIndex((sample) => sample !== 0);
    assert.ok(began > 0 && began < 250 * MS, `sound began ${began / MS} ms after the first callback`);
    let expected = chain.addressAt(began + 500);
    for (let frame = began + 500; frame < chain.frames; frame += 1, expected = (expected + 1) % 2 ** 30) {
      if (chain.addressAt(frame) !== expected) assert.fail(`frame ${frame} is ${chain.addressAt(frame)}, not ${expected}`);
    }
    const { late_count: late, trims, inserts, jumps, missing_ms: missing } = chain.playout;
    assert.deepEqual({ late, trims, inserts, jumps, missing }, { late: 0, trims: 0, inserts: 0, jumps: 0, missing: 0 });
  });
}

test('sound begins with a fade of 10 ms', () => {
  const chain = new Chain({ seconds: 1, sampleAt: () => [16_384, -16_384] }).run();
  const began = chain.left.findIndex((sample) => sample !== 0);
  const full = chain.left.findIndex((sample) => sample === 0.5);
  assert.ok(Math.abs((full - began) / MS - 10) < 0.1, `${(full - began) / MS} ms`);
  assert.ok(chain.largestStep() < 0.003);
});

for (const lengthMs of [200, 1000, 5000]) {
  for (const blockFrames of [128, 512]) {
    test(`after a stall of ${lengthMs} ms the delay is what it was, blocks of ${blockFrames}`, () => {
      const plan = { seconds: 25, blockFrames, burstFrames: 512, delayMs: stall(8000, lengthMs) };
      const chain = new Chain(plan).run();
      const [before, after] = [chain.delayAt(7000), chain.delayAt(8000 + lengthMs + 100)];
      assert.ok(Math.abs(after - before) < 3, `${before} ms before, ${after} ms after`);
      assert.ok(Math.abs(chain.delayAt(24_000) - before) < 3);
      assert.equal(chain.playout.late_count, 1, 'one glitch is one glitch');
      assert.ok(Math.abs(chain.playout.missing_ms - lengthMs) < 30, `${chain.playout.missing_ms} ms were missing`);
      assertNeverOldMemory(chain, `stall of ${lengthMs} ms`);
      assert.ok(new Chain({ ...plan, sampleAt: smooth }).run().largestStep() < STEP_MAX, 'no step');
    });
  }
}

test('stalls never add up: a hundred of them leave the delay where it was', () => {
  const chain = new Chain({ seconds: 205, delayMs: (sentMs) => 0.5 + Math.max(0, 150 - (sentMs % 2000)) }).run();
  assert.ok(Math.abs(chain.delayAt(201_500) - chain.delayAt(1800)) < 3);
  assert.ok(chain.playout.late_count >= 100 && chain.playout.late_count <= 103, `${chain.playout.late_count} counted`);
});

test('a late packet is met at once by a larger target, which is forgotten again', () => {
  const chain = new Chain({ seconds: 60, delayMs: stall(10_000, 30) }).run();
  assert.equal(chain.playout.late_count, 1);
  assert.ok(chain.delayAt(10_500) > chain.delayAt(9000) + 10, 'more is kept in hand');
  assert.ok(chain.delayAt(59_000) < chain.delayAt(9000) + 4.1, `${chain.delayAt(59_000)} ms at the end`);
});

test('a dip that leaves hardly anything widens before the sound breaks', () => {
  // Packets of 0.7 ms, so that nearly all of the 4 ms in hand can be used up.
  const chain = new Chain({ seconds: 20, chunkFrames: 32, delayMs: stall(8000, 4.2) }).run();
  assert.equal(chain.playout.late_count, 0);
  assert.equal(chain.playout.inserts, 1);
  assert.ok(chain.delayAt(9000) > chain.delayAt(7000) + 1);
});

test('a network that is slower from now on is followed, once', () => {
  const chain = new Chain({ seconds: 20, delayMs: (sentMs) => (sentMs > 8000 ? 40 : 0.5) }).run();
  assert.equal(chain.playout.late_count, 1);
  const risen = chain.delayAt(19_000) - chain.delayAt(7000);
  assert.ok(risen > 38 && risen < 65, `${risen} ms more`);
});

test('a network that is faster again gives the delay back', () => {
  const chain = new Chain({ seconds: 90, delayMs: (sentMs) => (sentMs < 8000 ? 60.5 : 0.5) }).run();
  const given = chain.delayAt(7000) - chain.delayAt(89_000);
  assert.ok(Math.abs(given - 60) < 6, `${given} ms given back`);
  assert.equal(chain.playout.late_count, 0);
});

test('a backlog at the start is left out', () => {
  // Two seconds in one heap, as from a service that had kept them.
  const chain = new Chain({ seconds: 6, delayMs: (sentMs) => Math.max(0.5, 2000 - sentMs) }).run();
  assert.ok(chain.delayAt(3000) < 15, `${chain.delayAt(3000)} ms`);
  assert.equal(chain.playout.late_count, 0);
});

for (const driftPpm of [-300, 300]) {
  test(`a clock ${driftPpm} ppm off costs splices, never a gap, and no delay`, () => {
    const plan = { seconds: 90, driftPpm, burstFrames: 256 };
    const chain = new Chain(plan).run();
    const { late_count: late, trims, inserts } = chain.playout;
    assert.equal(late, 0);
    assert.ok(trims + inserts >= 3 && trims + inserts <= 14, `${trims} trims, ${inserts} insertions`);
    for (let atMs = 2000; atMs < 89_000; atMs += 1000) {
      assert.ok(Math.abs(chain.delayAt(atMs) - chain.delayAt(2000)) < 7, `${chain.delayAt(atMs)} ms at ${atMs}`);
    }
    assertNeverOldMemory(chain, `${driftPpm} ppm`);
    assert.ok(new Chain({ ...plan, sampleAt: smooth }).run().largestStep() < STEP_MAX, 'no step');
  });
}

test('an audio thread that stood still for three seconds goes on live, and says so', () => {
  const plan = { seconds: 20, asleep: (/** @type {number} */ nowMs) => nowMs > 8000 && nowMs < 11_000 };
  const chain = new Chain(plan).run();
  assert.ok(Math.abs(chain.delayAt(11_100) - chain.delayAt(7000)) < 5);
  assert.equal(chain.playout.sleeps, 1);
  assert.equal(chain.playout.late_count, 0);
  assertNeverOldMemory(chain, 'sleep');
  assert.ok(new Chain({ ...plan, sampleAt: smooth }).run().largestStep() < STEP_MAX, 'no step');
});

test('a backlog of 300 ms is jumped at once by a crossfade', () => {
  const plan = { seconds: 15, asleep: (/** @type {number} */ nowMs) => nowMs > 8000 && nowMs < 8300 };
  const chain = new Chain(plan).run();
  assert.deepEqual([chain.playout.jumps, chain.playout.sleeps], [1, 0]);
  assert.ok(Math.abs(chain.delayAt(8350) - chain.delayAt(7000)) < 5);
  assert.ok(new Chain({ ...plan, sampleAt: smooth }).run().largestStep() < STEP_MAX, 'no step');
});

test('blocks the context left out are counted', () => {
  const chain = new Chain({ seconds: 2 }).run();
  assert.equal(chain.playout.skips, 0);
  const processor = newProcessor(/** @type {SharedArrayBuffer} */ (chain.memory));
  const outputs = [[new Float32Array(128), new Float32Array(128)]];
  for (const frame of [0, 128, 512]) {
    setCurrentFrame(frame);
    processor.process([], outputs);
  }
  assert.equal(chain.playout.skips, 0, 'a skip while nothing sounds is no glitch');
});

test('a gap the service declares is silence of its length, at its place, and no fault of the network', () => {
  /** @type {(sentMs: number, seq: number, frameIndex: number) => Uint8Array[] | null} */
  const instead = (_sentMs, seq, frameIndex) => (seq === 1000
    ? [gap({ seq, frameIndex, frames: 64, cause: 1 }), audio({ seq: seq + 1, frameIndex: frameIndex + 64, frames: 64 })]
    : seq > 1000 ? [audio({ seq: seq + 1, frameIndex, frames: 128 })] : null);
  const chain = new Chain({ seconds: 8, instead }).run();
  assert.deepEqual([chain.glitches['capture_xrun'], chain.playout.late_count], [1, 0]);
  assert.ok(Math.abs(chain.delayAt(7000) - chain.delayAt(2000)) < 1e-6, 'the timeline is kept to the frame');
  const missing = chain.playout.missing_ms * MS;
  assert.ok(Math.abs(missing - 64) < 1, `${missing} frames missing`);
  assert.equal(chain.glitches['unexplained_loss'], 0);
});

test('a loss in the listener\'s queue is one glitch, and the service\'s word for it is believed', () => {
  /** @type {(sentMs: number, seq: number, frameIndex: number) => Uint8Array[] | null} */
  const instead = (_sentMs, seq, frameIndex) => {
    if (seq >= 1000 && seq < 1100) return [];
    return seq === 1100 ? [note({ lostPackets: 100, lostFrames: 12_800 }), audio({ seq, frameIndex, frames: 128 })] : null;
  };
  const chain = new Chain({ seconds: 8, instead }).run();
  assert.equal(chain.glitches['queue_drop'], 1);
  assert.equal(chain.playout.late_count, 0);
  assert.ok(Math.abs(chain.delayAt(7000) - chain.delayAt(2000)) < 3);
  assertNeverOldMemory(chain, 'queue drop');
});

test('a restart fades out, fills again and fades in; the instrument gone and back is no fault of the network', () => {
  const away = 4000;
  /** @param {(frame: number) => [number, number]} sampleAt @returns {Chain} */
  const listen = (sampleAt) => new Chain({
    seconds: 12,
    sampleAt,
    instead: (sentMs, seq, frameIndex) => {
      if (sentMs >= 5000 && sentMs < 5000 + away) return [];
      if (sentMs < 5000) return null;
      const packets = Math.floor((away * MS) / 128) + 1;
      const back = { seq: seq - packets, frameIndex, frames: 128, sampleAt };
      // The first one back says how long the instrument was away, and begins a timeline.
      if (sentMs - 128 / MS < 5000 + away) {
        return [gap({ seq: 1723, frameIndex: frameIndex - 100, frames: 100, cause: 3, flags: 1 }), audio({ ...back, seq: 1724 })];
      }
      return [audio({ ...back, seq: 1724 + Math.round((sentMs - 5000 - away) / (128 / MS)) })];
    },
  }).run();
  const chain = listen(addressed);
  assert.equal(chain.glitches['device_gone'], 1);
  assert.equal(chain.playout.late_count, 0);
  assert.ok(Math.abs(chain.delayAt(11_000) - chain.delayAt(4000)) < 3);
  assertNeverOldMemory(chain, 'restart');
  assert.ok(listen(smooth).largestStep() < STEP_MAX, 'no step');
});

test('any network: no step, no old memory, and the delay stays bounded', () => {
  for (let round = 0; round < 12; round += 1) {
    const random = randomFrom(SEED + round);
    /** @template T @param {T[]} choices @returns {T} */
    const oneOf = (choices) => /** @type {T} */ (choices[Math.floor(random() * choices.length)]);
    const blockFrames = oneOf(BLOCKS);
    const jitterMs = oneOf([0.2, 2, 10, 30]);
    const stallEveryMs = oneOf([700, 3000, 1e9]);
    const stallMs = oneOf([20, 200, 900]);
    const where = `seed ${SEED}, round ${round}: blocks ${blockFrames}, jitter ${jitterMs}, stall ${stallMs} every ${stallEveryMs}`;
    const plan = {
      seconds: 20,
      blockFrames,
      burstFrames: blockFrames * oneOf([1, 2, 4]),
      chunkFrames: oneOf([64, 128, 384, 1024]),
      driftPpm: oneOf([-300, 0, 300]),
      firstFrame: oneOf([0, 2 ** 31 - 400_000, 2 ** 32 - 400_000, 2 ** 40]),
    };
    // The same chance twice: once to be heard for steps, once to be read for addresses.
    const network = () => {
      const chance = randomFrom(SEED + round + 1000);
      return (/** @type {number} */ sentMs) => {
        const intoStall = sentMs % stallEveryMs;
        return 1 + jitterMs * chance() ** 3 + (sentMs > 2000 && intoStall < stallMs ? stallMs - intoStall : 0);
      };
    };
    const chain = new Chain({ ...plan, delayMs: network() }).run();
    assertNeverOldMemory(chain, where);
    const bound = 1 + jitterMs + (1000 * (plan.chunkFrames + plan.burstFrames)) / 44_100 + 120 + 160;
    for (let atMs = 1500; atMs < 19_000; atMs += 500) {
      const delay = chain.delayAt(atMs);
      assert.ok(!(delay > bound + stallMs), `${where}: ${delay} ms behind at ${atMs}`);
    }
    const step = new Chain({ ...plan, delayMs: network(), sampleAt: smooth }).run().largestStep();
    assert.ok(step < STEP_MAX, `${where}: a step of ${step}`);
  }
});
