/**
 * The playout with a simulated network: service, wire, receiver, ring, and the shipped worklet's process().
 * The tests check the sound that a listener would hear.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chain } from './sim/chain.js';
import { SEED, randomFrom } from './sim/random.js';
import { addressed, audio, frameOfTurn, gap, note, smooth, turning, TURN_FRAMES } from './sim/records.js';
import { newProcessor, registeredName, setCurrentFrame } from './sim/worklet.js';

const MS = 44.1;
const BLOCKS = [64, 128, 256, 512];
/** Length of the fade-in; after it the sound is exact. */
const FADED_IN = 441 + 1;

/** Time after which the page has removed the extra delay of the start. */
const SETTLED_MS = 28_000;

/** @param {number} fromMs @param {number} lengthMs @returns {(sentMs: number) => number} a network that stalls once, then delivers everything */
const stall = (fromMs, lengthMs) => (sentMs) => 0.5 + (sentMs >= fromMs && sentMs < fromMs + lengthMs ? fromMs + lengthMs - sentMs : 0);

/** The smooth signal's own largest step. A crossfade of two unrelated sounds adds the slope of its gains. */
const STEP_OWN = 0.0231;
const STEP_MAX = 1.6 * STEP_OWN;

/** The longest crossfade, and the block in which it begins. */
const CROSSFADE_MS = 10 + (512 * 1000) / 44_100;

/** @param {Chain} chain @returns {number} the first frame of the output that is not silent */
const beganAt = (chain) => chain.left.findIndex((sample) => sample !== 0);

/** @param {Chain} chain @returns {object} the costs that a clean network may not cause */
const costs = ({ playout }) => ({
  late: playout.late_count, trims: playout.trims, inserts: playout.inserts, jumps: playout.jumps, concealed: playout.concealed_ms,
});
const NOTHING = { late: 0, trims: 0, inserts: 0, jumps: 0, concealed: 0 };

/**
 * @param {Chain} chain with an addressed signal
 * @param {number} from
 * @param {number} to frames of the output, all of which must be consecutive
 */
function assertExact(chain, from, to) {
  let expected = chain.addressAt(from);
  assert.ok(expected >= 0, `frame ${from} is not exact`);
  for (let frame = from; frame < to; frame += 1, expected = (expected + 1) % 2 ** 30) {
    if (chain.addressAt(frame) !== expected) assert.fail(`frame ${frame} is ${chain.addressAt(frame)}, not ${expected}`);
  }
}

/**
 * Checks a turning signal: sound at full level in the middle of a block must be at the place of the stamp, except in crossfades.
 * So nothing is ever older than the reader.
 *
 * @param {Chain} chain @param {string} where
 */
function assertNeverOldMemory(chain, where) {
  const { blockFrames, streamRateHz, contextRateHz, firstFrame } = chain.plan;
  let seen = 0;
  /** Time for which the place has been wrong: during a crossfade, two places sound at once. */
  let offMs = 0;
  for (let block = 0; block < chain.blocks; block += 1) {
    const middle = (block + 0.5) * blockFrames;
    const frame = frameOfTurn(/** @type {number} */ (chain.left[middle]), /** @type {number} */ (chain.right[middle]));
    const stamp = /** @type {number} */ (chain.stamps[block]) + (0.5 * blockFrames * streamRateHz) / contextRateHz;
    if (Number.isNaN(frame) || Number.isNaN(stamp)) continue;
    seen += 1;
    const off = (((frame - firstFrame - stamp) % TURN_FRAMES) + 1.5 * TURN_FRAMES) % TURN_FRAMES - TURN_FRAMES / 2;
    offMs = Math.abs(off) < (3 * streamRateHz) / 1000 ? 0 : offMs + (blockFrames * 1000) / contextRateHz;
    assert.ok(offMs < CROSSFADE_MS, `${where}: at ${chain.blockMs[block]} ms sounds what is ${(off * 1000) / streamRateHz} ms off`);
  }
  assert.ok(seen > chain.blocks / 20, `${where}: ${seen} of ${chain.blocks} blocks sounded`);
}

