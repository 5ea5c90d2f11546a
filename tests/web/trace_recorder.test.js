/** The simulation can read the traces that the page records. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TraceRecorder } from '../../web/core/net/trace_recorder.js';
import { parseTrace } from './sim/trace.js';

const PACKET_MS = 128 / 44.1;

/**
 * Packets that take 2 ms, every tenth one 12 ms, seen by a page whose clock runs 80 ppm fast.
 *
 * @param {number} packets @returns {TraceRecorder}
 */
function record(packets) {
  const recorder = new TraceRecorder();
  const pageMs = (/** @type {number} */ serviceMs) => 1.7e12 + serviceMs * (1 + 80e-6);
  for (let packet = 0; packet < packets; packet += 1) {
    const captureMs = 5000 + packet * PACKET_MS;
    const arrivalMs = captureMs + PACKET_MS + (packet % 10 === 0 ? 12 : 2);
    recorder.arrived(packet * 128, captureMs * 1e6, pageMs(arrivalMs));
    if (packet % 344 === 0) recorder.compared(pageMs(arrivalMs), arrivalMs - pageMs(arrivalMs));
  }
  return recorder;
}

test('a recording is a trace, with both times on one clock', () => {
  const { packets, packetFrames } = parseTrace(record(20_000).csv() ?? '');
  assert.equal(packets.length, 20_000);
  assert.equal(packetFrames, 128);
  for (const [index, packet] of packets.entries()) {
    const travelMs = packet.arrival_ms - packet.capture_ms - PACKET_MS;
    assert.ok(Math.abs(travelMs - (index % 10 === 0 ? 12 : 2)) < 0.01, `packet ${index} took ${travelMs} ms`);
  }
});

test('the newest minutes are kept, in order', () => {
  const { packets } = parseTrace(record(70_000).csv() ?? '');
  assert.equal(packets.length, 62_000);
  assert.equal(packets[0]?.frame_index, 8000 * 128);
});

test('nothing seems to arrive before it was captured, and nothing is written of nothing', () => {
  const recorder = new TraceRecorder();
  assert.equal(recorder.csv(), null);
  recorder.compared(100, -50); // wrong by half a long round trip
  recorder.arrived(0, 60e6, 100);
  recorder.arrived(128, 62.9e6, 103);
  const { packets } = parseTrace(recorder.csv() ?? '');
  assert.ok(packets.every((packet) => packet.arrival_ms >= packet.capture_ms));
  recorder.clear();
  assert.equal(recorder.csv(), null);
});
