import assert from 'node:assert/strict';
import test from 'node:test';
import { FAULT_WORDS, faultWords } from '../../../web/view/fault_words.js';
import { textOf } from '../law.js';

test('every name has a script that says it, and anybody else’s words stay as they are', () => {
  const scripts = ['web/worker.js', 'web/session.js', 'web/api.js'].map(textOf).join('\n');
  for (const name of FAULT_WORDS.keys()) assert.ok(scripts.includes(`'${name}'`), name);
  assert.equal(faultWords('there are 2 channels'), 'there are 2 channels');
  assert.equal(faultWords(''), '');
});

test('the scripts that find a fault hold no sentence about it', () => {
  for (const [path, names] of /** @type {const} */ ([['web/worker.js', 5], ['web/session.js', 2], ['web/api.js', 2]])) {
    const text = textOf(path);
    assert.equal([...FAULT_WORDS.keys()].filter((name) => text.includes(`'${name}'`)).length, names, path);
    for (const words of FAULT_WORDS.values()) assert.ok(!text.includes(words), `${path}: ${words}`);
  }
});
