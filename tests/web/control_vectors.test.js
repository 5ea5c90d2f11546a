/** The test vectors of the text messages, one file per message, read by the shipped code; the service reads the same files. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FROM_LISTENER, READERS, readServiceMessage } from '../../web/core/net/messages.js';

/** @typedef {Record<string, any>} Message */

/** @param {string} way @returns {Map<string, {valid: Message[], invalid: Message[]}>} by the message's name */
function vectors(way) {
  const base = new URL(`../vectors/control/${way}/`, import.meta.url);
  return new Map(readdirSync(base).sort().map((file) => [file.replace(/\.json$/, ''), JSON.parse(readFileSync(new URL(file, base), 'utf8'))]));
}

test('every message has vectors, and every vector is of a message, both ways', () => {
  assert.deepEqual([...vectors('to_listener').keys()], Object.keys(READERS).sort());
  assert.deepEqual([...vectors('from_listener').keys()], Object.keys(FROM_LISTENER).sort());
});

for (const [name, { valid, invalid }] of vectors('to_listener')) {
  test(`${name} is read as it says, or refused`, () => {
    assert.ok(valid.length > 0);
    for (const message of valid) {
      const read = /** @type {Message} */ (readServiceMessage(JSON.stringify(message)));
      assert.equal(read['type'], name);
      for (const [key, value] of Object.entries(read)) assert.deepEqual(value, message[key], key);
    }
    for (const message of invalid) assert.equal(readServiceMessage(JSON.stringify(message)).type, 'unreadable', JSON.stringify(message));
  });
}

for (const [name, { valid }] of vectors('from_listener')) {
  test(`${name} is said as it is written`, () => {
    assert.ok(valid.length > 0);
    for (const { type, ...fields } of valid) {
      const say = /** @type {Record<string, (fields: Message) => Message>} */ (FROM_LISTENER)[type];
      assert.deepEqual(say?.(fields), { type, ...fields });
    }
  });
}
