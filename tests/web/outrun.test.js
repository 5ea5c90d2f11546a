/** A source that constantly loses frames falls behind every line; the frames that it delivers are still heard. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Outrun } from '../../web/core/playout/outrun.js';
import { randomFrom } from './sim/random.js';
import { TraceRun } from './sim/trace_run.js';

const RATE_HZ = 44_100;
const PACKET_FRAMES = 128;
const SECONDS = 40;

/** @param {number} missing share of the frames that the source loses @returns {import('./sim/trace.js').TracePacket[]} */
function slowSource(missing) {
  const draw = randomFrom(7);
  const packetMs = (PACKET_FRAMES * 1000) / (RATE_HZ * (1 - missing));
  return Array.from({ length: Math.floor((SECONDS * 1000) / packetMs) }, (_, at) => (
    { frame_index: at * PACKET_FRAMES, capture_ms: at * packetMs, arrival_ms: at * packetMs + 4 + 2 * draw() * draw() }));
}

for (const [missing, mode] of /** @type {[number, 'auto' | 'lowest' | 'safest'][]} */ (
  [0.05, 0.1, 0.2, 0.33].flatMap((share) => ['auto', 'lowest', 'safest'].map((name) => [share, name])))) {
  test(`a source that loses ${missing * 100} % of its frames: in ${mode}, most of the others are heard`, () => {
    const heard = new TraceRun(slowSource(missing), PACKET_FRAMES, { mode }).run().heard();
    assert.ok(heard.concealed_ms < (missing + 0.2) * SECONDS * 1000, JSON.stringify(heard));
    assert.ok(heard.mean_delay_ms < 500, JSON.stringify(heard));
  });
}

/**
 * @param {Outrun} outrun
 * @param {number} blocks
 * @param {(block: number) => number} late
 * @param {number} [came]
 * @returns {number} how often it reported being outrun
 */
function said(outrun, blocks, late, came = PACKET_FRAMES) {
  let times = 0;
  for (let block = 0; block < blocks; block += 1) if (outrun.observe(came, PACKET_FRAMES, late(block))) times += 1;
  return times;
}

test('what comes ever later, or stays late, has fallen behind; what catches up has not; nor what does not come', () => {
  assert.equal(said(new Outrun(RATE_HZ), 200, (block) => 1000 + block), 1 + Math.floor((200 - 173) / 21));
  assert.equal(said(new Outrun(RATE_HZ), 174, () => 1000), 1);
  assert.equal(said(new Outrun(RATE_HZ), 1000, (block) => 100_000 - block), 0);
  assert.equal(said(new Outrun(RATE_HZ), 10_000, () => 1000, 0), 0);
});

test('half a second has to be late in a row, and a burst counts as one packet', () => {
  const outrun = new Outrun(RATE_HZ);
  assert.equal(said(outrun, 170, () => 1000), 0);
  outrun.inTime(128);
  assert.equal(said(outrun, 170, () => 1000, RATE_HZ), 0);
});

test('once it has happened, 60 ms are enough, until half a minute was in time; another timeline knows nothing of it', () => {
  const late = () => 1000;
  const outrun = new Outrun(RATE_HZ);
  assert.equal(said(outrun, 173, late), 1);
  outrun.inTime(29 * RATE_HZ);
  assert.equal(said(outrun, 21, late), 1);
  outrun.inTime(30 * RATE_HZ);
  assert.equal(said(outrun, 21, late), 0);
  outrun.inTime(1);
  assert.equal(said(outrun, 173, late), 1);
  outrun.restart();
  assert.equal(said(outrun, 21, late), 0);
});
