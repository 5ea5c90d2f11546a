/** The receiver: whatever arrives, the sink gets one timeline without holes, and every loss counts once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAUSE_SERVICE_STOPPED, CAUSE_SOURCE_CHANGE } from '../../web/core/causes.js';
import { Receiver } from '../../web/core/net/receiver.js';
import { GAP_FRAMES_MAX, RING_BYTES, RingWriter } from '../../web/core/playout/ring.js';
import { SEED, randomFrom } from './sim/random.js';
import { audio, gap, message, note, record } from './sim/records.js';

/** Records the calls it gets, and insists on continuity as the ring does. */
class Notebook {
  /** @type {string[]} */
  lines = [];
  #ring = new RingWriter(new ArrayBuffer(RING_BYTES));

  /** @param {number} position */
  restart(position) {
    this.#ring.restart(position);
    this.lines.push(`restart ${position}`);
  }

  /** @param {number} position @param {Float32Array} samples @param {number} frames */
  audio(position, samples, frames) {
    this.#ring.audio(position, samples, frames);
    this.lines.push(`audio ${position}+${frames}`);
  }

  /** @param {number} position @param {number} frames @param {number} cause */
  gap(position, frames, cause) {
    this.#ring.gap(position, frames, cause);
    this.lines.push(`gap ${position}+${frames} ${cause}`);
  }

  /** @param {number} position @param {Float32Array} samples @param {number} frames @returns {boolean} */
  fill(position, samples, frames) {
    const isDone = this.#ring.fill(position, samples, frames);
    this.lines.push(`fill ${position}+${frames}${isDone ? '' : ' too late'}`);
    return isDone;
  }

  line() {}

  renderedFrame() {
    return null;
  }

  expectSound() {}

  expectChunk() {}
  expectSilence() {}
}

/** @param {...(Uint8Array | ArrayBuffer)} messages a record, or a whole message @returns {{lines: string[], receiver: Receiver}} */
function receive(...messages) {
  const notebook = new Notebook();
  const receiver = new Receiver(notebook, 44_100);
  receiver.connected();
  messages.forEach((each, index) => receiver.receive(each instanceof ArrayBuffer ? each : message(each), index));
  return { lines: notebook.lines, receiver };
}

/** @param {Receiver} receiver @returns {Record<string, number>} the counts once the receiver waits for no more records */
function finalCounts(receiver) {
  receiver.connected();
  return Object.fromEntries(Object.entries(receiver.ledger.counts()).filter(([, count]) => count > 0));
}

/** @param {number} seq @param {number} frameIndex @param {number} [flags] */
const packet = (seq, frameIndex, flags = 0) => audio({ seq, frameIndex, frames: 10, flags });