test('the worklet registers under the name the page asks for', () => {
  assert.equal(registeredName, 'synthwire-playout');
});

for (const blockFrames of BLOCKS) {
  test(`one clock, a clean network: bit-exact from the end of the fade-in on, but while the slack of the start is given back, blocks of ${blockFrames}`, () => {
    const chain = new Chain({ seconds: 34, blockFrames, burstFrames: 512, firstFrame: 2 ** 31 - 200_000 }).run();
    const began = beganAt(chain);
    assert.ok(began > 0 && began < 250 * MS, `sound began ${began / MS} ms after the first callback`);
    assertExact(chain, began + FADED_IN, 6000 * MS);
    assertExact(chain, SETTLED_MS * MS, chain.frames);
    assert.deepEqual(costs(chain), NOTHING);
    const block = chain.blocks - 10;
    const stamped = /** @type {number} */ (chain.stamps[block]) + chain.plan.firstFrame;
    assert.equal(stamped % 2 ** 30, chain.addressAt(block * blockFrames), 'the stamp says what is played');
  });
}

test('sound begins with a fade of 10 ms', () => {
  const chain = new Chain({ seconds: 1, sampleAt: () => [16_384, -16_384] }).run();
  const began = beganAt(chain);
  const full = chain.left.findIndex((sample) => sample > 0.4999);
  assert.ok(full - began > 8.5 * MS && full - began <= 10 * MS, `${(full - began) / MS} ms`);
  assert.ok(chain.largestStep() < 0.003);
});

for (const lengthMs of [200, 1000, 5000]) {
  for (const blockFrames of [128, 512]) {
    test(`after a stall of ${lengthMs} ms the delay is what it was, blocks of ${blockFrames}`, () => {
      const plan = { seconds: 17 + SETTLED_MS / 1000, blockFrames, burstFrames: 512, delayMs: stall(SETTLED_MS, lengthMs) };
      const chain = new Chain(plan).run();
      const [before, after] = [chain.delayAt(SETTLED_MS - 100), chain.delayAt(SETTLED_MS + lengthMs + 100)];
      assert.ok(Math.abs(after - before) < 1.5, `${before} ms before, ${after} ms after`);
      assert.ok(Math.abs(chain.delayAt(SETTLED_MS + 16_000) - before) < 1);
      assert.equal(chain.playout.late_count, 1, 'one glitch is one glitch');
      assert.ok(Math.abs(chain.playout.concealed_ms - lengthMs) < 30, `${chain.playout.concealed_ms} ms were missing`);
      assertNeverOldMemory(new Chain({ ...plan, sampleAt: turning }).run(), `stall of ${lengthMs} ms`);
      assert.ok(new Chain({ ...plan, sampleAt: smooth }).run().largestStep() < STEP_MAX, 'no step');
    });
  }
}

test('stalls never add up: a lead that is fixed is held through a hundred of them, each counted', () => {
  const delayMs = (/** @type {number} */ sentMs) => 0.5 + Math.max(0, 150 - (sentMs % 2000));
  const chain = new Chain({ seconds: 205, mode: 'fixed', fixedMs: 20, delayMs }).run();
  assert.ok(Math.abs(chain.delayAt(201_500) - chain.delayAt(SETTLED_MS)) < 1, `${chain.delayAt(SETTLED_MS)}, then ${chain.delayAt(201_500)} ms`);
  assert.ok(chain.playout.late_count >= 100 && chain.playout.late_count <= 103, `${chain.playout.late_count} counted`);
});

