/** The clocks (service against page, page against audio, frames against capture) and the delay that follows from them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../../web/core/net/backoff.js';
import { Arrivals } from '../../web/core/net/arrivals.js';
import { CaptureMap, captureNsAt } from '../../web/core/clock/capture_map.js';
import { nextQuestionMs, PeerClock } from '../../web/core/clock/peer_clock.js';
import { delayMs } from '../../web/core/page/delay.js';
import { OutputClock } from '../../web/core/clock/output_clock.js';
import { SEED, randomFrom } from './sim/random.js';

/** Page time is large, as if it counted from 1970; the service counts from its boot. */
const PAGE_MS = 1_800_000_000_000;
const OFFSET_MS = 123_456.789 - PAGE_MS;

test('the offset is right to a tenth of a millisecond though half the pongs are late, and on one way only', () => {
  const random = randomFrom(SEED);
  const clock = new PeerClock();
  assert.equal(clock.reading(PAGE_MS), null);
  for (let second = 0; second < 60; second += 1) {
    const sentMs = PAGE_MS + second * 1000;
    const out = 0.2 + (random() < 0.5 ? 30 * random() : 0.1 * random());
    const back = 0.2 + (random() < 0.1 ? 30 * random() : 0.1 * random());
    const receivedMs = sentMs + out + OFFSET_MS;
    clock.observe(sentMs, sentMs + out + 0.05 + back, receivedMs, receivedMs + 0.05);
  }
  const reading = clock.reading(PAGE_MS + 60_000);
  assert.ok(Math.abs((reading?.offset_ms ?? 0) - OFFSET_MS) < 0.1, `seed ${SEED}`);
  assert.ok((reading?.round_trip_ms ?? 99) < 0.7);
});

test('clocks that drift apart by 100 ppm are followed', () => {
  const clock = new PeerClock();
  let truth = 0;
  for (let second = 0; second < 600; second += 1) {
    const sentMs = PAGE_MS + second * 1000;
    truth = OFFSET_MS + second * 0.1;
    const slow = second % 10 === 0 ? 0 : 5; // one fast pong in ten seconds
    clock.observe(sentMs, sentMs + 0.4 + slow, sentMs + 0.2 + truth, sentMs + 0.2 + truth);
  }
  assert.ok(Math.abs((clock.reading(PAGE_MS + 600_000)?.offset_ms ?? 0) - truth) < 1.1);
});

test('a pong that came before its ping is nonsense', () => {
  const clock = new PeerClock();
  clock.observe(PAGE_MS, PAGE_MS - 5, 1000, 1000);
  clock.observe(PAGE_MS, NaN, 1000, 1000);
  assert.equal(clock.reading(PAGE_MS), null);
});

test('a clock that was set is believed at the next answer, one that is only slow to answer is not', () => {
  const clock = new PeerClock();
  for (let second = 0; second < 20; second += 1) clock.observe(second * 1000, second * 1000 + 0.2, second * 1000 + 0.1, second * 1000 + 0.1);
  clock.observe(20_000, 20_300, 20_299, 20_299);
  assert.ok(Math.abs(clock.reading(20_300)?.offset_ms ?? 99) < 0.1, 'late on one way');
  clock.observe(21_000, 21_000.2, 21_500.1, 21_500.1);
  assert.ok(Math.abs((clock.reading(21_001)?.offset_ms ?? 0) - 500) < 0.1, 'set');
  clock.observe(21_000 - 3_600_000, 21_000.2 - 3_600_000, 21_500.1, 21_500.1);
  assert.ok(Math.abs((clock.reading(21_001 - 3_600_000)?.offset_ms ?? 0) - 3_600_500) < 0.1, 'ours was set, back');
});

test('a message cannot come before it went, nor be under way for long', () => {
  const clock = new PeerClock();
  assert.equal(clock.agrees(5, 1e9), true, 'nothing is known yet');
  clock.observe(0, 1, 0.5, 0.5);
  assert.equal(clock.agrees(100, 101.9), true, 'browsers round their clocks');
  assert.equal(clock.agrees(1000, 100), true, 'it waited');
  assert.equal(clock.agrees(1000, 1010), false);
  assert.equal(clock.reading(1000), null);
  clock.observe(0, 1, 0.5, 0.5);
  assert.equal(clock.agrees(5000, 3000), false);
});

test('pings come in a burst, then once a second', () => {
  assert.deepEqual([nextQuestionMs(1), nextQuestionMs(7), nextQuestionMs(8), nextQuestionMs(500)], [40, 40, 1000, 1000]);
});

test('reconnecting waits a quarter second, doubling to five', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 20].map((attempts) => backoffMs(attempts, 1)), [250, 500, 1000, 2000, 4000, 5000, 5000]);
  assert.equal(backoffMs(3, 0), 750);
});

test('travel is told for the last full second', () => {
  const arrivals = new Arrivals();
  for (let ms = 0; ms < 1500; ms += 10) arrivals.observe(ms + 5 + (ms === 500 ? 20 : 0), (ms + 1) * 1e6);
  assert.deepEqual([arrivals.travel?.least_ms, arrivals.travel?.most_ms], [4, 24]);
});

test('capture stamps that jitter by 2 ms make a map that does not', () => {
  const random = randomFrom(SEED);
  const map = new CaptureMap();
  const errors = [];
  for (let frame = 0; frame < 441_000; frame += 128) {
    map.observe(frame, 5e9 + (frame * 1e9) / 44_100 + (random() - 0.5) * 4e6, 128);
    const anchor = map.anchor;
    if (anchor && frame > 100_000) errors.push(Math.abs(captureNsAt(anchor, frame) - 5e9 - (frame * 1e9) / 44_100));
  }
  assert.ok(Math.max(...errors) < 0.6e6, `seed ${SEED}: ${Math.max(...errors)} ns`);
});

