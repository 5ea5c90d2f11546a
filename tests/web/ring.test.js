/** The ring: a reader gets the frames that were written at that position, or none. */

import { CAPACITY_FRAMES, MARGIN_FRAMES } from '../../web/core/playout/constants.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { PLAYOUT, WORD } from '../../web/core/playout/controls.js';
import { Gauges } from '../../web/core/playout/gauges.js';
import { LineReader } from '../../web/core/playout/line_reader.js';
import { controlWords, GAP_FRAMES_MAX, RING_BYTES, RingReader, RingWriter } from '../../web/core/playout/ring.js';
import { SEED, randomFrom } from './sim/random.js';
import { addressed, addressOf } from './sim/records.js';

/** @param {number} position @param {number} frames @returns {Float32Array} frames that encode their position */
function framesFrom(position, frames) {
  const samples = new Float32Array(frames * 2);
  for (let frame = 0; frame < frames; frame += 1) {
    const [left, right] = addressed((position + frame) >>> 0);
    samples[2 * frame] = left / 32_768;
    samples[2 * frame + 1] = right / 32_768;
  }
  return samples;
}

/** @param {RingReader} reader @param {number} position @returns {number} */
function readAt(reader, position) {
  const left = new Float32Array(1);
  const right = new Float32Array(1);
  reader.read(position, left, right, 0, 1);
  return addressOf(/** @type {number} */ (left[0]), /** @type {number} */ (right[0]));
}

/** @param {number} position */
const wanted = (position) => (position >>> 0) % 2 ** 30;

for (const kind of ['SharedArrayBuffer', 'ArrayBuffer']) {
  test(`random writing and reading over a ${kind} never disagree, across the wrap of positions`, () => {
    const random = randomFrom(SEED);
    const memory = kind === 'ArrayBuffer' ? new ArrayBuffer(RING_BYTES) : new SharedArrayBuffer(RING_BYTES);
    const writer = new RingWriter(memory);
    const reader = new RingReader(memory);
    // At 2^31 a signed position becomes negative, and at 2^32 an unsigned one wraps: the test crosses both.
    for (const start of [2 ** 31 - 300_000, 2 ** 32 - 300_000]) {
      let write = start;
      let read = start | 0;
      writer.restart(start | 0);
      while (write < start + 600_000) {
        if (random() < 0.5) {
          const frames = 1 + Math.floor(random() * 2048);
          writer.audio(write | 0, framesFrom(write, frames), frames);
          write += frames;
        }
        reader.look();
        if (reader.lapped(read)) read = (reader.write - 1000) | 0;
        const frames = Math.min(reader.level(read), Math.floor(random() * 3000));
        const at = Math.floor(random() * 100);
        const left = new Float32Array(at + frames + 1);
        const right = new Float32Array(at + frames + 1);
        reader.read(read, left, right, at, frames);
        assert.ok(left[at + frames] === 0 && (at === 0 || left[at - 1] === 0), 'nothing is written around it');
        for (let frame = 0; frame < frames; frame += 97) {
          const position = (read + frame) | 0;
          assert.equal(addressOf(/** @type {number} */ (left[at + frame]), /** @type {number} */ (right[at + frame])), wanted(position), `seed ${SEED}`);
          assert.equal(readAt(reader, position), wanted(position));
        }
        read = (read + frames) | 0;
      }
      assert.equal(reader.write, write | 0);
    }
  });
}

test('a new timeline leaves the frames of the old one alone while they may be under the reader', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  writer.restart(1000);
  writer.audio(1000, framesFrom(1000, 2048), 2048);
  reader.look();
  writer.restart(5_000_000);
  for (let position = 5_000_000; position < 5_040_000; position += 2000) writer.audio(position, framesFrom(position, 2000), 2000);
  for (let position = 1000; position < 3048; position += 1) assert.equal(readAt(reader, position), position, 'not looked again: still the old one');
  reader.look();
  assert.equal(reader.epochStart, 5_000_000);
  assert.equal(readAt(reader, 5_000_000), 5_000_000);
});

