/** The player's states, starts and stops, in a browser of the test's own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { made, pass, reset, runningTimers } from './sim/browser.js';

reset();
const { Player } = await import('../../web/player.js');

const SOURCE = { kind: 'demo', state: 'playing', name: 'Demo', channels: 2, first_channel: 1, notice: '' };
const STATUS = {
  connection: 'open', greeted: true, ever_greeted: true, problem: null, problem_detail: '', hello: null, source: SOURCE, seq: 5, messages: 6,
  bytes: 7, reconnects: 0, glitches: { network_late: 1 }, last_refusal: '', dropped_frames: 0, clock: null, anchor: null, travel: null, queue_age_ms: null,
};

/** @param {object} [changes] */
function workerSays(changes = {}) {
  made.workers.at(-1)?.onmessage?.({ data: { type: 'status', status: { ...STATUS, ...changes } } });
}

test('start makes and resumes the context before it returns, and says where the socket is', async () => {
  reset();
  const player = new Player();
  assert.equal(player.report().state, 'idle');
  player.start();
  assert.equal(made.contexts.length, 1);
  assert.equal(made.contexts[0].resumed, 1);
  assert.deepEqual(made.contexts[0].options, { latencyHint: player.report().latency_hint, sampleRate: 44_100 });
  assert.equal(made.workers[0].told[0].url, 'ws://synthwire.local/ws');
  assert.ok(made.workers[0].told[0].memory instanceof SharedArrayBuffer);
  assert.equal(player.report().state, 'connecting');
  assert.equal(player.report().transport, 'sab');
  assert.equal(/** @type {any} */ (navigator).audioSession.type, 'playback');
  player.stop();
});

test('without isolation the worklet gets a port and the Worker the other end', async () => {
  reset({ crossOriginIsolated: false });
  const player = new Player();
  player.start();
  await pass(100);
  assert.equal(made.workers[0].told[0].memory, null);
  assert.ok(made.workers[0].told[0].port);
  assert.equal(made.nodes[0].port.sent[0].type, 'port');
  assert.equal(player.report().transport, 'port');
  player.stop();
});

for (const [problem, changes] of /** @type {[string, object][]} */ ([
  ['insecure_context', { isSecureContext: false }],
  ['no_worklet', { AudioContext: class {} }],
  ['no_worklet', { AudioContext: undefined }],
])) {
  test(`a page that cannot play is told why: ${problem}`, () => {
    reset(changes);
    const player = new Player();
    player.start();
    assert.deepEqual([player.report().state, player.report().problem], ['failed', problem]);
    assert.equal(made.workers.length, 0);
  });
}

test('a transport that is not to be had is a failure in words', () => {
  reset({ crossOriginIsolated: false });
  const player = new Player({ transport: 'sab' });
  player.start();
  assert.deepEqual([player.report().state, player.snapshot().problem_detail], ['failed', 'Error: this page may not share memory between threads']);
});

test('a rate that nothing resamples to is refused in words', async () => {
  reset();
  const player = new Player({ contextRate: 48_000 });
  player.start();
  await pass(50);
  assert.equal(player.report().state, 'failed');
  assert.match(player.snapshot().problem_detail ?? '', /48000 Hz, the stream has 44100 Hz/);
});

test('starting and stopping in rapid succession leaves one session, or none', async () => {
  reset();
  const player = new Player();
  for (let press = 0; press < 9; press += 1) {
    player.start();
    player.start();
    if (press < 8) player.stop();
  }
  await pass(500);
  assert.equal(made.contexts.length, 9);
  assert.equal(made.contexts.filter((context) => context.state !== 'closed').length, 1);
  assert.equal(made.workers.filter((worker) => !worker.terminated).length, 1);
  assert.equal(made.nodes.length, 1, 'a session closed before its worklet was there makes no node');
  player.stop();
  await pass(500);
  assert.equal(made.contexts.filter((context) => context.state !== 'closed').length, 0);
  assert.deepEqual(made.workers.at(-1)?.told.at(-1), { type: 'close' });
  assert.equal(runningTimers(), 0);
  assert.equal(player.report().state, 'idle');
});