test('stalls that come every two seconds are soon covered, and no more than that', () => {
  const delayMs = (/** @type {number} */ sentMs) => 0.5 + Math.max(0, 150 - (sentMs % 2000));
  const chain = new Chain({ seconds: 60, delayMs }).run();
  assert.ok(chain.playout.late_count <= 6, `${chain.playout.late_count} counted`);
  // A packet, a block, and some caution as long as little has been observed.
  assert.ok(chain.delayAt(58_000) < 150 + 35, `${chain.delayAt(58_000)} ms`);
});

test('a late packet is met at once by a larger target, which is forgotten again', () => {
  const chain = new Chain({ seconds: 900, delayMs: stall(10_000, 30) }).run();
  assert.equal(chain.playout.late_count, 1);
  assert.ok(chain.delayAt(10_500) > chain.delayAt(9000) + 5, 'more is kept in hand');
  assert.ok(chain.delayAt(899_000) < chain.delayAt(9000) + 3, `${chain.delayAt(9000)} ms at first, ${chain.delayAt(899_000)} ms at the end`);
});

test('a miss of a few ms in a sound that is easily guessed buys no delay', () => {
  const chain = new Chain({ seconds: 20, delayMs: stall(10_000, 3.3) }).run();
  assert.ok(chain.delayAt(19_000) < chain.delayAt(9500) + 1, `${chain.delayAt(9500)} ms, then ${chain.delayAt(19_000)} ms`);
});

test('a network that is slower from now on is followed, once', () => {
  const chain = new Chain({ seconds: 60, delayMs: (sentMs) => (sentMs > 8000 ? 40 : 0.5) }).run();
  assert.equal(chain.playout.late_count, 1);
  assert.ok(chain.delayAt(19_000) - chain.delayAt(7000) < 40 + 21, 'what it takes and some caution');
  const risen = chain.delayAt(59_000) - chain.delayAt(7000);
  assert.ok(risen > 36 && risen < 45, `${risen} ms more`);
  assert.ok(chain.playout.level_ms < 12, 'the network has become slower, the lead has not become longer');
});

test('a network that is faster again gives the delay back', () => {
  const chain = new Chain({ seconds: 90, delayMs: (sentMs) => (sentMs < 8000 ? 60.5 : 0.5) }).run();
  const given = chain.delayAt(7000) - chain.delayAt(89_000);
  assert.ok(Math.abs(given - 60) < 6, `${given} ms given back`);
  assert.deepEqual([chain.playout.late_count, chain.playout.trims], [0, 1]);
});

test('a backlog at the start is left out', () => {
  // Two seconds arrive at once, as from a service that had held them back.
  const chain = new Chain({ seconds: 6, delayMs: (sentMs) => Math.max(0.5, 2000 - sentMs) }).run();
  assert.ok(chain.delayAt(3000) < 15, `${chain.delayAt(3000)} ms`);
  assert.equal(chain.playout.late_count, 0);
});

for (const driftPpm of [-300, 300]) {
  for (const contextRateHz of [44_100, 48_000]) {
    test(`a clock ${driftPpm} ppm off costs no gap, no splice and no delay, at ${contextRateHz} Hz`, () => {
      const plan = { seconds: 90, driftPpm, contextRateHz, burstFrames: 256 };
      const chain = new Chain({ ...plan, sampleAt: turning }).run();
      assert.deepEqual(costs(chain), NOTHING);
      for (let atMs = 25_000; atMs < 89_000; atMs += 500) {
        assert.ok(Math.abs(chain.delayAt(atMs) - chain.delayAt(25_000)) < 1.5, `${chain.delayAt(atMs)} ms at ${atMs}`);
      }
      assert.ok(Math.abs(chain.delayAt(1000) - chain.delayAt(89_000)) < 3, 'and hardly more while the drift is learned');
      assert.ok(Math.abs(chain.playout.rate_ppm + driftPpm) < 10, `${chain.playout.rate_ppm} ppm`);
      assertNeverOldMemory(chain, `${driftPpm} ppm`);
      assert.ok(new Chain({ ...plan, sampleAt: smooth }).run().largestStep() < 1.02 * STEP_OWN, 'no step');
    });
  }
}