test('a gap is marked, and its slots hold silence, not what was there a ring ago', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const start = 2 ** 31 - 70_000; // the gap crosses the sign change of positions and the end of the ring
  writer.restart(start);
  let write = start;
  for (; write < start + CAPACITY_FRAMES; write += 2048) writer.audio(write | 0, framesFrom(write, 2048), 2048);
  writer.gap(write | 0, 10_000, 3);
  writer.audio((write + 10_000) | 0, framesFrom(write + 10_000, 100), 100);
  reader.look();
  reader.seekGap((write - 50) | 0);
  assert.ok(reader.hasGap && !reader.inGap((write - 1) | 0) && reader.inGap(write | 0) && reader.inGap((write + 9999) | 0));
  assert.ok(!reader.inGap((write + 10_000) | 0));
  assert.equal(reader.gapCause, 3);
  for (let frame = 0; frame < 10_000; frame += 1) assert.equal(readAt(reader, (write + frame) | 0), 0);
  assert.equal(readAt(reader, (write + 10_050) | 0), wanted(write + 10_050));
  reader.seekGap((write + 10_000) | 0);
  assert.equal(reader.hasGap, false, 'a mark that lies behind is passed');
});

test('marks of an old timeline do not speak of the new one, and more marks than are kept do no harm', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  writer.restart(0);
  writer.gap(0, 500, 1);
  writer.restart(0);
  writer.audio(0, framesFrom(0, 1000), 1000);
  reader.look();
  reader.seekGap(0);
  assert.equal(reader.hasGap, false);
  for (let position = 1000; position < 1000 + 40 * 20; position += 20) {
    writer.gap(position, 10, 1);
    writer.audio(position + 10, framesFrom(position + 10, 10), 10);
  }
  reader.look();
  reader.seekGap(1000);
  assert.ok(reader.hasGap);
  assert.equal((reader.gapStart - 1000) % 20, 0);
});

test('a gap is filled from either end, and what is left of it stays a gap', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const start = 2 ** 31 - 15; // positions become negative within the gap
  writer.restart(start);
  writer.gap(start, 30, 259);
  writer.audio((start + 30) | 0, framesFrom(start + 30, 10), 10);
  /** @param {number} from @param {number} frames */
  const fill = (from, frames) => writer.fill((start + from) | 0, framesFrom(start + from, frames), frames);
  assert.deepEqual([fill(10, 10), fill(25, 10), fill(40, 10)], [false, false, false], 'in its midst, over its end, beside it');
  assert.deepEqual([fill(0, 10), fill(20, 10)], [true, true]);
  reader.look();
  reader.seekGap(start);
  assert.deepEqual([reader.gapStart, reader.gapEnd], [(start + 10) | 0, (start + 20) | 0]);
  assert.deepEqual([0, 9, 15, 20, 39].map((frame) => readAt(reader, (start + frame) | 0)), [0, 9, -15, 20, 39].map((frame) => (frame < 0 ? 0 : wanted(start + frame))));
  assert.equal(fill(10, 10), true);
  reader.seekGap(start);
  assert.ok(!reader.inGap((start + 10) | 0) && !reader.inGap((start + 19) | 0));
  assert.equal(fill(10, 10), false, 'twice');
});

test('a gap the reader is about to reach is not filled any more, nor one of another timeline', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const words = controlWords(memory);
  writer.restart(0);
  writer.audio(0, framesFrom(0, 1000), 1000);
  writer.gap(1000, 10, 259);
  Atomics.store(words, WORD.PLAYOUT_STATE, PLAYOUT.SOUNDING);
  Atomics.store(words, WORD.REACH_FRAMES, 320);
  Atomics.store(words, WORD.READ_POSITION, 750);
  assert.equal(writer.fill(1000, framesFrom(1000, 5), 5), false);
  Atomics.store(words, WORD.READ_POSITION, 650);
  assert.equal(writer.fill(1000, framesFrom(1000, 5), 5), true);
  writer.restart(0);
  assert.equal(writer.fill(1005, framesFrom(1005, 5), 5), false);
});