test('states change with an event at once, and are told ten times a second', async () => {
  reset();
  const player = new Player();
  let changes = 0;
  player.addEventListener('change', () => {
    changes += 1;
  });
  player.start();
  made.contexts[0].become('running');
  await pass(50);
  const before = changes;
  workerSays();
  assert.equal(player.report().state, 'buffering');
  assert.equal(changes, before + 1);
  workerSays();
  assert.equal(changes, before + 1, 'the same state again is no news');
  await pass(1000);
  assert.ok(changes >= before + 9 && changes <= before + 13, `${changes - before} changes`);
  assert.equal(player.report().glitches['network_late'], 1);
  assert.equal(player.snapshot().source?.name, 'Demo');
  workerSays({ connection: 'retrying', greeted: false, problem: 'server_unreachable', problem_detail: 'gone' });
  assert.deepEqual([player.report().state, player.report().problem, player.snapshot().problem_detail], ['reconnecting', 'server_unreachable', 'gone']);
  player.stop();
});

test('a blocked context is resumed by the next press', async () => {
  reset();
  const player = new Player();
  player.start();
  await pass(2000);
  assert.deepEqual([player.report().state, player.report().problem], ['blocked', 'audio_blocked']);
  player.start();
  assert.deepEqual([made.contexts.length, made.contexts[0].resumed], [1, 2]);
  player.stop();
});

test('an interrupted context is never resumed: the next press makes a new one', async () => {
  reset();
  const player = new Player();
  player.start();
  made.contexts[0].become('running');
  await pass(500);
  made.contexts[0].become('interrupted');
  assert.equal(player.report().state, 'blocked');
  await pass(5000);
  assert.equal(made.contexts[0].resumed, 1);
  player.start();
  await pass(200);
  assert.equal(made.contexts.length, 2);
  assert.equal(made.contexts[0].state, 'closed');
  assert.equal(made.contexts[0].resumed, 1);
  player.stop();
});

test('a context that runs while its time stands still is blocked', async () => {
  reset();
  const player = new Player();
  player.start();
  made.contexts[0].become('running');
  workerSays();
  await pass(3000);
  assert.equal(player.report().state, 'buffering');
  Object.defineProperty(made.contexts[0], 'currentTime', { get: () => 3, set: () => {} });
  await pass(3000);
  assert.equal(player.report().state, 'blocked');
  player.stop();
});

test('a refused wish is shown for some seconds, and does not stop the sound', async () => {
  reset();
  const player = new Player();
  player.start();
  made.contexts[0].become('running');
  workerSays();
  player.setPair(31);
  assert.deepEqual(made.workers[0].told.at(-1), { type: 'set_pair', first_channel: 31 });
  made.workers[0].onmessage({ data: { type: 'refused', about: 'set_pair', reason: 'there are 2 channels' } });
  assert.deepEqual([player.report().problem, player.snapshot().problem_detail], ['refused', 'there are 2 channels']);
  await pass(10_000);
  assert.equal(player.report().problem, null);
  player.stop();
});

test('volume is kept from session to session, and full volume is exactly 1', () => {
  reset();
  const player = new Player();
  player.setVolume(0.5);
  player.start();
  assert.equal(player.snapshot().volume, 0.5);
  player.setVolume(7);
  assert.equal(player.snapshot().volume, 1);
  player.stop();
});

test('a service of another version is a failure, and another try is another try', () => {
  reset();
  const player = new Player();
  player.start();
  workerSays({ connection: 'failed', greeted: false, problem: 'server_too_new', problem_detail: 'version 2' });
  assert.deepEqual([player.report().state, player.report().problem], ['failed', 'server_too_new']);
  player.start();
  assert.equal(made.workers.length, 2);
  assert.equal(player.report().state, 'connecting');
  player.stop();
});

test('a worklet that breaks ends the session with its words', async () => {
  reset();
  const player = new Player();
  player.start();
  await pass(50);
  made.nodes[0].onprocessorerror();
  assert.deepEqual([player.report().state, player.report().problem], ['failed', 'internal']);
  player.start();
  assert.equal(player.report().state, 'connecting', 'start works again');
  player.stop();
});

test('every key of the report is there from the start', () => {
  reset();
  const report = new Player().report();
  for (const key of ['delay_ms', 'output_latency_ms', 'level_ms', 'target_ms', 'glitches', 'state', 'transport', 'context_rate', 'seq']) {
    assert.ok(key in report, key);
  }
  for (const [key, value] of Object.entries(report)) assert.notEqual(value, undefined, key);
});