for (const contextRateHz of [48_000, 96_000]) {
  test(`a context of ${contextRateHz} Hz: no step, and the delay stays`, () => {
    const plan = { seconds: 60, contextRateHz, burstFrames: 512 };
    const chain = new Chain({ ...plan, sampleAt: turning }).run();
    assert.deepEqual(costs(chain), NOTHING);
    for (let atMs = SETTLED_MS; atMs < 59_000; atMs += 500) {
      assert.ok(Math.abs(chain.delayAt(atMs) - chain.delayAt(SETTLED_MS)) < 1, `${chain.delayAt(atMs)} ms at ${atMs}`);
    }
    assertNeverOldMemory(chain, `${contextRateHz} Hz`);
    assert.ok(new Chain({ ...plan, sampleAt: smooth }).run().largestStep() < 1.02 * STEP_OWN, 'no step');
  });
}

for (const streamRateHz of [48_000, 96_000]) {
  const STREAM_MS = streamRateHz / 1000;

  test(`a stream of ${streamRateHz} Hz in a context of its rate arrives to the bit, as near to live as any`, () => {
    const chain = new Chain({ seconds: 30, streamRateHz, contextRateHz: streamRateHz }).run();
    assert.deepEqual(costs(chain), NOTHING);
    const first = beganAt(chain);
    assert.ok(first > 0 && first < 1000 * STREAM_MS, `it begins at frame ${first}`);
    assertExact(chain, first + Math.ceil(11 * STREAM_MS), 6000 * STREAM_MS); // the fade-in takes 10 ms
    assertExact(chain, SETTLED_MS * STREAM_MS, chain.frames);
    assert.ok(chain.delayAt(SETTLED_MS) < 20, `${chain.delayAt(SETTLED_MS)} ms`);
  });

  for (const contextRateHz of [44_100, 48_000, 96_000].filter((rate) => rate !== streamRateHz)) {
    test(`a stream of ${streamRateHz} Hz in a context of ${contextRateHz} Hz: the pitch is right, no step, and the delay stays`, () => {
      const plan = { seconds: 40, streamRateHz, contextRateHz, burstFrames: 512 };
      const chain = new Chain({ ...plan, sampleAt: turning }).run();
      assert.deepEqual(costs(chain), NOTHING);
      for (let atMs = SETTLED_MS; atMs < 39_000; atMs += 500) {
        assert.ok(Math.abs(chain.delayAt(atMs) - chain.delayAt(SETTLED_MS)) < 1, `${chain.delayAt(atMs)} ms at ${atMs}`);
      }
      assertNeverOldMemory(chain, `${streamRateHz} in ${contextRateHz} Hz`);
      const heard = new Chain({ ...plan, seconds: 20, sampleAt: smooth }).run();
      // The signal's own step between two output frames, which are farther apart than the frames of a faster stream.
      const step = STEP_OWN * Math.max(1, streamRateHz / contextRateHz);
      assert.ok(heard.largestStep() < 1.02 * step, `${heard.largestStep()}`);
    });
  }
}

for (const { lengthMs, sleeps } of [{ lengthMs: 300, sleeps: 0 }, { lengthMs: 3000, sleeps: 1 }]) {
  test(`an audio thread that stood still for ${lengthMs} ms goes on live at once, and says so`, () => {
    const plan = { seconds: 20, asleep: (/** @type {number} */ nowMs) => nowMs > 8000 && nowMs < 8000 + lengthMs };
    const chain = new Chain({ ...plan, sampleAt: turning }).run();
    const before = chain.delayAt(7000);
    for (const atMs of [8050, 8100, 9000, 19_900 - lengthMs]) {
      const delay = chain.delayAt(atMs + lengthMs);
      assert.ok(Math.abs(delay - before) < 3, `${before} ms before, ${delay} ms at ${atMs}`);
    }
    const { jumps, sleeps: slept, late_count: late, concealed_ms: concealed, trimmed_ms: trimmed } = chain.playout;
    assert.deepEqual({ jumps, slept, late, concealed }, { jumps: 1, slept: sleeps, late: 0, concealed: 0 });
    assert.ok(Math.abs(trimmed - lengthMs) < 6, `${trimmed} ms dropped`);
    assertNeverOldMemory(chain, 'standstill');
    assert.ok(new Chain({ ...plan, sampleAt: smooth }).run().largestStep() < STEP_MAX, 'no step');
  });
}

