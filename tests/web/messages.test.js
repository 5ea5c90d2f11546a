/** Text messages of the service, which are read or refused with a clear reason; and the states that the page gets. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAYOUT } from '../../web/core/playout/controls.js';
import { readServiceMessage } from '../../web/core/net/messages.js';
import { phase } from '../../web/core/page/phase.js';
import { SEED, randomFrom } from './sim/random.js';

const SOURCE = { kind: 'synth', state: 'playing', name: 'MONTAGE', channels: 32, first_channel: 1, notice: '' };
const HELLO = {
  type: 'hello', wire_version: 1, server_version: '0.1.0', format: 's16le', rate_hz: 44_100, channels: 2, period_frames: 128,
  chunk_frames: 128, source: SOURCE,
};

/** @param {object} value */
const read = (value) => /** @type {any} */ (readServiceMessage(JSON.stringify(value)));

test('a hello is read, and keys of a newer service are passed over', () => {
  const hello = read({ ...HELLO, something_new: true });
  assert.deepEqual(hello, { type: 'hello', server_version: '0.1.0', rate_hz: 44_100, period_frames: 128, chunk_frames: 128, source: SOURCE });
});

for (const [version, problem] of [[2, 'server_too_new'], [0, 'server_too_old']]) {
  test(`a service of wire version ${version} is ${problem}, whatever else its hello says`, () => {
    const refused = read({ type: 'hello', wire_version: version });
    assert.deepEqual([refused.type, refused.problem], ['unreadable', problem]);
    assert.match(refused.words, /wire version \d, this page speaks 1/);
  });
}

const UNREADABLE = [
  ['not JSON', '{"type":', /not JSON/],
  ['no object', '[1]', /not a JSON object/],
  ['null', 'null', /not a JSON object/],
  ['no type', '{}', /has no type/],
  ['a hello without version', '{"type":"hello"}', /no wire_version/],
  ['a hello with a fractional version', '{"type":"hello","wire_version":1.5}', /no wire_version/],
  ['another rate', JSON.stringify({ ...HELLO, rate_hz: 8000 }), /8000 Hz; this page plays .* 44100, 48000, 88200, 96000 Hz/],
  ['no rate', JSON.stringify({ ...HELLO, rate_hz: null }), /this page plays/],
  ['another format', JSON.stringify({ ...HELLO, format: 'f32le' }), /sends f32le/],
  ['a hello without chunk', JSON.stringify({ ...HELLO, chunk_frames: -1 }), /chunk_frames/],
  ['a hello without source', JSON.stringify({ ...HELLO, source: null }), /does not describe an instrument/],
  ['a source with a broken key', JSON.stringify({ type: 'source', source: { ...SOURCE, channels: 'two' } }), /does not describe/],
  ['a chunk without frames', '{"type":"chunk"}', /names no chunk_frames/],
  ['a pong without times', '{"type":"pong","id":1}', /pong lacks/],
  ['a pong with a wrong id', '{"type":"pong","id":-1,"received_ns":1,"sent_ns":1}', /pong lacks/],
];

for (const [name, text, words] of UNREADABLE) {
  test(`${name} is refused in words`, () => {
    const refused = /** @type {any} */ (readServiceMessage(String(text)));
    assert.deepEqual([refused.type, refused.problem], ['unreadable', 'internal']);
    assert.match(refused.words, /** @type {RegExp} */ (words));
  });
}

test('source, chunk, pong and refusal are read; what is unknown is passed over', () => {
  assert.deepEqual(read({ type: 'source', source: SOURCE }), { type: 'source', source: SOURCE });
  assert.deepEqual(read({ type: 'chunk', chunk_frames: 512, why: 'network' }), { type: 'chunk', chunk_frames: 512, why: 'network' });
  assert.deepEqual(read({ type: 'chunk', chunk_frames: 512 }), { type: 'chunk', chunk_frames: 512, why: '' });
  assert.deepEqual(read({ type: 'pong', id: 7, received_ns: 5, sent_ns: 6 }), { type: 'pong', id: 7, received_ns: 5, sent_ns: 6 });
  assert.deepEqual(read({ type: 'refused', about: 'set_pair', reason: 'no' }), { type: 'refused', about: 'set_pair', reason: 'no' });
  assert.deepEqual(read({ type: 'weather' }), { type: 'unknown' });
});