const CASES = [
  {
    name: 'records in order are a timeline that begins with the first',
    messages: [packet(7, 100), packet(8, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: {},
  },
  {
    name: 'seq wraps',
    messages: [packet(2 ** 32 - 1, 100), packet(0, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: {},
  },
  {
    name: 'a record that comes twice is left out',
    messages: [packet(1, 100), packet(1, 100), packet(2, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: {},
  },
  {
    name: 'a gap is passed on and counted by its cause',
    messages: [packet(1, 100), gap({ seq: 2, frameIndex: 110, frames: 50, cause: 1 }), packet(3, 160)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+50 1', 'audio 160+10'],
    counts: { capture_xrun: 1 },
  },
  {
    name: 'a gap found after the fact is counted, and moves nothing',
    messages: [packet(1, 100), gap({ seq: 2, frameIndex: 110, frames: 6, cause: 2, flags: 2 }), packet(3, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: { usb_loss: 1 },
  },
  {
    name: 'a loss that was declared is counted once, and its hole carries its cause',
    messages: [packet(1, 100), note({ lostPackets: 3, lostFrames: 30 }), packet(5, 140)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+30 6', 'audio 140+10'],
    counts: { queue_drop: 1 },
  },
  {
    name: 'a note without a loss is no glitch',
    messages: [packet(1, 100), note({ lostPackets: 0, lostFrames: 0, cause: 0 }), packet(2, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: {},
  },
  {
    name: 'a jump nobody declared is a fault of the service',
    messages: [packet(1, 100), packet(4, 130)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+20 259', 'audio 130+10'],
    counts: { unexplained_loss: 1 },
  },
  {
    name: 'a declared loss of another size does not explain a jump',
    messages: [packet(1, 100), note({ lostPackets: 1, lostFrames: 10 }), packet(4, 130)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+20 259', 'audio 130+10'],
    counts: { queue_drop: 1, unexplained_loss: 1 },
  },
  {
    name: 'neighbours that swapped are put in order, and nothing was lost',
    messages: [packet(1, 100), packet(3, 120), packet(2, 110), packet(4, 130)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+10 259', 'audio 120+10', 'fill 110+10', 'audio 130+10'],
    counts: {},
  },
  {
    name: 'a hole is filled from both ends',
    messages: [packet(1, 100), packet(5, 140), packet(2, 110), packet(4, 130), packet(3, 120)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+30 259', 'audio 140+10', 'fill 110+10', 'fill 130+10', 'fill 120+10'],
    counts: {},
  },
  {
    name: 'across the wrap of seq and of positions, too',
    messages: [packet(2 ** 32 - 2, 2 ** 32 - 20), packet(0, 2 ** 32), packet(2 ** 32 - 1, 2 ** 32 - 10)],
    lines: ['restart -20', 'audio -20+10', 'gap -10+10 259', 'audio 0+10', 'fill -10+10'],
    counts: {},
  },
  {
    name: 'what is left of a hole is lost, once',
    messages: [packet(1, 100), packet(4, 130), packet(3, 120), packet(5, 140)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+20 259', 'audio 130+10', 'fill 120+10', 'audio 140+10'],
    counts: { unexplained_loss: 1 },
  },
  {
    name: 'a late record that comes twice fills nothing twice',
    messages: [packet(1, 100), packet(3, 120), packet(2, 110), packet(2, 110), packet(3, 120)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+10 259', 'audio 120+10', 'fill 110+10'],
    counts: {},
  },
  {
    name: 'a late record whose frames do not lie in its hole fills nothing',
    messages: [packet(1, 100), packet(3, 120), packet(2, 115), packet(2, 105)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+10 259', 'audio 120+10'],
    counts: { unexplained_loss: 1 },
  },
  {
    name: 'a late record does not reach into a timeline that is over',
    messages: [packet(1, 100), packet(3, 120), packet(4, 9000, 1), packet(2, 110)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+10 259', 'audio 120+10', 'restart 9000', 'audio 9000+10'],
    counts: { unexplained_loss: 1 },
  },
  {
    name: 'frames that jump while seq does not are a fault of the service too',
    messages: [packet(1, 100), packet(2, 130)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+20 259', 'audio 130+10'],
    counts: { unexplained_loss: 1 },
  },
  {
    name: 'restart begins a timeline, wherever it lies',
    messages: [packet(1, 100), packet(2, 9000, 1), packet(3, 9010)],
    lines: ['restart 100', 'audio 100+10', 'restart 9000', 'audio 9000+10', 'audio 9010+10'],
    counts: {},
  },
  {
    name: 'a gap can begin a timeline',
    messages: [packet(1, 100), gap({ seq: 2, frameIndex: 110, frames: 5, cause: 5, flags: 1 }), packet(3, 115)],
    lines: ['restart 100', 'audio 100+10', 'restart 110', 'gap 110+5 5', 'audio 115+10'],
    counts: { source_change: 1 },
  },
  {
    name: 'a gap as long as the ring leaves nothing to join on to',
    messages: [packet(1, 100), gap({ seq: 2, frameIndex: 110, frames: 2 ** 32 - 1, cause: 3 }), packet(3, 109 + 2 ** 32)],
    lines: ['restart 100', 'audio 100+10', 'restart 109', 'audio 109+10'],
    counts: { device_gone: 1 },
  },
  {
    name: 'frames that run backwards begin a timeline',
    messages: [packet(1, 100), packet(2, 50)],
    lines: ['restart 100', 'audio 100+10', 'restart 50', 'audio 50+10'],
    counts: { unexplained_loss: 1 },
  },
  {
    name: 'positions are the low 32 bits of the frame index',
    messages: [packet(1, 2 ** 31 - 10), packet(2, 2 ** 31), packet(3, 2 ** 31 + 10)],
    lines: [`restart ${2 ** 31 - 10}`, `audio ${2 ** 31 - 10}+10`, `audio ${-(2 ** 31)}+10`, `audio ${-(2 ** 31) + 10}+10`],
    counts: {},
  },
  {
    name: 'another stream is nobody\'s business yet',
    messages: [packet(1, 100), record({ kind: 1, stream: 1, seq: 900, frameIndex: 5, samples: new Int16Array(20) }), packet(2, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: {},
  },
  {
    name: 'a damaged message is counted once, and so is what it held',
    messages: [packet(1, 100), message(packet(2, 110)).slice(0, 50), packet(3, 120)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+10 260', 'audio 120+10'],
    counts: { bad_packet: 1 },
  },
  {
    name: 'of a message that is sound only at its beginning nothing is used',
    messages: [packet(1, 100), message(packet(2, 110), record({ kind: 9 })), packet(3, 120)],
    lines: ['restart 100', 'audio 100+10', 'gap 110+10 260', 'audio 120+10'],
    counts: { bad_packet: 1 },
  },
  {
    name: 'a message of another version is refused',
    messages: [packet(1, 100), record({ version: 2, kind: 1, samples: new Int16Array(2) }), packet(2, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: { bad_packet: 1 },
  },
  {
    name: 'an oversized message is refused',
    messages: [packet(1, 100), new ArrayBuffer(70_000), packet(2, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: { bad_packet: 1 },
  },
  {
    name: 'a frame index no service can have reached is refused',
    messages: [packet(1, 100), record({ kind: 1, seq: 2, frameIndex: 2 ** 62, samples: new Int16Array(20) }), packet(3, 110)],
    lines: ['restart 100', 'audio 100+10', 'audio 110+10'],
    counts: { bad_packet: 1 },
  },
];

for (const { name, messages, lines, counts } of CASES) {
  test(name, () => {
    const got = receive(...messages);
    assert.deepEqual(got.lines, lines);
    assert.deepEqual(finalCounts(got.receiver), counts);
  });
}

test('an overtaken record is waited for a second, and lost when it was missed', () => {
  const { receiver } = receive(packet(1, 100), packet(3, 120));
  receiver.receive(message(packet(4, 130)), 900);
  assert.equal(receiver.ledger.counts()['unexplained_loss'], 0);
  receiver.receive(message(packet(5, 140)), 1002);
  assert.deepEqual(receiver.ledger.entries(), [{ at_ms: 1, cause: 'unexplained_loss', length_ms: (10 * 1000) / 44_100 }]);
  receiver.receive(message(packet(2, 110)), 1003);
  assert.deepEqual([receiver.repeats, receiver.reordered], [1, 0]);
});

test('where order is kept there is nothing to wait for: a loss that was declared, or damage, opens no hole', () => {
  const { receiver } = receive(packet(1, 100), note({ lostPackets: 2, lostFrames: 20 }), packet(4, 130), packet(3, 120), new ArrayBuffer(3), packet(6, 150), packet(5, 140));
  assert.deepEqual([receiver.repeats, receiver.reordered], [2, 0]);
  assert.deepEqual(finalCounts(receiver), { queue_drop: 1, bad_packet: 1 });
});

test('a connection that broke while sound was flowing is one glitch, and the next begins anew', () => {
  const { receiver, lines } = receive(packet(1, 100));
  receiver.disconnected(4);
  receiver.disconnected(4);
  receiver.receive(message(packet(40, 9000)), 5);
  assert.deepEqual(lines.slice(2), ['restart 9000', 'audio 9000+10']);
  assert.equal(receiver.ledger.counts()['network_late'], 1);
  assert.equal(receiver.ledger.counts()['unexplained_loss'], 0);
});

test('an outage is counted when sound is back, with its length, and a service that begins anew is named, not the network', () => {
  const after = (/** @type {number} */ frameIndex, /** @type {number | null} */ cause = null) => {
    const { receiver } = receive(packet(1, 9000));
    receiver.disconnected(100, cause);
    assert.deepEqual(finalCounts(receiver), {});
    receiver.receive(message(packet(0, frameIndex)), 2600);
    return receiver.ledger.entries();
  };
  assert.deepEqual(after(90_000), [{ at_ms: 100, cause: 'network_late', length_ms: 2500 }]);
  assert.deepEqual(after(0), [{ at_ms: 100, cause: 'service_stopped', length_ms: 2500 }]);
  assert.deepEqual(after(90_000, CAUSE_SERVICE_STOPPED), [{ at_ms: 100, cause: 'service_stopped', length_ms: 2500 }], 'the service said so');
  assert.deepEqual(after(0, CAUSE_SOURCE_CHANGE), [{ at_ms: 100, cause: 'source_change', length_ms: 2500 }], 'a stream of another rate');
});

test('the last refusal is kept in words', () => {
  assert.equal(receive(new ArrayBuffer(3)).receiver.lastRefusal, 'the record at byte 0 is of version 0, this program speaks 1');
});

test('any sequence of sound records gives the sink one timeline without holes', () => {
  for (let round = 0; round < 300; round += 1) {
    const random = randomFrom(SEED + round);
    const whole = (/** @type {number} */ below) => Math.floor(random() * below);
    const records = Array.from({ length: 60 }, () => {
      const place = { seq: whole(40), frameIndex: whole(3) ? whole(1000) : whole(2 ** 33), flags: whole(4) };
      if (random() < 0.6) return audio({ ...place, frames: 1 + whole(50) });
      if (random() < 0.6) return gap({ ...place, frames: 1 + whole(whole(2) ? 2 ** 32 - 1 : 2 * GAP_FRAMES_MAX), cause: whole(8) });
      return note({ lostPackets: whole(5), lostFrames: whole(50) });
    });
    try {
      receive(...records); // the notebook's ring throws at the first hole
    } catch (error) {
      assert.fail(`seed ${SEED}, round ${round}: ${String(error)}`);
    }
  }
});

test('what was learned of the clocks is remembered for a stream of the same rate; the device\'s own clock for any', () => {
  const memoryAt = (/** @type {number} */ rateHz, /** @type {object} */ said) => {
    const receiver = new Receiver(new Notebook(), 44_100, { stream_ppm: 200, context_ppm: 100, ...said });
    receiver.runsAt(rateHz);
    const { stream_ppm: stream, context_ppm: context, stream_rate_hz: rate } = receiver.liveEdge.memory;
    return [stream, context, rate];
  };
  assert.deepEqual(memoryAt(44_100, {}), [200, 100, 44_100], 'a memory without a rate is of the instrument');
  assert.deepEqual(memoryAt(96_000, {}), [0, 100, 96_000]);
  assert.deepEqual(memoryAt(96_000, { stream_rate_hz: 96_000 }), [200, 100, 96_000]);
  assert.deepEqual(memoryAt(44_100, { stream_rate_hz: 96_000 }), [0, 100, 44_100]);
});

test('an observer of arrivals is told every record of sound, and when a connection is new', () => {
  /** @type {unknown[]} */
  const told = [];
  const observer = { clear: () => told.push('clear'), arrived: (/** @type {number[]} */ ...record) => told.push(record) };
  const receiver = new Receiver(new RingWriter(new ArrayBuffer(RING_BYTES)), 48_000, null, [observer, observer]);
  receiver.connected();
  receiver.receive(message(packet(0, 100)), 7);
  assert.equal(told.length, 4, JSON.stringify(told));
  assert.deepEqual(told.slice(0, 2), ['clear', 'clear']);
  assert.deepEqual([told[2], told[3]].map((record) => /** @type {number[]} */ (record).filter((_, at) => at !== 1)), [[100, 7], [100, 7]]);
});
