import assert from 'node:assert/strict';
import test from 'node:test';

import * as figures from '../../../web/view/figures.js';
import * as glitches from '../../../web/view/glitches.js';
import * as words from '../../../web/view/words.js';

const SYNTH = { kind: 'synth', state: 'playing', name: 'MONTAGE', channels: 32, first_channel: 3, notice: '' };
const DEMO = { kind: 'demo', state: 'playing', name: 'Demo instrument', channels: 2, first_channel: 1, notice: '' };
const NOTHING = { kind: 'none', state: 'waiting', name: '', channels: 0, first_channel: 1, notice: '' };
const PLACE = { hostname: 'stage.local', port: '8080' };

const STATES = ['idle', 'connecting', 'buffering', 'playing', 'waiting', 'reconnecting', 'blocked', 'failed'];
const PROBLEMS = ['insecure_context', 'no_worklet', 'server_unreachable', 'server_too_new', 'server_too_old', 'refused',
  'audio_blocked', 'internal'];
const CAUSES = ['capture_xrun', 'usb_loss', 'device_gone', 'handoff_full', 'source_change', 'queue_drop', 'network_late',
  'render_underrun', 'tab_suspended', 'unexplained_loss', 'bad_packet', 'service_stopped'];

/** @param {object} [given] */
function snapshotOf(given = {}) {
  return {
    state: 'playing', problem: null, problem_detail: null, source: SYNTH, peaks: [0, 0], volume: 1, delay_ms: 40.7,
    output_latency_ms: 26.66, level_ms: 11.4, target_ms: 10.7, glitches: {}, transport: 'sab', context_rate: 44100, seq: 1234567,
    ...given,
  };
}

test('a service that stopped is named in the status and in the notice, not the network', () => {
  for (const detail of ['service_stopped', 'service_ended']) {
    const away = snapshotOf({ state: 'reconnecting', problem: 'server_unreachable', problem_detail: detail });
    assert.equal(words.statusWords(away), 'Waiting for Synthwire…');
    const notice = words.notice(away, PLACE);
    assert.match(`${notice?.title} ${notice?.remedy}`, /Synthwire (itself )?has (probably )?stopped.*sound returns/);
    assert.doesNotMatch(`${notice?.remedy}`, /network/);
  }
  const unknown = snapshotOf({ state: 'reconnecting', problem: 'server_unreachable', problem_detail: 'silent_service' });
  assert.match(words.notice(unknown, PLACE)?.remedy ?? '', /same network/);
});

test('the status line says state, delay and glitches', () => {
  const cases = [
    [{}, 'Playing · 41 ms delay · 0 glitches'],
    [{ glitches: { network_late: 1 } }, 'Playing · 41 ms delay · 1 glitch'],
    [{ glitches: { network_late: 1, queue_drop: 1200 }, delay_ms: 2400 }, 'Playing · 2.4 s delay · 1,201 glitches'],
    [{ delay_estimated_ms: 25, delay_error_ms: 10 }, 'Playing · about 41 ms delay · 0 glitches'],
    [{ delay_ms: null }, 'Playing · 0 glitches'],
    [{ delay_ms: NaN }, 'Playing · 0 glitches'],
    [{ source: null }, 'Playing · 41 ms delay · 0 glitches'],
    [{ source: DEMO }, 'Playing the demo · 41 ms delay · 0 glitches'],
    [{ source: { ...DEMO, kind: 'test' } }, 'Playing · 41 ms delay · 0 glitches'],
    [{ source: { ...SYNTH, state: 'lost' } }, 'Waiting for the synth…'],
    [{ source: NOTHING }, 'Waiting for a synth…'],
    [{ source: { ...DEMO, kind: 'test', state: 'ended', name: 'take.wav' } }, 'The recording is over'],
    [{ state: 'waiting', source: { ...SYNTH, state: 'stalled' } }, 'Waiting for sound…'],
    [{ state: 'waiting' }, 'Waiting for sound…'],
    [{ state: 'waiting', source: null }, 'Waiting for sound…'],
    [{ state: 'buffering' }, 'Starting…'],
    [{ state: 'connecting', source: null }, 'Connecting…'],
    [{ state: 'reconnecting' }, 'No connection, trying again…'],
    [{ state: 'failed', source: null, problem: 'server_unreachable' }, 'Not connected'],
    [{ state: 'failed', source: null, problem: 'internal' }, 'Not playing'],
  ];
  for (const [given, sentence] of cases) assert.equal(words.statusLine(snapshotOf(given)), sentence, JSON.stringify(given));
});

