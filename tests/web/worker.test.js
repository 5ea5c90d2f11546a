/** The socket's thread: connecting, reconnecting, and invalid messages of a service. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlWords, RING_BYTES } from '../../web/core/playout/ring.js';
import { WORD } from '../../web/core/playout/controls.js';
import { faultWords } from '../../web/view/fault_words.js';
import { pass, reset, runningTimers } from './sim/browser.js';
import { audio, message } from './sim/records.js';

const SOURCE = { kind: 'synth', state: 'playing', name: 'MONTAGE', channels: 32, first_channel: 1, notice: '' };
const HELLO = {
  type: 'hello', wire_version: 1, server_version: '0.1.0', format: 's16le', rate_hz: 44_100, channels: 2, period_frames: 128,
  chunk_frames: 128, source: SOURCE,
};

/** @type {any[]} */
const sockets = [];
/** @type {any[]} */
const posted = [];

class FakeSocket {
  static OPEN = 1;
  readyState = 0;
  /** @type {any[]} */
  sent = [];
  closed = false;
  /** @type {any} */
  onopen = null;
  /** @type {any} */
  onmessage = null;
  /** @type {any} */
  onclose = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    sockets.push(this);
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  /** The service accepts, and greets. @param {object} [hello] */
  greet(hello = HELLO) {
    this.readyState = 1;
    this.onopen();
    this.onmessage({ data: JSON.stringify(hello) });
  }
}

/** @type {any} */
const self = { postMessage: (/** @type {any} */ value) => void posted.push(structuredClone(value)), close: () => {} };
reset({ self, WebSocket: FakeSocket });
await import('../../web/worker.js');

/** A worker that has just been told to connect. @returns {{memory: SharedArrayBuffer, words: Int32Array}} */
function open() {
  self.onmessage({ data: { type: 'close' } });
  reset({ self, WebSocket: FakeSocket });
  sockets.length = 0;
  posted.length = 0;
  const memory = new SharedArrayBuffer(RING_BYTES);
  self.onmessage({ data: { type: 'open', url: 'http://synthwire.local/', memory, port: null, context_rate_hz: 44_100, remembered: null, glitches: {} } });
  return { memory, words: controlWords(memory) };
}

const status = () => posted.filter(({ type }) => type === 'status').at(-1)?.status;

test('the first hello makes a connection, and sound goes into the ring', async () => {
  const { words } = open();
  const [socket] = sockets;
  assert.deepEqual([socket.url, socket.binaryType], ['ws://synthwire.local/ws', 'arraybuffer']);
  socket.greet();
  assert.deepEqual([status().connection, status().greeted, status().source.name], ['open', true, 'MONTAGE']);
  socket.onmessage({ data: message(audio({ seq: 1, frameIndex: 5000, frames: 128 })) });
  assert.equal(Atomics.load(words, WORD.WRITE), 5128);
  await pass(200);
  assert.deepEqual([status().seq, status().messages], [1, 1]);
});

for (const [name, code, detail] of /** @type {[string, number, string][]} */ ([
  ['stops', 1001, 'service_stopped'], ['is killed', 1006, 'service_ended'],
])) {
  test(`a service that ${name} is named as the cause, and no delay is blamed for the silence meanwhile`, async () => {
    const { words } = open();
    sockets[0].greet();
    sockets[0].onmessage({ data: message(audio({ seq: 900, frameIndex: 50_000, frames: 128 })) });
    sockets[0].onclose({ code, reason: '' });
    assert.deepEqual([status().problem, status().problem_detail], ['server_unreachable', detail]);
    assert.equal(Atomics.load(words, WORD.SILENCE_EXPECTED), 1);
    await pass(1000);
    assert.ok(sockets.length > 1);
    sockets.at(-1).onclose({ code: 1006, reason: '' });
    assert.equal(status().problem_detail, detail, 'an attempt that fails says nothing new');
    await pass(3000);
    sockets.at(-1).greet();
    assert.deepEqual([status().problem, Atomics.load(words, WORD.SILENCE_EXPECTED)], [null, 0]);
    sockets.at(-1).onmessage({ data: message(audio({ seq: 0, frameIndex: 0, frames: 128 })) });
    await pass(200);
    const { network_late: network, service_stopped: service } = status().glitches;
    assert.deepEqual([network, service], [0, 1]);
  });
}