test('a capture stamp that steps is followed at once', () => {
  const map = new CaptureMap();
  map.observe(0, 1e9, 128);
  map.observe(128, 9e9, 128);
  assert.deepEqual(map.anchor, { frame_index: 128, capture_ns: 9e9 });
});

test('positions find their frame across the wrap', () => {
  const anchor = { frame_index: 2 ** 40 + 50, capture_ns: 1e12 };
  const near = (/** @type {number} */ ns, /** @type {number} */ wanted) => assert.ok(Math.abs(ns - wanted) < 1, `${ns} ns`);
  near(captureNsAt(anchor, (2 ** 40) | 0), 1e12 - 50e9 / 44_100);
  near(captureNsAt({ frame_index: 2 ** 32 - 10, capture_ns: 0 }, 34), 44e9 / 44_100);
});

/**
 * A context whose output is `latencyMs` behind rendering, with callbacks of `burstMs`; page time goes on.
 *
 * @param {OutputClock} clock @param {{latencyMs: number, burstMs?: number, stamped?: boolean, lies?: boolean, jitterMs?: number, says?: number | null, seconds?: number}} engine
 */
function listen(clock, { latencyMs, burstMs = 11.6, stamped = true, lies = false, jitterMs = 0, says = null, seconds = 5 }) {
  const random = randomFrom(SEED);
  for (let passed = 0; passed < seconds * 1000; passed += 100 + random() * 10) {
    const nowMs = PAGE_MS + passed;
    // currentTime shows the end of the rendered sound.
    const contextMs = Math.floor(passed / burstMs + 1) * burstMs;
    const age = random() * burstMs;
    const heard = lies ? contextMs : passed - age - latencyMs + (random() - 0.5) * 2 * jitterMs;
    const stamp = stamped ? { context_ms: heard, at_ms: lies ? nowMs : nowMs - age } : null;
    clock.observe({ now_ms: nowMs, context_ms: contextMs, stamp, latency_ms: says });
  }
}

test('by stamps the ear is found, though they jitter', () => {
  const clock = new OutputClock();
  assert.equal(clock.heardContextMs(PAGE_MS), null);
  listen(clock, { latencyMs: 33, jitterMs: 3 });
  assert.equal(clock.method, 'stamp');
  assert.ok(Math.abs((clock.heardContextMs(PAGE_MS + 6000) ?? 0) - (6000 - 33)) < 1.5, `seed ${SEED}`);
  assert.ok(Math.abs((clock.pageMsWhenHeard(1000) ?? 0) - (PAGE_MS + 1033)) < 1.5);
});

test('without stamps the latency leads there', () => {
  const clock = new OutputClock();
  listen(clock, { latencyMs: 33, stamped: false, says: 33 });
  assert.equal(clock.method, 'latency');
  assert.ok(Math.abs((clock.heardContextMs(PAGE_MS + 6000) ?? 0) - (6000 - 33)) < 5, `seed ${SEED}`);
});

test('a stamp that claims no latency at all is not believed', () => {
  const clock = new OutputClock();
  listen(clock, { latencyMs: 33, lies: true, says: 33 });
  assert.equal(clock.method, 'latency');
  const silent = new OutputClock();
  listen(silent, { latencyMs: 33, lies: true, says: null });
  assert.equal(silent.heardContextMs(PAGE_MS), null, 'unknown is unknown');
});

test('after another device took over, its latency is found within a second', () => {
  const clock = new OutputClock();
  listen(clock, { latencyMs: 33 });
  clock.reset();
  listen(clock, { latencyMs: 180, seconds: 1 });
  assert.ok(Math.abs((clock.heardContextMs(PAGE_MS + 1000) ?? 0) - (1000 - 180)) < 2);
});

test('the delay adds up from four clocks', () => {
  // Position 1000 was at context frame 44,100 (1 s); now 1.2 s of context time are audible; position 0 was captured at 10 s.
  const playout = /** @type {any} */ ({ stream_rate: 44_100, read_position: 1000, read_context_frame: 44_100, rate_ppm: 0 });
  const anchor = { frame_index: 0, capture_ns: 10e9 };
  const heard = 1000 + 0.2 * 44_100;
  const serviceNowMs = 10_000 + (heard * 1000) / 44_100 + 41.5;
  const delay = delayMs({
    nowMs: PAGE_MS, heardContextMs: 1200, contextRateHz: 44_100, playout, anchor, serviceOffsetMs: serviceNowMs - PAGE_MS,
  });
  assert.ok(Math.abs(delay - 41.5) < 0.01, `${delay}`);
});

test('stamps that run ahead of the page are not believed, and what was believed before fades', () => {
  const clock = new OutputClock();
  listen(clock, { latencyMs: 33 });
  // WebKit: the page time of a stamp is off by the context's own time.
  for (let passed = 6000; passed < 12_000; passed += 100) {
    const nowMs = PAGE_MS + passed;
    clock.observe({ now_ms: nowMs, context_ms: passed, stamp: { context_ms: passed - 33, at_ms: nowMs + 300 }, latency_ms: 33 });
  }
  assert.equal(clock.method, 'latency');
  assert.ok(Math.abs((clock.heardContextMs(PAGE_MS + 12_000) ?? 0) - (12_000 - 33)) < 5);
});