test('blocks the context left out are counted while sound is playing', () => {
  const chain = new Chain({ seconds: 2 }).run();
  assert.equal(chain.playout.skips, 0);
  const processor = newProcessor(/** @type {SharedArrayBuffer} */ (chain.memory));
  const outputs = [[new Float32Array(128), new Float32Array(128)]];
  for (const frame of [0, 128, 512]) {
    setCurrentFrame(frame);
    processor.process([], outputs);
  }
  assert.equal(chain.playout.skips, 0, 'a skip while nothing sounds is no glitch');
  chain.skip(384);
  assert.equal(chain.playout.skips, 1);
});

test('a gap the service declares is silence of its length, at its place, and no fault of the network', () => {
  /** @type {(sentMs: number, seq: number, frameIndex: number) => Uint8Array[] | null} */
  const instead = (_sentMs, seq, frameIndex) => (seq === 1000
    ? [gap({ seq, frameIndex, frames: 64, cause: 1 }), audio({ seq: seq + 1, frameIndex: frameIndex + 64, frames: 64 })]
    : seq > 1000 ? [audio({ seq: seq + 1, frameIndex, frames: 128 })] : null);
  const chain = new Chain({ seconds: 8, instead }).run();
  assert.deepEqual([chain.glitches['capture_xrun'], chain.playout.late_count], [1, 0]);
  assert.ok(Math.abs(chain.delayAt(7000) - chain.delayAt(2000)) < 1e-6, 'the timeline is kept to the frame');
  const exact = chain.addressAt(7000 * MS);
  assert.equal(exact - chain.addressAt(2000 * MS), 5000 * MS, 'and so is the sound');
  const missing = chain.playout.concealed_ms * MS;
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
});

test('a record that others have overtaken is put in its place where there is time for it, and is lost where there is not', () => {
  /** @param {number} fixedMs @param {number} behind records @returns {Chain} every hundredth record arrives this many records later */
  const listen = (fixedMs, behind) => new Chain({
    seconds: 8,
    mode: 'fixed',
    fixedMs,
    instead: (_sentMs, seq, frameIndex) => {
      if (seq % 100 === 0) return [];
      const own = audio({ seq, frameIndex, frames: 128 });
      const late = audio({ seq: seq - behind, frameIndex: frameIndex - 128 * behind, frames: 128 });
      return seq > 100 && seq % 100 === behind ? [own, late] : [own];
    },
  }).run();
  const inTime = listen(40, 2);
  assert.deepEqual([inTime.glitches['unexplained_loss'], inTime.playout.concealed_ms], [0, 0]);
  assert.ok(inTime.receiver.reordered > 20, `${inTime.receiver.reordered} put in order`);
  const began = inTime.left.findIndex((sample) => sample !== 0);
  assertExact(inTime, began + FADED_IN, 6000 * MS);
  const tooLate = listen(15, 6);
  const lost = tooLate.glitches['unexplained_loss'] ?? 0;
  assert.ok(lost > 20 && Math.abs(tooLate.playout.concealed_ms - (lost * 128) / MS) < 12, `${lost} lost, ${tooLate.playout.concealed_ms} ms concealed`);
  assert.equal(tooLate.playout.late_count, 0, 'counted once');
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
      // The first record after the return shows how long the instrument was away, and begins a new timeline.
      if (sentMs - 128 / MS < 5000 + away) {
        return [gap({ seq: 1723, frameIndex: frameIndex - 100, frames: 100, cause: 3, flags: 1 }), audio({ ...back, seq: 1724 })];
      }
      return [audio({ ...back, seq: 1724 + Math.round((sentMs - 5000 - away) / (128 / MS)) })];
    },
  }).run();
  const chain = listen(turning);
  assert.equal(chain.glitches['device_gone'], 1);
  assert.equal(chain.playout.late_count, 0);
  assert.ok(Math.abs(chain.delayAt(11_000) - chain.delayAt(4000)) < 3);
  assertNeverOldMemory(chain, 'restart');
  assert.ok(listen(smooth).largestStep() < STEP_MAX, 'no step');
});

