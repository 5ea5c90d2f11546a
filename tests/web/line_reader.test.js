/** The line reader: how the audio thread sees the live edge, for the timeline that is playing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WORD } from '../../web/core/playout/controls.js';
import { LineReader } from '../../web/core/playout/line_reader.js';
import { controlWords, RING_BYTES, RingWriter } from '../../web/core/playout/ring.js';

/** A ring with a started timeline, and a reader of its line. @param {number} [nominal] */
function listener(nominal = 1) {
  const words = controlWords(new ArrayBuffer(RING_BYTES));
  const writer = new RingWriter(words.buffer);
  writer.restart(0);
  return { words, writer, reader: new LineReader(words, nominal), epoch: () => Atomics.load(words, WORD.EPOCH) };
}

/** @param {LineReader} reader @param {number} contextFrame @param {number} position @returns {number} frames */
function ahead(reader, contextFrame, position) {
  reader.measure(contextFrame, position);
  return /** @type {number} */ (reader.ahead[0]);
}

const LINE = { context_frame: 1000, position: 5000.5, drift_ppm: 0, shift_frames: 0, bias_frames: 0 };

test('before the first line nothing is valid', () => {
  const { reader, epoch } = listener();
  reader.look(epoch());
  assert.equal(reader.isValid, false);
});

test('the edge moves with the context, at the nominal ratio and with the drift', () => {
  for (const [nominal, driftPpm] of /** @type {[number, number][]} */ ([[1, 0], [1, 300], [44_100 / 48_000, -300]])) {
    const { reader, writer, epoch } = listener(nominal);
    writer.line({ ...LINE, drift_ppm: driftPpm });
    reader.look(epoch());
    const expected = 100.5 + 48_000 * nominal * (1 + driftPpm / 1e6);
    assert.ok(Math.abs(ahead(reader, 49_000, 4900) - expected) < 1e-4, `${ahead(reader, 49_000, 4900)}, not ${expected}`);
  }
});

test('with no drift and the nominal ratio whole frames stay whole, across the wraps of both counts', () => {
  const { reader, writer, epoch } = listener();
  writer.line({ ...LINE, context_frame: 2 ** 31 - 64, position: 2 ** 32 - 10.75 });
  reader.look(epoch());
  assert.equal(reader.drift, 0);
  assert.equal(ahead(reader, (2 ** 31 + 64) | 0, -11), 128.25);
  assert.equal(ahead(reader, (2 ** 31 + 64) | 0, 100), 128.25 - 111);
});

test('a line of another timeline says nothing of this one', () => {
  const { reader, writer, epoch } = listener();
  writer.line(LINE);
  reader.look(epoch());
  assert.equal(reader.isValid, true);
  writer.restart(90_000);
  reader.look(epoch());
  assert.equal(reader.isValid, false);
  writer.line({ ...LINE, position: 90_100 });
  reader.look(epoch());
  assert.equal(reader.isValid, true);
  assert.equal(ahead(reader, 1000, 90_000), 100);
});

test('a line that is just being written is left for the next time', () => {
  const { reader, words, writer, epoch } = listener();
  writer.line(LINE);
  reader.look(epoch());
  Atomics.add(words, WORD.LINE, 1);
  Atomics.store(words, WORD.LINE_POSITION, 77);
  reader.look(epoch());
  assert.ok(reader.isValid && ahead(reader, 1000, 5000) === 0.5);
  Atomics.add(words, WORD.LINE, 1);
  reader.look(epoch());
  assert.equal(ahead(reader, 1000, 77), 0.5);
});

test('a step of the network is told once, and only between lines of one timeline', () => {
  const { reader, writer, epoch } = listener();
  writer.line({ ...LINE, shift_frames: 500 });
  reader.look(epoch());
  assert.equal(reader.shiftFrames, 0, 'what was before the first line is no news');
  writer.line({ ...LINE, shift_frames: 60 });
  reader.look(epoch());
  assert.equal(reader.shiftFrames, -440);
  reader.look(epoch());
  assert.equal(reader.shiftFrames, 0);
  writer.restart(0);
  reader.look(epoch());
  writer.line({ ...LINE, shift_frames: 900 });
  reader.look(epoch());
  assert.equal(reader.shiftFrames, 0);
});

test('steps may add up beyond what a word holds', () => {
  const { reader, writer, epoch } = listener();
  writer.line({ ...LINE, shift_frames: 2 ** 23 - 10 });
  reader.look(epoch());
  writer.line({ ...LINE, shift_frames: 2 ** 23 + 10 });
  reader.look(epoch());
  assert.equal(reader.shiftFrames, 20);
});
