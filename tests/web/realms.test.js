/**
 * Page, Worker and service each have their own clock. The page compares the clocks, and no clock error falsifies the displayed
 * delay.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { made, pass, reset, trueMs } from './sim/browser.js';

reset();
const { Player } = await import('../../web/player.js');
const { controlWords } = await import('../../web/core/playout/ring.js');
const { PLAYOUT, WORD } = await import('../../web/core/playout/controls.js');
const { PeerClock } = await import('../../web/core/clock/peer_clock.js');
const { detailRows } = await import('../../web/view/detail_rows.js');

const HOUR_MS = 3_600_000;
const RATE = 44.1;
/** Time from capture to the rendered block; the rest of the way to the ear is in sim/browser.js. */
const PLAYED_MS = 50;
const OUTPUT_MS = 30;
const SERVICE_BOOTED_MS = 77_777;
const SOURCE = { kind: 'synth', state: 'playing', name: 'MONTAGE', channels: 2, first_channel: 1, notice: '' };

/** A session whose Worker and service each run by their own clock. */
class Session {
  /** Time by which the clocks are ahead of true time. */
  pageAheadMs = 0;
  workerAheadMs = 0;
  pageRate = 1;
  workerRate = 1;
  answers = true;
  player;
  #service = new PeerClock();
  #answered = 0;
  #ticks = 0;
  #words;

  constructor({ pageAheadMs = 0, workerAheadMs = 0 } = {}) {
    Object.assign(this, { pageAheadMs, workerAheadMs });
    reset({ performance: { timeOrigin: 1e12, now: () => trueMs() * this.pageRate + this.pageAheadMs } });
    this.player = new Player();
    this.player.start();
    made.contexts[0].become('running');
    this.#words = controlWords(made.workers[0].told[0].memory);
    this.#words[WORD.PLAYOUT_STATE] = PLAYOUT.SOUNDING;
  }

  get worker() {
    return trueMs() * this.workerRate + this.workerAheadMs;
  }

  /** @param {object} [changes] to the Worker's state message */
  say(changes = {}) {
    made.workers[0].onmessage({ data: { type: 'status', status: {
      at_ms: this.worker, connection: 'open', greeted: true, ever_greeted: true, problem: null, problem_detail: '', hello: null, source: SOURCE, seq: 1,
      messages: 1, bytes: 1, reconnects: 0, glitches: {}, new_glitches: [], drift: null, last_refusal: '', dropped_frames: 0,
      clock: this.#service.reading(this.worker), anchor: { frame_index: 0, capture_ns: SERVICE_BOOTED_MS * 1e6 }, travel: null, queue_age_ms: null,
      ...changes } } });
  }