test('while no sound is expected, silence is no fault, and sound begins when it comes', () => {
  // The instrument is missing for three seconds. The service announces it beforehand, and sends nothing.
  const chain = new Chain({
    seconds: 8,
    everyCallback: ({ ring }, nowMs) => (nowMs < 3000 ? ring.expectSilence() : ring.expectSound()),
    instead: (sentMs, seq, frameIndex) => (sentMs < 3000 ? [] : [audio({ seq, frameIndex, frames: 128 })]),
  }).run();
  const began = beganAt(chain);
  assert.ok(began > 3000 * MS && began < 3300 * MS, `sound began after ${began / MS} ms`);
  assert.deepEqual(costs(chain), NOTHING);
  assertExact(chain, began + FADED_IN, chain.frames);
});

test('an instrument that falls silent for a while is no fault of the network', () => {
  const isAway = (/** @type {number} */ ms) => ms >= 3000 && ms < 5000;
  const chain = new Chain({
    seconds: 8,
    everyCallback: ({ ring }, nowMs) => (isAway(nowMs) ? ring.expectSilence() : ring.expectSound()),
    delayMs: stall(3000, 2000),
  }).run();
  assert.equal(chain.playout.late_count, 0);
  assert.ok(Math.abs(chain.delayAt(7500) - chain.delayAt(2000)) < 3, `${chain.delayAt(2000)}, then ${chain.delayAt(7500)} ms`);
});

test('any network: no step, no old memory, and the delay stays bounded', () => {
  for (let round = 0; round < 12; round += 1) {
    const random = randomFrom(SEED + round);
    /** @template T @param {T[]} choices @returns {T} */
    const oneOf = (choices) => /** @type {T} */ (choices[Math.floor(random() * choices.length)]);
    const blockFrames = oneOf(BLOCKS);
    const contextRateHz = oneOf([44_100, 48_000, 96_000]);
    const jitterMs = oneOf([0.2, 2, 10, 30]);
    const stallEveryMs = oneOf([700, 3000, 1e9]);
    const stallMs = oneOf([20, 200, 900]);
    const where = `seed ${SEED}, round ${round}: blocks ${blockFrames} at ${contextRateHz}, jitter ${jitterMs}, stall ${stallMs} every ${stallEveryMs}`;
    const plan = {
      seconds: 20,
      blockFrames,
      contextRateHz,
      burstFrames: blockFrames * oneOf([1, 2, 4]),
      chunkFrames: oneOf([64, 128, 384, 1024]),
      driftPpm: oneOf([-300, 0, 300]),
      firstFrame: oneOf([0, 2 ** 31 - 400_000, 2 ** 32 - 400_000, 2 ** 40]),
    };
    // The same random network twice: the first run checks for steps in the sound, the second reads its frames.
    const network = () => {
      const chance = randomFrom(SEED + round + 1000);
      return (/** @type {number} */ sentMs) => {
        const intoStall = sentMs % stallEveryMs;
        return 1 + jitterMs * chance() ** 3 + (sentMs > 2000 && intoStall < stallMs ? stallMs - intoStall : 0);
      };
    };
    const chain = new Chain({ ...plan, delayMs: network(), sampleAt: turning }).run();
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