test('any text is read or refused', () => {
  const random = randomFrom(SEED);
  const whole = JSON.stringify(HELLO);
  for (let round = 0; round < 3000; round += 1) {
    const at = Math.floor(random() * whole.length);
    const broken = whole.slice(0, at) + String.fromCharCode(32 + Math.floor(random() * 95)) + whole.slice(at + Math.floor(random() * 3));
    assert.ok(readServiceMessage(broken).type, `seed ${SEED}, round ${round}`);
  }
});

const WORKER = /** @type {any} */ ({ connection: 'open', greeted: true, ever_greeted: true, problem: null, problem_detail: '', source: SOURCE });
/** @type {import('../../web/core/page/phase.js').PhaseInputs} */
const PLAYING = {
  started: true, failure: null, started_ago_ms: 5000, context_state: 'running', context_still_ms: 10, worker: WORKER,
  playout_state: PLAYOUT.SOUNDING, silent_ms: 0, refusal: null,
};
const SILENT = { ...PLAYING, playout_state: PLAYOUT.SEEKING, silent_ms: 2000 };
const LOST = { ...WORKER, connection: 'retrying', greeted: false, problem: 'server_unreachable', problem_detail: 'gone' };

/** @type {[string, object, string, string | null][]} */
const STATES = [
  ['nothing was started', { ...PLAYING, started: false }, 'idle', null],
  ['a failure outlives the start', { ...PLAYING, started: false, failure: { problem: 'no_worklet', detail: '' } }, 'failed', 'no_worklet'],
  ['sound', PLAYING, 'playing', null],
  ['a wish was refused, and sound goes on', { ...PLAYING, refusal: 'no such pair' }, 'playing', 'refused'],
  ['a glitch is not a state', { ...SILENT, silent_ms: 200 }, 'playing', null],
  ['frames are missing for longer', SILENT, 'buffering', null],
  ['the synth is off', { ...SILENT, worker: { ...WORKER, source: { ...SOURCE, state: 'lost' } } }, 'waiting', null],
  ['no synth yet', { ...SILENT, worker: { ...WORKER, source: { ...SOURCE, kind: 'none' } } }, 'waiting', null],
  ['the first sound is on its way', { ...SILENT, silent_ms: Infinity }, 'buffering', null],
  ['the Worker has not spoken', { ...SILENT, worker: null }, 'connecting', null],
  ['the first attempt is under way', { ...SILENT, worker: { ...LOST, ever_greeted: false, problem: null } }, 'connecting', null],
  ['the first attempt failed', { ...SILENT, worker: { ...LOST, ever_greeted: false } }, 'reconnecting', 'server_unreachable'],
  ['the connection broke', { ...SILENT, worker: LOST }, 'reconnecting', 'server_unreachable'],
  ['another version', { ...SILENT, worker: { ...LOST, connection: 'failed', problem: 'server_too_new' } }, 'failed', 'server_too_new'],
  ['the context still wakes up', { ...SILENT, context_state: 'suspended', started_ago_ms: 300, worker: null }, 'connecting', null],
  ['the context is held back', { ...SILENT, context_state: 'suspended' }, 'blocked', 'audio_blocked'],
  ['a call came in', { ...PLAYING, context_state: 'interrupted', started_ago_ms: 10 }, 'blocked', 'audio_blocked'],
  ['running with time standing still', { ...PLAYING, context_still_ms: 3000 }, 'blocked', 'audio_blocked'],
];

for (const [name, facts, state, problem] of STATES) {
  test(`state: ${name} is ${state}`, () => {
    const now = phase(/** @type {any} */ (facts));
    assert.deepEqual([now.state, now.problem], [state, problem]);
  });
}
