/** Tests the ring without shared memory: the same code behind a message port, with recycled buffers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlayout } from '../../web/core/playout/controls.js';
import { nextLookMs } from '../../web/core/clock/live_edge.js';
import { applyBlock, PortSink, stampBlock } from '../../web/core/playout/port_sink.js';
import { Receiver } from '../../web/core/net/receiver.js';
import { SEED, randomFrom } from './sim/random.js';
import { addressOf, audio, gap, message } from './sim/records.js';
import { newProcessor, setCurrentFrame } from './sim/worklet.js';

const MS = 44.1;

/** Receiver, port and a worklet with its own memory; a packet and a block in turn. Buffers return at once, or never. */
class PortChain {
  processor = newProcessor(null);
  /** @type {any} */
  port = { onmessage: null, postMessage: (/** @type {ArrayBuffer} */ block) => void this.returned.push(block) };
  /** @type {ArrayBuffer[]} */
  returned = [];
  posted = 0;
  /** True if the audio thread takes no messages. */
  deaf = false;
  /** @type {ArrayBuffer[]} */
  held = [];
  sink = new PortSink((block) => this.#post(block));
  receiver = new Receiver(this.sink, 44_100);
  contextFrame = 0;
  nowMs = 0;
  #lookMs = 0;
  #random = randomFrom(SEED);
  /** @type {number[]} */
  played = [];
  #output = [[new Float32Array(128), new Float32Array(128)]];

  constructor() {
    this.processor.port.onmessage?.({ data: { type: 'port', port: this.port } });
    this.receiver.connected();
  }

  /** @param {number} seq @param {number} frameIndex */
  packet(seq, frameIndex) {
    this.receive(audio({ seq, frameIndex, frames: 128 }));
  }

  /** @param {Uint8Array} record after another 128 frames of time */
  receive(record) {
    this.nowMs += 128 / MS;
    this.receiver.receive(message(record), this.nowMs);
  }

  /** A moment later, before the next block, the Worker may have asked for the audio thread's position. */
  render() {
    const renderedMs = this.nowMs + 1.3;
    this.#render();
    for (; this.#lookMs < renderedMs + 128 / MS; this.#lookMs += nextLookMs(this.#random())) {
      if (this.#lookMs < renderedMs) continue;
      this.sink.askRendered();
      this.receiver.noteRendered(this.#lookMs);
    }
  }

  #render() {
    setCurrentFrame(this.contextFrame);
    this.processor.process([], this.#output);
    const [left, right] = /** @type {[Float32Array, Float32Array]} */ (/** @type {unknown} */ (this.#output[0]));
    for (let frame = 0; frame < 128; frame += 1) this.played.push(addressOf(/** @type {number} */ (left[frame]), /** @type {number} */ (right[frame])));
    this.contextFrame += 128;
  }

  hear() {
    this.deaf = false;
    for (const block of this.held.splice(0)) this.#deliver(block);
  }

  /** @returns {import('../../web/core/playout/controls.js').PlayoutReading} as the page receives it */
  poll() {
    this.processor.port.sent.length = 0;
    this.processor.port.onmessage?.({ data: { type: 'poll' } });
    return /** @type {any} */ (readPlayout(this.processor.port.sent[0].words));
  }

  /** @param {ArrayBuffer} block */
  #post(block) {
    this.posted += 1;
    const moved = structuredClone(block, { transfer: [block] });
    if (this.deaf) this.held.push(moved);
    else this.#deliver(moved);
  }

  /** @param {ArrayBuffer} block */
  #deliver(block) {
    this.port.onmessage({ data: block });
    for (const back of this.returned.splice(0)) this.sink.recycle(back);
  }
}

test('frames come through a port bit for bit, in batches, and buffers come back', () => {
  const chain = new PortChain();
  for (let block = 0; block < 15_000; block += 1) {
    chain.packet(block, block * 128);
    chain.render();
  }
  // After this time the page has applied the clock corrections that it learned in the first seconds, and passes frames unchanged
  // again.
  for (let frame = chain.played.length - 10 * 44_100; frame < chain.played.length; frame += 1) {
    assert.equal(chain.played[frame], /** @type {number} */ (chain.played[frame - 1]) + 1);
  }
  // A third of the packets, ten lines a second, and a question every 4 to 24 ms.
  const seconds = (15_000 * 128) / 44_100;
  assert.ok(chain.posted <= 5002 + 2 * 10 * seconds + seconds * 90, `${chain.posted} messages for 15,000 packets`);
  assert.equal(chain.sink.droppedFrames, 0);
  const reading = chain.poll();
  assert.ok(reading.late_count === 0 && reading.blocks === 15_000);
});

test('gaps and restarts keep their place among the frames', () => {
  const chain = new PortChain();
  for (let block = 0; block < 500; block += 1) {
    chain.packet(block, block * 128);
    chain.render();
  }
  chain.receive(gap({ seq: 500, frameIndex: 64_000, frames: 128, cause: 1 }));
  chain.render();
  for (let block = 501; block < 800; block += 1) {
    chain.packet(block, block * 128);
    chain.render();
  }
  const before = chain.played.lastIndexOf(63_999);
  assert.ok(before > 0);
  assert.equal(chain.played[before + 128 + 500], 63_999 + 128 + 500, 'after the gap every frame is at its place');
});

test('an audio thread that takes no messages costs frames, not memory, and goes on live', () => {
  const chain = new PortChain();
  const at = (/** @type {number} */ block) => {
    chain.packet(block, block * 128);
  };
  for (let block = 0; block < 300; block += 1) {
    at(block);
    chain.render();
  }
  chain.deaf = true;
  for (let block = 300; block < 2000; block += 1) at(block);
  assert.ok(chain.sink.droppedFrames > 0 && chain.held.length <= 32, `${chain.held.length} blocks under way`);
  chain.hear();
  for (let block = 2000; block < 2500; block += 1) {
    at(block);
    chain.render();
  }
  // Blocks that arrived while the thread took no messages have moved the clocks a little: the last exact frame may lie some
  // blocks back.
  const last = chain.played.slice(-44_100).reduce((newest, address) => Math.max(newest, address), -1);
  assert.ok(last > 2500 * 128 - 1000 * MS, `frame ${last} of ${2500 * 128} was the last to be heard as it is`);
});

test('the live edge comes through a port whole, and the audio thread says how far it is', () => {
  /** @type {import('../../web/core/clock/live_edge.js').Line[]} */
  const lines = [];
  /** @type {any} */
  const ring = { line: (/** @type {any} */ line) => void lines.push(line) };
  let contextFrame = 2 ** 31 + 128;
  /** @type {PortSink} */
  const sink = new PortSink((block) => {
    applyBlock(block, ring);
    stampBlock(block, contextFrame);
    sink.recycle(block);
  });
  assert.equal(sink.renderedFrame(), null, 'unknown');
  const line = { context_frame: 2 ** 40 + 5, position: 2 ** 41 + 0.125, drift_ppm: -31.5, shift_frames: 12.5, bias_frames: 31 };
  sink.line(line);
  assert.deepEqual(lines, [line]);
  assert.equal(sink.renderedFrame(), (2 ** 31 + 128) | 0);
  assert.equal(sink.renderedFrame(), null, 'once: an old word says nothing of now');
  contextFrame += 128;
  sink.askRendered();
  assert.equal(sink.renderedFrame(), (2 ** 31 + 256) | 0);
  assert.equal(lines.length, 1, 'a question changes nothing');
});

test('a line is told after the frames that came before it', () => {
  /** @type {string[]} */
  const told = [];
  /** @type {any} */
  const ring = { audio: () => void told.push('audio'), restart: () => void told.push('restart'), line: () => void told.push('line') };
  const sink = new PortSink((block) => applyBlock(block, ring));
  sink.restart(0);
  sink.audio(0, new Float32Array(256), 128);
  sink.line({ context_frame: 0, position: 0, drift_ppm: 0, shift_frames: 0, bias_frames: 0 });
  assert.deepEqual(told, ['restart', 'audio', 'line']);
});

test('what others have overtaken is too late behind a port', () => {
  const sink = new PortSink(() => {});
  assert.equal(sink.fill(), false);
});

test('what is no block is passed over', () => {
  const chain = new PortChain();
  for (const bytes of [0, 12, 5000]) {
    chain.port.onmessage({ data: new ArrayBuffer(bytes) });
    chain.sink.recycle(new ArrayBuffer(bytes));
  }
  assert.equal(chain.sink.renderedFrame(), null);
});
