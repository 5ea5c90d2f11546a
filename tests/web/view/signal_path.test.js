import assert from 'node:assert/strict';
import test from 'node:test';

import { signalPath } from '../../../web/view/signal_path.js';

const SYNTH = { kind: 'synth', state: 'playing' };
const LOST = { kind: 'synth', state: 'lost' };
const NOTHING = { kind: 'none', state: 'waiting' };

test('the wire is cut where the sound stops', () => {
  const cases = [
    ['idle', null, null, 'rest rest'],
    ['connecting', null, null, 'rest rest'],
    ['buffering', null, SYNTH, 'live rest'],
    ['playing', null, SYNTH, 'live live'],
    ['playing', 'refused', SYNTH, 'live live'],
    ['playing', null, LOST, 'cut rest'],
    ['waiting', null, NOTHING, 'cut rest'],
    ['reconnecting', 'server_unreachable', SYNTH, 'cut rest'],
    ['blocked', 'audio_blocked', SYNTH, 'live cut'],
    ['failed', 'insecure_context', null, 'rest cut'],
    ['failed', 'server_unreachable', null, 'cut rest'],
    ['failed', 'server_too_new', null, 'cut rest'],
  ];
  for (const [state, problem, source, halves] of cases) {
    const { synth, speaker } = signalPath({ state, problem, source });
    assert.equal(`${synth} ${speaker}`, halves, `${state} ${problem}`);
  }
});
