import assert from 'node:assert/strict';
import test from 'node:test';

import { clientName, clientWords, countWords } from '../../../web/view/client_words.js';

/** @param {object} [changes] */
const client = (changes = {}) => ({ number: 1, address: '10.0.0.7', agent: '', connected_s: 5, report: null, ...changes });
const report = { mode: 'auto', delay_ms: 41.4, level_ms: 9, target_ms: 8, glitches: {} };

test('a listener is called by its browser, its device and its address', () => {
  for (const [agent, name] of [
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 27_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.2 Mobile/15E148 Safari/604.1', 'Safari, iPhone'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 27_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/157.0 Mobile/15E148 Safari/604.1', 'Chrome, iPhone'],
    ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/157.0.0.0 Mobile Safari/537.36', 'Chrome, Android'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/157.0.0.0 Safari/537.36 Edg/157.0', 'Edge, Windows'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:160.0) Gecko/20100101 Firefox/160.0', 'Firefox, Linux'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.2 Safari/605.1.15', 'Safari, Mac'],
    ['', 'A program'],
    ['curl/8.14', 'A program'],
  ]) assert.equal(clientName(client({ agent })), `${name} (10.0.0.7)`);
});

test('how well it hears is said in one line', () => {
  assert.equal(clientWords(client()), 'connected for less than a minute');
  assert.equal(clientWords(client({ connected_s: 60, report })), '41 ms, no glitches, for 1 minute');
  assert.equal(clientWords(client({ connected_s: 7300, report: { ...report, delay_ms: null, glitches: { network_late: 2, pair_changed: 0 } } })), '2 glitches, for 2 hours');
  assert.deepEqual([0, 1, 12].map(countWords), ['No listeners.', '1 listener.', '12 listeners.']);
});
