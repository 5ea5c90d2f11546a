/** The test vectors of the wire format, read by the shipped parser; the Rust side reads the same files. */

import { MESSAGE_BYTES_MAX } from '../../web/core/net/constants.js';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KIND_AUDIO, KIND_GAP, KIND_LISTENER, WireParser } from '../../web/core/net/wire.js';
import { SEED, randomFrom } from './sim/random.js';
import { audio, message } from './sim/records.js';

const KINDS = new Map([['audio', KIND_AUDIO], ['gap', KIND_GAP], ['listener', KIND_LISTENER]]);
/** A listener record's names for the fields that it shares with other records. */
const LISTENER_NAMES = new Map([['lost_packets', 'seq'], ['lost_frames', 'frames'], ['queue_age_ns', 'captureNs'], ['sent_ns', 'readyNs']]);
const NAMES = new Map([['frame_index', 'frameIndex'], ['capture_ns', 'captureNs'], ['ready_ns', 'readyNs']]);

/** @param {string} folder */
function vectors(folder) {
  const base = new URL(`../vectors/wire/${folder}/`, import.meta.url);
  const files = readdirSync(base).filter((name) => name.endsWith('.json')).sort();
  assert.ok(files.length > 0, `${folder} has vectors`);
  return files.map((name) => ({ file: name, ...JSON.parse(readFileSync(new URL(encodeURIComponent(name), base), 'utf8')) }));
}

/** @param {string} hex @returns {ArrayBuffer} */
function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16)).buffer;
}

for (const vector of vectors('valid')) {
  test(`valid vector: ${vector.name}`, () => {
    const parser = new WireParser();
    const bytes = bytesOf(vector.hex);
    assert.equal(parser.parse(bytes), null);
    assert.equal(parser.count, vector.records.length);
    vector.records.forEach((/** @type {Record<string, any>} */ wanted, /** @type {number} */ at) => {
      const record = /** @type {any} */ (parser.records[at]);
      for (const [key, value] of Object.entries(wanted)) {
        if (key === 'kind') assert.equal(record.kind, KINDS.get(value));
        else if (key === 'payload_hex') assert.equal(hexOf(bytes, record.payloadAt, value.length / 2), value);
        else assert.equal(record[LISTENER_NAMES.get(key) ?? NAMES.get(key) ?? key], Number(value), key);
      }
    });
  });
}

for (const vector of vectors('invalid')) {
  test(`invalid vector: ${vector.name}`, () => {
    const parser = new WireParser();
    const refusal = parser.parse(bytesOf(vector.hex));
    assert.equal(refusal?.reason, vector.reason);
    assert.match(refusal?.words ?? '', /record|message/);
    assert.equal(parser.count, 0, 'nothing of a malformed message is used');
  });
}

/** @param {ArrayBuffer} bytes @param {number} at @param {number} length */
function hexOf(bytes, at, length) {
  return Buffer.from(bytes, at, length).toString('hex');
}

test('any bytes give records or a refusal', () => {
  const random = randomFrom(SEED);
  const parser = new WireParser();
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256));
    // Half of the messages begin like a record; otherwise only the version check would ever run.
    if (round % 2 && bytes.length > 6) bytes.set([1, 1 + Math.floor(random() * 3), 0, 0, round % 4 ? 1 : 0, round % 4 ? 2 : 0]);
    const refusal = parser.parse(bytes.buffer);
    assert.equal(refusal === null, parser.count > 0, `seed ${SEED}, round ${round}`);
  }
});

test('every cut of a sound message is refused as truncated or holds whole records', () => {
  const whole = message(audio({ seq: 1, frameIndex: 0, frames: 4 }), audio({ seq: 2, frameIndex: 4, frames: 4 }));
  const parser = new WireParser();
  for (let length = 1; length < whole.byteLength; length += 1) {
    const refusal = parser.parse(whole.slice(0, length));
    if (length === whole.byteLength / 2) assert.equal(refusal, null);
    else assert.equal(refusal?.reason, 'truncated', `${length} bytes`);
  }
});

test('a message one byte too large is refused whatever it holds', () => {
  assert.equal(new WireParser().parse(new ArrayBuffer(MESSAGE_BYTES_MAX + 1))?.reason, 'oversized');
});

test('samples are exactly Int16 / 32768', () => {
  const values = [-32_768, -1, 0, 1, 32_767];
  const parser = new WireParser();
  parser.parse(message(audio({ seq: 0, frameIndex: 0, frames: values.length, sampleAt: (frame) => [/** @type {number} */ (values[frame]), 0] })));
  const target = new Float32Array(2 * values.length);
  parser.samplesInto(/** @type {any} */ (parser.records[0]), target);
  values.forEach((value, frame) => assert.equal(/** @type {number} */ (target[2 * frame]) * 32_768, value));
});
