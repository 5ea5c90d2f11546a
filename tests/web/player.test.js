/** The player's states, starts and stops, in a simulated browser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultWords } from '../../web/view/fault_words.js';
import { made, pass, reset, runningTimers } from './sim/browser.js';

reset();
const { Player } = await import('../../web/player.js');
const { controlWords } = await import('../../web/core/playout/ring.js');
const { EVENTS_AT, MODE, PLAYOUT, WORD } = await import('../../web/core/playout/controls.js');
const { EVENT_WORDS } = await import('../../web/core/playout/constants.js');

const SOURCE = { kind: 'demo', state: 'playing', name: 'Demo', channels: 2, first_channel: 1, notice: '' };
const STATUS = {
  connection: 'open', greeted: true, ever_greeted: true, problem: null, problem_detail: '', hello: null, source: SOURCE, seq: 5, messages: 6,
  bytes: 7, reconnects: 0, glitches: { network_late: 1 }, last_refusal: '', dropped_frames: 0, clock: null, anchor: null, travel: null, queue_age_ms: null,
  new_glitches: [], drift: null,
};

/** @param {object} [changes] */
function workerSays(changes = {}) {
  made.workers.at(-1)?.onmessage?.({ data: { type: 'status', status: { ...STATUS, ...changes } } });
}

