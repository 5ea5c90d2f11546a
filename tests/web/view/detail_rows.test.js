import assert from 'node:assert/strict';
import test from 'node:test';

import { detailRows } from '../../../web/view/detail_rows.js';

const PLAYING = {
  state: 'playing', problem: null, problem_detail: null, peaks: [0, 0], volume: 1, glitches: {},
  source: { kind: 'synth', state: 'playing', name: 'MONTAGE', channels: 32, rate_hz: 44_100, first_channel: 3, notice: '' },
  delay_ms: 40.7, output_latency_ms: 26.66, level_ms: 11.4, target_ms: 10.7, transport: 'sab', context_rate: 44100, seq: 1234567,
  network_delay_ms: 1.24, jitter_ms: 0.42, required_lead_ms: 8.1, drift_ppm: -12.34, rate_ppm: 0.04, splices: 1002, concealed_ms: 84.4,
  chunk_frames: 512,
};

/** @param {object} given */
function shown(given) {
  return new Map(detailRows({ ...PLAYING, ...given }).map(({ label, value }) => [label, value]));
}

test('every number is shown with its unit', () => {
  const rows = shown({});
  for (const [label, value] of [
    ['Delay behind the synth', '40.7 ms'], ['Of that, network', '1.2 ms'], ['Network jitter', '0.4 ms'], ['Packet length', '11.6 ms'],
    ['Buffer needed, last 20 s', '8.1 ms'], ['Clock drift', '−12.3 ppm'], ['Playing speed', '0.0 ppm'],
    ['Splices', '1,002'], ['Sound concealed', '84 ms'], ['Channels heard', '3–4 of 32'], ['Sample rate of the synth', '44,100 Hz'], ['Sample rate here', '44,100 Hz'],
    ['Path to the audio thread', 'shared memory'], ['Packet number', '1,234,567'], ['State', 'playing'],
  ]) assert.equal(rows.get(label), value, label);
  assert.equal(shown({ chunk_why: 'network' }).get('Packet length'), '11.6 ms, as this network needs');
  assert.equal(shown({ chunk_why: 'service_busy' }).get('Packet length'), '11.6 ms, because of many listeners');
  assert.equal(shown({ chunk_why: 'least_delay' }).get('Packet length'), '11.6 ms');
  const mono = shown({ source: { ...PLAYING.source, channels: 1, first_channel: 1, rate_hz: 96_000 } });
  const rows96 = ['Channels heard', 'Sample rate of the synth', 'Packet length'].map((label) => mono.get(label));
  assert.deepEqual(rows96, ['1 of 1, on both sides', '96,000 Hz', '5.3 ms']);
  assert.equal(shown({ rate_ppm: 250 }).get('Playing speed'), '+250.0 ppm');
});

test('an estimate is told as one, with its error', () => {
  const rows = shown({ output_latency_ms: null, delay_estimated_ms: 25, delay_error_ms: 10 });
  assert.equal(rows.get('Delay behind the synth'), 'about 41 ms, 25 ms of them estimated, ±10 ms');
  assert.equal(rows.get('Of that, browser output'), 'not told; about 25 ms, ±10 ms');
  assert.equal(shown({ delay_ms: null, delay_estimated_ms: 25, delay_error_ms: 10 }).get('Delay behind the synth'), '–');
});

test('what is unknown, or not reported at all, is a dash', () => {
  const unknown = Object.fromEntries(Object.keys(PLAYING).filter((key) => /_ms$|_ppm$|transport|_rate|seq|splices|chunk_frames/.test(key)).map((key) => [key, null]));
  const nulls = detailRows({ ...PLAYING, ...unknown, source: null, state: 'failed', problem: 'internal' }).map(({ value }) => value);
  assert.deepEqual(nulls, [...Array(nulls.length - 1).fill('–'), 'failed (internal)']);
  const { network_delay_ms: _n, jitter_ms: _j, splices: _s, drift_ppm: _d, ...older } = PLAYING;
  const rows = new Map(detailRows(older).map(({ label, value }) => [label, value]));
  for (const label of ['Of that, network', 'Network jitter', 'Splices', 'Clock drift']) assert.equal(rows.get(label), '–', label);
});