test('what a screen reader is told carries no numbers, so it changes only when the state does', () => {
  for (const state of STATES) {
    for (const source of [SYNTH, DEMO, NOTHING, null]) {
      const sentence = words.statusWords(snapshotOf({ state, source }));
      assert.ok(sentence.length > 0);
      assert.doesNotMatch(sentence, /\d/);
    }
  }
});

test('every problem has a title and a remedy, and an unknown one is not swallowed', () => {
  for (const problem of PROBLEMS) {
    const notice = words.notice(snapshotOf({ state: 'failed', problem }), PLACE);
    assert.ok(notice && notice.title && notice.remedy, problem);
    assert.notEqual(notice.title, 'Something is wrong', problem);
  }
  const unknown = words.notice(snapshotOf({ problem: 'brand_new' }), PLACE);
  assert.deepEqual([unknown.title, unknown.detail, unknown.reload], ['Something is wrong', 'brand_new', true]);
});

test('the words of the machine are shown beside ours', () => {
  const notice = words.notice(snapshotOf({ problem: 'refused', problem_detail: 'there are 2 channels' }), PLACE);
  assert.deepEqual([notice.tone, notice.detail, notice.reload], ['note', 'there are 2 channels', false]);
});

test('an insecure page names the addresses that work', () => {
  const { remedy, detail } = words.notice(snapshotOf({ state: 'failed', problem: 'insecure_context' }), PLACE);
  assert.match(remedy, /https:\/\//);
  assert.match(remedy, /http:\/\/localhost:8080 /);
  assert.match(detail, /ssh -N -L 8080:localhost:8080 stage\.local/);
  const plain = words.notice(snapshotOf({ problem: 'insecure_context' }), { hostname: 'stage.local', port: '' });
  assert.match(plain.remedy, /http:\/\/localhost on/);
  assert.match(plain.detail, /-L 8080:localhost:80 /);
});

test('a lost connection says that the sound returns, a failed one does not', () => {
  const lost = words.notice(snapshotOf({ state: 'reconnecting', problem: 'server_unreachable' }), PLACE);
  const failed = words.notice(snapshotOf({ state: 'failed', problem: 'server_unreachable' }), PLACE);
  assert.match(lost.remedy, /sound returns/);
  assert.doesNotMatch(failed.remedy, /sound returns/);
});

test('a silent instrument is explained, a sounding one is not', () => {
  const cases = [
    [{}, null],
    [{ state: 'idle', source: NOTHING }, null],
    [{ source: NOTHING }, 'No synth found yet'],
    [{ source: { ...NOTHING, state: 'playing' } }, 'No synth found yet'],
    [{ source: { ...SYNTH, state: 'lost' } }, 'MONTAGE is gone'],
    [{ source: { ...DEMO, kind: 'test', state: 'ended', name: 'take.wav' } }, 'take.wav has been played to its end'],
    [{ source: { ...SYNTH, state: 'lost', name: '' } }, 'The synth is gone'],
    [{ source: { ...SYNTH, state: 'stalled' } }, 'MONTAGE sends no sound'],
    [{ source: { ...SYNTH, notice: 'Running through plug.' } }, 'Running through plug.'],
  ];
  for (const [given, title] of cases) {
    assert.equal(words.notice(snapshotOf(given), PLACE)?.title ?? null, title, JSON.stringify(given));
  }
});

test('every cause is in words, and one from the future is shown by its name', () => {
  for (const cause of CAUSES) assert.notEqual(glitches.causeWords(cause), cause.replaceAll('_', ' '), cause);
  assert.equal(glitches.causeWords('moon_phase'), 'moon phase');
});

test('causes are listed by how often they came, without those that never did', () => {
  const rows = glitches.causeRows({ queue_drop: 2, network_late: 1300, usb_loss: 0, bad_packet: 2 });
  assert.deepEqual(rows.map(({ count }) => count), ['1,300', '2', '2']);
  assert.match(rows[1].words, /damaged/);
});

test('another instrument taking over is no glitch', () => {
  assert.equal(glitches.glitchTotal({ source_change: 3, usb_loss: 2 }), 2);
  assert.equal(glitches.glitchTotal({}), 0);
  assert.deepEqual(CAUSES.filter(glitches.isIntended), ['source_change']);
});

test('numbers are rounded to what one can use', () => {
  const cases = [[0, '0 ms'], [-0.2, '0 ms'], [40.5, '41 ms'], [999.4, '999 ms'], [999.6, '1.0 s'], [61_000, '61.0 s'], [null, '–'], [NaN, '–']];
  for (const [ms, text] of cases) assert.equal(figures.milliseconds(ms), text, String(ms));
  assert.equal(figures.fineMilliseconds(26.66), '26.7 ms');
  assert.equal(figures.fineMilliseconds(1234), '1.23 s');
  assert.equal(figures.decibels(-0.2, -60), '0 dB');
  assert.equal(figures.decibels(-12.4, -60), '-12 dB');
  assert.equal(figures.decibels(-60, -60), 'silent');
});

test('the button starts where nothing runs, stops what runs, and is off where no press helps', () => {
  const starting = STATES.filter((state) => words.buttonWords({ state }).starts);
  assert.deepEqual(starting, ['idle', 'blocked', 'failed']);
  assert.equal(words.buttonWords({ state: 'failed', problem: 'internal' }).useful, true);
  for (const problem of ['insecure_context', 'no_worklet']) {
    assert.equal(words.buttonWords({ state: 'failed', problem }).useful, false, problem);
  }
});

test('a pair can be chosen only where there is more than one, and the one that is heard is always among them', () => {
  const firsts = (channels, first) => words.pairChoices(channels, first).map((choice) => choice.first);
  assert.deepEqual(firsts(0, 1), []);
  assert.deepEqual(firsts(2, 1), []);
  assert.deepEqual(firsts(1, 1), []);
  assert.deepEqual(firsts(5, 1), [1, 3, 4]);
  assert.equal(firsts(128, 127).length, 64);
  assert.deepEqual(firsts(6, 2), [1, 2, 3, 5]);
  assert.equal(firsts(32, 1).length, 16);
  assert.equal(words.pairChoices(32, 1).at(-1).words, '31–32');
});

test('a narrow screen breaks the status line between its clauses, not inside one', () => {
  assert.deepEqual(words.clauses(words.statusLine(snapshotOf())), ['Playing ·', '41 ms delay ·', '0 glitches']);
  assert.deepEqual(words.clauses('No connection, trying again…'), ['No connection,', 'trying again…']);
});

test('the demo is called a demo, and says how to get rid of it', () => {
  assert.equal(words.instrumentBadge(DEMO), 'Demo');
  assert.match(words.instrumentHint(DEMO), /Connect your synth/);
  assert.equal(words.instrumentName({ ...DEMO, name: '' }), 'Demo instrument');
  assert.deepEqual([words.instrumentBadge(SYNTH), words.instrumentHint(SYNTH), words.instrumentName(SYNTH)], ['', '', 'MONTAGE']);
  assert.deepEqual([words.instrumentBadge(null), words.instrumentName(null)], ['', 'Live synth']);
});

test('the tab says what happens, without an ellipsis', () => {
  assert.equal(words.pageTitle(snapshotOf({ state: 'idle', source: null })), 'Synthwire');
  assert.equal(words.pageTitle(snapshotOf()), 'Playing MONTAGE · Synthwire');
  assert.equal(words.pageTitle(snapshotOf({ state: 'reconnecting' })), 'No connection, trying again · Synthwire');
});

test('the plot is told in one sentence', () => {
  const empty = { delayMin: Infinity, delayMax: -Infinity, levelMin: Infinity, levelMax: -Infinity, targetMin: Infinity, targetMax: -Infinity, glitches: 0 };
  assert.match(words.plotWords(empty), /while you listen/);
  assert.equal(words.plotWords({ ...empty, delayMin: 38.6, delayMax: 44.2, levelMin: 11, levelMax: 11.2, targetMin: 9, targetMax: 12, glitches: 1 }),
    'Delay 39 to 44 ms, buffer 11 ms, target 9 to 12 ms, 1 glitch.');
  assert.equal(words.plotWords({ ...empty, levelMin: 5, levelMax: 9 }), 'Buffer 5 to 9 ms, 0 glitches.');
});

test('a service that takes no connection is not said to go on as before', () => {
  const notice = words.notice(snapshotOf({ state: 'reconnecting', problem: 'refused', problem_detail: '500 people are listening already' }), PLACE);
  assert.equal(notice?.tone, 'fault');
  assert.match(`${notice?.title} ${notice?.remedy}`, /takes no connection.*keeps trying/);
});