  /** Ten milliseconds pass: the audio thread plays, the Worker answers. It looks every tenth time, and pings once a second. */
  async tick() {
    await pass(10);
    this.#ticks += 1;
    const contextFrame = Math.round(made.contexts[0].currentTime * 1000 * RATE);
    // The frame rendered now was captured PLAYED_MS ago; the stream began with the service.
    Object.assign(this.#words, { [WORD.READ_CONTEXT_FRAME]: contextFrame, [WORD.READ_POSITION]: Math.round((trueMs() - PLAYED_MS) * RATE) });
    const { told } = made.workers[0];
    for (; this.#answered < told.length; this.#answered += 1) {
      const { type, asked_ms: askedMs } = told[this.#answered];
      if (type !== 'compare' || !this.answers) continue;
      made.workers[0].onmessage({ data: { type: 'compared', asked_ms: askedMs, received_ms: this.worker, sent_ms: this.worker } });
    }
    const serviceMs = trueMs() + SERVICE_BOOTED_MS;
    if (this.#ticks % 100 === 3) this.#service.observe(this.worker - 1, this.worker, serviceMs - 0.5, serviceMs - 0.5);
    if (this.#ticks % 10 === 5) this.say();
  }

  /**
   * @param {number} ms
   * @returns {Promise<{delays: number[], unknown: number}>} every displayed delay, and how often none was displayed
   */
  async listen(ms) {
    const delays = [];
    let unknown = 0;
    for (let passed = 0; passed < ms; passed += 10) {
      await this.tick();
      const { delay_ms: delayMs } = this.player.report();
      if (delayMs === null) unknown += 1;
      else delays.push(delayMs);
    }
    return { delays, unknown };
  }
}

/** @param {number[]} delays @param {string} when */
function assertTrue(delays, when) {
  const off = delays.filter((delay) => Math.abs(delay - PLAYED_MS - OUTPUT_MS) > 12);
  assert.ok(delays.length > 0, `${when}: a delay is shown`);
  assert.deepEqual(off, [], `${when}: and it is the true one, to the context's steps`);
}

for (const [whose, ahead] of /** @type {[string, object][]} */ ([
  ['page', { pageAheadMs: HOUR_MS }], ['Worker', { workerAheadMs: HOUR_MS }], ['page, behind', { pageAheadMs: -HOUR_MS }],
])) {
  test(`a clock that is an hour off from the start harms nothing: ${whose}`, async () => {
    const session = new Session(ahead);
    await session.listen(1000);
    const { delays, unknown } = await session.listen(5000);
    assertTrue(delays, 'from the second second on');
    assert.equal(unknown, 0);
    session.player.stop();
  });
}

for (const [whose, step] of /** @type {[string, (session: Session) => void][]} */ ([
  ['page, forward', (session) => { session.pageAheadMs += HOUR_MS; }],
  ['page, back', (session) => { session.pageAheadMs -= HOUR_MS; }],
  ['page, by half a second', (session) => { session.pageAheadMs += 500; }],
  ['Worker, forward', (session) => { session.workerAheadMs += HOUR_MS; }],
  ['Worker, back', (session) => { session.workerAheadMs -= HOUR_MS; }],
])) {
  test(`a clock that is set while the sound plays is noticed: ${whose}`, async () => {
    const session = new Session();
    await session.listen(3000);
    step(session);
    const { delays } = await session.listen(2500);
    assert.ok(delays.every((delay) => delay >= 0 && delay < 1000), `no delay of an hour is shown, not for a moment: ${delays.filter((delay) => delay >= 1000)}`);
    const later = await session.listen(3000);
    assertTrue(later.delays, 'soon after');
    assert.equal(later.unknown, 0);
    session.player.stop();
  });
}

test('a clock that is slewed by 500 ppm is followed', async () => {
  for (const change of [{ pageRate: 1 + 5e-4 }, { workerRate: 1 - 5e-4 }]) {
    const session = new Session();
    await session.listen(2000);
    Object.assign(session, change);
    await session.listen(2000);
    const { delays, unknown } = await session.listen(20_000);
    assertTrue(delays, JSON.stringify(change));
    assert.equal(unknown, 0);
    session.player.stop();
  }
});

test('without the Worker\'s answers the delay is not known, rather than guessed by timeOrigin', async () => {
  const session = new Session();
  session.answers = false;
  const { delays } = await session.listen(2000);
  assert.deepEqual(delays, []);
  session.player.stop();
});

test('a delay below nothing is refused, and said', async () => {
  const session = new Session();
  await session.listen(1500);
  const { clock } = { clock: { offset_ms: SERVICE_BOOTED_MS - 500, round_trip_ms: 1, at_ms: session.worker } };
  session.say({ clock });
  const report = session.player.report();
  assert.equal(report.delay_ms, null);
  assert.ok(report.refused_delay_ms !== null && report.refused_delay_ms < -300, `${report.refused_delay_ms}`);
  const row = detailRows(/** @type {any} */ (session.player.snapshot())).find(({ label }) => label === 'Delay behind the synth');
  assert.match(String(row?.value), /clocks disagree/);
  session.player.stop();
});

test('what the Worker noted is dated by the page\'s calendar', async () => {
  const session = new Session({ workerAheadMs: HOUR_MS });
  await session.listen(1000);
  session.say({ glitches: { queue_drop: 1 }, new_glitches: [{ at_ms: session.worker - 200, cause: 'queue_drop', length_ms: 3 }] });
  const [entry] = session.player.report().ledger;
  assert.ok(entry && Math.abs(Date.now() - 200 - entry.at_ms) < 60_000, `${entry?.at_ms}`);
  session.player.stop();
});
