/** Where memory cannot be shared: the same ring code behind a port, with recycled buffers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlayout } from '../../web/core/controls.js';
import { PortSink } from '../../web/core/port_sink.js';
import { Receiver } from '../../web/core/receiver.js';
import { addressOf, audio, gap, message } from './sim/records.js';
import { newProcessor, setCurrentFrame } from './sim/worklet.js';

const MS = 44.1;

/** Receiver, port and worklet of its own memory. Blocks come back at once, or never. */
class PortChain {
  processor = newProcessor(null);
  /** @type {any} */
  port = { onmessage: null, postMessage: (/** @type {ArrayBuffer} */ block) => void this.returned.push(block) };
  /** @type {ArrayBuffer[]} */
  returned = [];
  posted = 0;
  /** The audio thread takes no messages meanwhile. */
  deaf = false;
  /** @type {ArrayBuffer[]} */
  held = [];
  sink = new PortSink((block) => this.#post(block));
  receiver = new Receiver(this.sink);
  contextFrame = 0;
  /** @type {number[]} */
  played = [];
  #output = [[new Float32Array(128), new Float32Array(128)]];

  constructor() {
    this.processor.port.onmessage?.({ data: { type: 'port', port: this.port } });
    this.receiver.connected();
  }

  /** @param {number} seq @param {number} frameIndex */
  packet(seq, frameIndex) {
    this.receiver.receive(message(audio({ seq, frameIndex, frames: 128 })), 0);
  }

  render() {
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

  /** @returns {import('../../web/core/controls.js').PlayoutReading} as the page gets it */
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
  for (let block = 0; block < 3000; block += 1) {
    chain.packet(block, block * 128);
    chain.render();
  }
  const began = chain.played.findIndex((address) => address > 0) + 500;
  for (let frame = began + 1; frame < chain.played.length; frame += 1) {
    assert.equal(chain.played[frame], /** @type {number} */ (chain.played[frame - 1]) + 1);
  }
  assert.ok(chain.posted <= 1002, `${chain.posted} messages for 3000 packets`);
  assert.equal(chain.sink.droppedFrames, 0);
  const reading = chain.poll();
  assert.ok(reading.late_count === 0 && reading.blocks === 3000);
});

test('gaps and restarts keep their place among the frames', () => {
  const chain = new PortChain();
  for (let block = 0; block < 500; block += 1) {
    chain.packet(block, block * 128);
    chain.render();
  }
  chain.receiver.receive(message(gap({ seq: 500, frameIndex: 64_000, frames: 128, cause: 1 })), 0);
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
  const last = /** @type {number} */ (chain.played.at(-1));
  assert.ok(last > 2500 * 128 - 60 * MS, `frame ${last} of ${2500 * 128} is playing`);
});

test('what is no block is passed over', () => {
  const chain = new PortChain();
  chain.port.onmessage({ data: new ArrayBuffer(12) });
  chain.sink.recycle(new ArrayBuffer(12));
});