test('the live edge is told with its fraction, drift and steps', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const reader = new LineReader(controlWords(memory), 1);
  writer.restart(100);
  const epoch = controlWords(memory)[WORD.EPOCH] ?? 0;
  writer.line({ context_frame: 2 ** 33 + 1000, position: 2 ** 34 + 500.25, drift_ppm: 100, shift_frames: 0, bias_frames: 0 });
  reader.look(epoch);
  assert.ok(reader.isValid);
  reader.measure(1000 + 441_000, 500);
  assert.ok(Math.abs((reader.ahead[0] ?? 0) - (441_000 * 1.0001 + 0.25)) < 1e-3, `${reader.ahead[0]}`);
});

test('how much came in one piece is told: the most of this timeline', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  writer.restart(0);
  for (const [position, frames] of /** @type {[number, number][]} */ ([[0, 64], [64, 256], [320, 128]])) {
    writer.audio(position, framesFrom(position, frames), frames);
    reader.look();
  }
  assert.equal(reader.packetFrames, 256);
  writer.restart(0);
  writer.audio(0, framesFrom(0, 32), 32);
  reader.look();
  assert.equal(reader.packetFrames, 32);
});

test('a message of several records is one piece as long as the service says so', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  writer.restart(0);
  writer.audio(0, framesFrom(0, 128), 128);
  for (const [chunkFrames, pieceFrames] of [[512, 512], [1024, 1024], [64, 128]]) {
    writer.expectChunk(/** @type {number} */ (chunkFrames));
    reader.look();
    assert.equal(reader.packetFrames, pieceFrames);
  }
});

test('which block was rendered last is known once there was one', () => {
  const memory = new ArrayBuffer(RING_BYTES);
  const writer = new RingWriter(memory);
  assert.equal(writer.renderedFrame(), null);
  new Gauges(controlWords(memory)).stamp(0, 2 ** 32 - 128, 128, 320);
  assert.equal(writer.renderedFrame(), -128);
});

test('what does not continue the timeline is a fault of the caller', () => {
  const writer = new RingWriter(new ArrayBuffer(RING_BYTES));
  writer.restart(0);
  assert.throws(() => writer.audio(1, new Float32Array(2), 1), RangeError);
  assert.throws(() => writer.gap(1, 1, 1), RangeError);
  assert.throws(() => writer.gap(0, GAP_FRAMES_MAX + 1, 1), RangeError);
  assert.throws(() => new RingWriter(new ArrayBuffer(RING_BYTES - 1)), RangeError);
});

test('a writer on another thread is never caught with a frame that is not in its place', async () => {
  const memory = new SharedArrayBuffer(RING_BYTES);
  const reader = new RingReader(memory);
  const thread = new Worker(new URL('./sim/ring_thread.js', import.meta.url), { workerData: { memory } });
  const left = new Float32Array(128);
  const right = new Float32Array(128);
  let read = 0;
  let checked = 0;
  let laps = 0;
  // The reader spins, but yields to the event loop now and then, which the thread needs to start and end.
  for (let done = false; !done;) {
    await new Promise((resolve) => void setImmediate(resolve));
    for (let turn = 0; turn < 2000; turn += 1) {
      reader.look();
      done = reader.silenceExpected; // the writer's last action
      if (reader.lapped(read)) {
        laps += 1;
        read = (reader.write - MARGIN_FRAMES) | 0;
      }
      if (reader.epoch === 0 || reader.level(read) < 128) continue;
      reader.read(read, left, right, 0, 128);
      // The copy was made while the writer continued: only frames that the writer cannot have overwritten count.
      reader.look();
      if (reader.lapped(read)) continue;
      for (let frame = 0; frame < 128; frame += 1) {
        const address = addressOf(/** @type {number} */ (left[frame]), /** @type {number} */ (right[frame]));
        if (address !== wanted(read + frame)) assert.fail(`frame ${read + frame} is ${address}`);
      }
      checked += 128;
      read = (read + 128) | 0;
    }
  }
  await thread.terminate();
  assert.ok(checked >= MARGIN_FRAMES - 128, `${checked} frames checked, ${laps} laps`);
});