test('a connection that falls silent, or ends without a network, is the network\'s', async () => {
  const { words } = open();
  sockets[0].greet();
  sockets[0].onmessage({ data: message(audio({ seq: 900, frameIndex: 50_000, frames: 128 })) });
  await pass(2000);
  sockets[0].onclose({ code: 1006, reason: '' });
  assert.deepEqual([status().problem_detail, Atomics.load(words, WORD.SILENCE_EXPECTED)], ['', 0]);
  open();
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true, writable: true });
  sockets[0].greet();
  sockets[0].onclose({ code: 1006, reason: '' });
  assert.equal(status().problem_detail, '');
});

test('no message is posted for a packet', async () => {
  open();
  sockets[0].greet();
  const before = posted.length;
  for (let seq = 0; seq < 100; seq += 1) sockets[0].onmessage({ data: message(audio({ seq, frameIndex: seq * 128, frames: 128 })) });
  assert.equal(posted.length, before);
});

test('sound before the hello is not played', () => {
  const { words } = open();
  sockets[0].readyState = 1;
  sockets[0].onopen();
  sockets[0].onmessage({ data: message(audio({ seq: 1, frameIndex: 5000, frames: 128 })) });
  assert.equal(Atomics.load(words, WORD.EPOCH), 0);
});

test('pings begin with a burst and go on once a second; their pongs make a clock', async () => {
  open();
  sockets[0].greet();
  await pass(320);
  assert.equal(sockets[0].sent.length, 8);
  for (const { id } of sockets[0].sent) sockets[0].onmessage({ data: JSON.stringify({ type: 'pong', id, received_ns: 7e9, sent_ns: 7e9 }) });
  await pass(100);
  assert.ok(status().clock.round_trip_ms < 400);
  await pass(3000);
  for (const { id } of sockets[0].sent) sockets[0].onmessage({ data: JSON.stringify({ type: 'pong', id, received_ns: 7e9, sent_ns: 7e9 }) });
  assert.ok(sockets[0].sent.length >= 10 && sockets[0].sent.length <= 12);
});

test('a service that goes away is tried again, slower each time, and at once fast again when it is back', async () => {
  open();
  sockets[0].greet();
  sockets[0].onmessage({ data: message(audio({ seq: 1, frameIndex: 5000, frames: 128 })) });
  const waits = [];
  for (let attempt = 0; attempt < 7; attempt += 1) {
    sockets.at(-1).onclose({ code: 1006, reason: '' });
    assert.deepEqual([status().connection, status().problem], ['retrying', 'server_unreachable']);
    const before = sockets.length;
    let waited = 0;
    for (; sockets.length === before; waited += 10) await pass(10);
    waits.push(waited);
  }
  [250, 500, 1000, 2000, 4000, 5000, 5000].forEach((longest, index) => {
    const waited = /** @type {number} */ (waits[index]);
    assert.ok(waited >= longest * 0.74 && waited <= longest + 20, `${waited} ms at attempt ${index + 1}`);
  });
  sockets.at(-1).greet();
  assert.deepEqual([status().connection, status().problem, status().reconnects], ['open', null, 1]);
  sockets.at(-1).onmessage({ data: message(audio({ seq: 900, frameIndex: 900_000, frames: 128 })) });
  await pass(200);
  assert.equal(status().glitches.network_late, 1);
  const before = sockets.length;
  sockets.at(-1).onclose({ code: 1001, reason: 'the service is stopping; it will be back' });
  assert.equal(faultWords(status().problem_detail), 'the service is stopping; it will be back');
  await pass(300);
  assert.equal(sockets.length, before + 1);
});

test('a connection on which nothing is heard for five seconds is dead', async () => {
  open();
  sockets[0].greet();
  await pass(4500);
  assert.equal(sockets.length, 1);
  await pass(1500);
  assert.ok(sockets[0].closed && sockets.length === 2);
  assert.deepEqual([status().problem, faultWords(status().problem_detail)], ['server_unreachable', 'nothing was heard for 5 seconds']);
});

test('a service that says no is heard', () => {
  open();
  sockets[0].onclose({ code: 1013, reason: 'too many listeners' });
  assert.deepEqual([status().problem, status().problem_detail], ['refused', 'too many listeners']);
});

for (const [version, problem] of [[2, 'server_too_new'], [0, 'server_too_old']]) {
  test(`wire version ${version} ends the attempts: only another page can help`, async () => {
    open();
    sockets[0].greet({ ...HELLO, wire_version: version });
    assert.deepEqual([status().connection, status().problem], ['failed', problem]);
    await pass(20_000);
    assert.equal(sockets.length, 1);
    assert.ok(sockets[0].closed);
  });
}