test('start makes and resumes the context before it returns, and says where the service is', async () => {
  reset();
  const player = new Player();
  assert.equal(player.report().state, 'idle');
  player.start();
  assert.equal(made.contexts.length, 1);
  assert.equal(made.contexts[0].resumed, 1);
  assert.deepEqual(made.contexts[0].options, { latencyHint: 0 }, 'the least delay, at the device\'s own rate');
  assert.equal(made.workers[0].told[0].url, 'http://synthwire.local/');
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

test('mode and target reach the audio thread, before and while it plays', async () => {
  reset();
  const player = new Player();
  player.setMode('lowest');
  player.start();
  const words = controlWords(made.workers[0].told[0].memory);
  assert.equal(words[WORD.MODE], MODE.LOWEST);
  player.setTarget(25);
  assert.deepEqual([words[WORD.MODE], words[WORD.FIXED_US], player.report().mode], [MODE.FIXED, 25_000, 'fixed']);
  player.setMode('safest');
  assert.equal(words[WORD.MODE], MODE.FIXED, 'what was chosen by hand goes before the mode');
  player.setTarget(null);
  assert.equal(words[WORD.MODE], MODE.SAFEST);
  player.stop();
});

test('without shared memory the mode goes to the worklet by message', async () => {
  reset({ crossOriginIsolated: false });
  const player = new Player();
  player.setTarget(30);
  player.start();
  await pass(100);
  assert.deepEqual(made.nodes[0].port.sent[1], { type: 'mode', mode: 'fixed', fixed_ms: 30 });
  player.stop();
});

test('an output that runs empty again and again is replaced by a safer one, which is remembered', async () => {
  reset();
  /** @type {any[]} */
  const remembered = [];
  const player = new Player({ remember: (memory) => remembered.push(memory) });
  player.start();
  const [context] = made.contexts;
  context.become('running');
  context.playbackStats = { averageLatency: 0.03, minimumLatency: 0.03, maximumLatency: 0.03, underrunEvents: 0, underrunDuration: 0 };
  await pass(4000);
  context.playbackStats.underrunEvents = 4;
  await pass(500);
  assert.equal(made.contexts.length, 1, 'some are an accident');
  context.playbackStats.underrunEvents = 5;
  await pass(500);
  assert.equal(made.contexts.length, 2);
  assert.equal(made.contexts[1].options.latencyHint, 'interactive');
  assert.equal(remembered.at(-1).output, 1);
  player.stop();
  reset();
  const next = new Player({ memory: remembered.at(-1) });
  next.start();
  assert.equal(made.contexts[0].options.latencyHint, 'interactive');
  next.stop();
});

test('clocks are remembered once they are known well, and given to the next session', async () => {
  reset();
  /** @type {any[]} */
  const remembered = [];
  const player = new Player({ remember: (memory) => remembered.push(memory) });
  player.start();
  made.contexts[0].become('running');
  const memory = { stream_ppm: 12, context_ppm: -3 };
  workerSays({ drift: { ppm: 15, sigma_ppm: 8, memory } });
  await pass(500);
  assert.equal(remembered.length, 0);
  workerSays({ drift: { ppm: 15, sigma_ppm: 0.4, memory } });
  await pass(500);
  assert.deepEqual(remembered, [{ clocks: memory, output: 0 }], 'and not ten times a second');
  assert.equal(player.report().drift_ppm, 15);
  player.stop();
  player.start();
  assert.deepEqual(made.workers.at(-1).told[0].remembered, memory);
  player.stop();
});

test('every glitch has its entry, whoever counted it, and counts and ledger agree', async () => {
  reset();
  const player = new Player();
  player.start();
  made.contexts[0].become('running');
  workerSays({ glitches: { queue_drop: 3 }, new_glitches: [{ at_ms: 5, cause: 'queue_drop', length_ms: 12 }] });
  const words = controlWords(made.workers[0].told[0].memory);
  Object.assign(words, { [WORD.EVENT_COUNT]: 1, [EVENTS_AT]: 4410, [EVENTS_AT + 1]: 441, [WORD.SLEEP_COUNT]: 1, [WORD.BLOCK_COUNT]: 9 });
  await pass(200);
  const { ledger, glitches } = player.report();
  assert.deepEqual([glitches['queue_drop'], glitches['network_late'], glitches['tab_suspended']], [3, 1, 1]);
  assert.deepEqual(ledger.map(({ cause, length_ms: lengthMs }) => [cause, lengthMs]), [
    ['queue_drop', 12], ['queue_drop', null], ['queue_drop', null], ['network_late', 10], ['tab_suspended', null],
  ]);
  player.stop();
});

/** An audio thread that has sounded, with glitches so far. @param {number[]} lengthsMs @param {number} [seconds] of the what-if curve */
function sounds(lengthsMs, seconds = 0) {
  const words = controlWords(made.workers[0].told[0].memory);
  Object.assign(words, { [WORD.PLAYOUT_STATE]: PLAYOUT.SOUNDING, [WORD.EVENT_COUNT]: lengthsMs.length, [WORD.WHAT_IF_SECONDS]: seconds });
  lengthsMs.forEach((lengthMs, event) => (words[EVENTS_AT + event * EVENT_WORDS + 1] = Math.round(lengthMs * 44.1)));
}

test('counts, ledger and curve say since when, and begin anew when the user wants it; the service is told the total', async () => {
  reset();
  const player = new Player();
  assert.equal(player.report().counted_since_ms, null);
  player.start();
  made.contexts[0].become('running');
  const startedMs = player.report().counted_since_ms;
  assert.ok(startedMs !== null && Math.abs(startedMs - Date.now()) < 60_000);
  sounds([12, 40], 100);
  await pass(2500);
  assert.deepEqual([player.report().glitches['network_late'], player.report().what_if_observed_s], [2, 100]);
  player.resetCounts();
  assert.deepEqual([player.report().glitches['network_late'], player.report().ledger, player.report().what_if], [0, [], null]);
  assert.ok((player.report().counted_since_ms ?? 0) >= startedMs);
  sounds([12, 40, 7], 130);
  await pass(2000);
  assert.deepEqual([player.report().glitches['network_late'], player.report().what_if_observed_s], [1, 30]);
  assert.equal(made.workers[0].told.filter((/** @type {any} */ { type }) => type === 'tell').at(-1).report.glitches.network_late, 3);
  player.stop();
});

test('a glitch of a millisecond in the first second of sound does not count for ever', async () => {
  for (const [lengthMs, left] of [[1, 0], [30, 1]]) {
    reset();
    const player = new Player();
    player.start();
    made.contexts[0].become('running');
    sounds([/** @type {number} */ (lengthMs)], 1);
    await pass(500);
    assert.equal(player.report().glitches['network_late'], 1);
    await pass(1500);
    assert.equal(player.report().glitches['network_late'], left, `${lengthMs} ms`);
    player.stop();
  }
});

test('the service is told once a second how it goes', async () => {
  reset();
  const player = new Player();
  player.start();
  made.contexts[0].become('running');
  await pass(3050);
  const told = made.workers[0].told.filter((/** @type {any} */ { type }) => type === 'tell');
  assert.equal(told.length, 3);
  assert.deepEqual(Object.keys(told[0].report), ['mode', 'delay_ms', 'level_ms', 'target_ms', 'arrival_tail_ms', 'round_trip_ms', 'glitches']);
  player.stop();
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

test('Firefox on a Unix desktop is never asked about its output, which can stop it for good, and others are', async () => {
  const engines = {
    'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0': false,
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0': true,
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36': true,
  };
  for (const [userAgent, isAsked] of Object.entries(engines)) {
    reset({ navigator: { userAgent } });
    const player = new Player();
    player.start();
    made.contexts[0].become('running');
    workerSays();
    await pass(2000);
    const { output_clock: clock, engine_output_latency_ms: latencyMs } = player.report();
    assert.equal(made.contexts[0].asked > 0, isAsked, userAgent);
    assert.equal(clock !== null && latencyMs !== null, isAsked, userAgent);
    player.stop();
  }
});

test('an engine that does not tell its output delay has an estimate with its error, and others have none', async () => {
  for (const [userAgent, tells, estimate] of /** @type {[string, boolean, [number | null, number | null]][]} */ ([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', true, [25, 10]],
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15', false, [64, 15]],
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15', true, [null, null]],
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36', false, [null, null]],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1', false, [null, null]],
  ])) {
    reset({ navigator: { userAgent } });
    const player = new Player();
    player.start();
    if (!tells) Object.defineProperties(made.contexts[0], { outputLatency: { value: undefined }, getOutputTimestamp: { value: () => ({}) } });
    made.contexts[0].become('running');
    workerSays();
    await pass(2000);
    const report = player.report();
    assert.deepEqual([report.delay_estimated_ms, report.delay_error_ms], estimate, userAgent);
    assert.equal(report.output_clock === 'estimate', estimate[0] !== null, userAgent);
    player.stop();
  }
});

test('a stamp that leaves out the way to wireless headphones is not believed', async () => {
  for (const [latencyMs, clock] of /** @type {[number, string][]} */ ([[0.04, 'stamp'], [0.25, 'latency']])) {
    reset();
    const player = new Player();
    player.start();
    Object.defineProperty(made.contexts[0], 'outputLatency', { value: latencyMs });
    made.contexts[0].become('running');
    await pass(2000);
    assert.equal(player.report().output_clock, clock);
    player.stop();
  }
});

test('the output delay is that of the last seconds, also hours after the context began', async () => {
  reset();
  const player = new Player();
  player.start();
  const [context] = made.contexts;
  context.become('running');
  let sumMs = 0;
  let looks = 0;
  let latencyMs = 28;
  context.playbackStats = {
    minimumLatency: 0.02, maximumLatency: 0.3, underrunEvents: 0, underrunDuration: 0,
    get averageLatency() {
      sumMs += latencyMs;
      looks += 1;
      return sumMs / looks / 1000;
    },
    resetLatency() {
      sumMs = 0;
      looks = 0;
    },
  };
  await pass(120_000);
  latencyMs = 200;
  await pass(30_000);
  assert.equal(Math.round(player.report().output_latency_ms ?? 0), 200);
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
  assert.equal(faultWords(player.snapshot().problem_detail ?? ''), 'the audio thread broke');
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