test('a hello that is not one is refused in words, and tried again', async () => {
  open();
  sockets[0].readyState = 1;
  sockets[0].onopen();
  sockets[0].onmessage({ data: '<html>a proxy of the hotel</html>' });
  assert.deepEqual([status().connection, status().problem], ['retrying', 'internal']);
  assert.match(status().problem_detail, /not JSON/);
  await pass(400);
  assert.equal(sockets.length, 2);
});

test('nonsense later on is noted, and sound goes on', async () => {
  const { words } = open();
  sockets[0].greet();
  sockets[0].onmessage({ data: '{"type":' });
  sockets[0].onmessage({ data: new ArrayBuffer(9) });
  sockets[0].onmessage({ data: message(audio({ seq: 1, frameIndex: 0, frames: 128 })) });
  await pass(200);
  assert.deepEqual([status().connection, status().glitches.bad_packet], ['open', 1]);
  assert.equal(Atomics.load(words, WORD.WRITE), 128);
  assert.match(status().last_refusal, /version 0/);
});

test('an instrument that is gone makes silence expected, until it is back', () => {
  const { words } = open();
  sockets[0].greet();
  assert.equal(Atomics.load(words, WORD.SILENCE_EXPECTED), 0);
  sockets[0].onmessage({ data: JSON.stringify({ type: 'source', source: { ...SOURCE, state: 'lost' } }) });
  assert.equal(Atomics.load(words, WORD.SILENCE_EXPECTED), 1);
  sockets[0].onmessage({ data: JSON.stringify({ type: 'source', source: SOURCE }) });
  assert.equal(Atomics.load(words, WORD.SILENCE_EXPECTED), 0);
});

test('a wish without a connection is answered', () => {
  open();
  self.onmessage({ data: { type: 'set_pair', first_channel: 3 } });
  assert.equal(posted.at(-1).type, 'refused');
  assert.equal(faultWords(posted.at(-1).reason), 'There is no connection to the service just now.');
  sockets[0].greet();
  self.onmessage({ data: { type: 'set_pair', first_channel: 3 } });
  assert.deepEqual(sockets[0].sent.at(-1), { type: 'set_pair', first_channel: 3 });
});

test('close leaves nothing behind', async () => {
  open();
  sockets[0].greet();
  self.onmessage({ data: { type: 'close' } });
  assert.ok(sockets[0].closed);
  assert.equal(runningTimers(), 0);
});

test('the service is told what this connection counted, not what another told before', async () => {
  open();
  const [first] = sockets;
  first.greet();
  const report = { mode: 'auto', delay_ms: 40, level_ms: 8, target_ms: 8, glitches: { network_late: 3, queue_drop: 0 } };
  self.onmessage({ data: { type: 'tell', report } });
  assert.deepEqual(first.sent.at(-1), { type: 'report', ...report });
  first.onclose({ code: 1006, reason: '' });
  self.onmessage({ data: { type: 'tell', report: { ...report, glitches: { network_late: 4, queue_drop: 0 } } } });
  await pass(3000);
  const second = sockets.at(-1);
  second.greet();
  self.onmessage({ data: { type: 'tell', report: { ...report, glitches: { network_late: 6, queue_drop: 1 } } } });
  assert.deepEqual(second.sent.at(-1).glitches, { network_late: 2, queue_drop: 1 });
});

test('the stream runs at the rate that the hello names, and another rate is listened to anew at once', async () => {
  const { words } = open();
  sockets[0].greet();
  assert.equal(Atomics.load(words, WORD.STREAM_RATE), 44_100);
  await pass(1500);
  sockets[0].onclose({ code: 1012, reason: 'another source plays, at another rate; listen again' });
  assert.equal(sockets.length, 2, 'without a pause');
  assert.equal(status().problem, null, 'it is no fault');
  const [, second] = sockets;
  second.readyState = 1;
  second.onopen();
  second.onmessage({ data: JSON.stringify({ ...HELLO, rate_hz: 96_000 }) });
  assert.deepEqual([Atomics.load(words, WORD.STREAM_RATE), status().hello.rate_hz], [96_000, 96_000]);
  second.onmessage({ data: message(audio({ seq: 1, frameIndex: 5000, frames: 128 })) });
  assert.equal(Atomics.load(words, WORD.WRITE), 5128);
});

test('a service that sends its listeners away again and again is not asked without a pause', async () => {
  open();
  for (let times = 1; times <= 20; times += 1) {
    const socket = sockets.at(-1);
    socket.greet();
    socket.onclose({ code: 1012, reason: 'another source plays, at another rate; listen again' });
    assert.equal(sockets.length, times, 'not at once');
    assert.deepEqual([status().connection, status().greeted], ['retrying', false]);
    await pass(400);
    assert.equal(sockets.length, times + 1, 'but soon');
  }
});
