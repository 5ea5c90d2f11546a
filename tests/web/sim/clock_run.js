/**
 * The clocks alone, for an hour in a third of a second: arrivals and an audio thread, both late now and then.
 *
 * In: a seed and a world. Out: for every second, how far the believed drift was from the truth, and what it said of itself.
 * Only the live edge runs (web/core/clock/live_edge.js); no sound is made. Pure: the same seed gives the same run.
 */

import { LiveEdge } from '../../../web/core/clock/live_edge.js';
import { STREAM_RATE_HZ } from '../../../web/core/constants.js';
import { randomFrom } from './random.js';

const CONTEXT_RATE_HZ = 48_000;
const PACKET_FRAMES = 128;
const MINUTE_MS = 60_000;
/** Contention holds the whole of a Wi-Fi up for this long at a time. */
const HELD_MS = 500;

/** @typedef {() => number} Random 0 to 1 */
/** @param {Random} random @returns {number} mean 1 */
const exponential = (random) => -Math.log(1 - random());

/**
 * @typedef {object} World
 * @property {number} seed
 * @property {number} seconds
 * @property {number} ppm how much faster the synth's clock runs than that of the listener's device
 * @property {'wired' | 'wifi'} network
 * @property {boolean} [late] whether something is late once a minute, and once in the first ten seconds (default: true)
 * @property {number} [wanderPpm] by how much the rate of the Worker's clock swings, within 18 s
 */

/**
 * @typedef {object} Second
 * @property {number} at s @property {number} error_ppm @property {number} sigma_ppm
 */

/** Times of late events: one in the first ten seconds, then one in each minute. @param {Random} random @param {World} world */
function eventTimes(random, { late = true }) {
  let minute = -1;
  return () => {
    if (!late) return Infinity;
    minute += 1;
    return minute === 0 ? 1000 + 9000 * random() : (minute - 1) * MINUTE_MS + 15_000 + 40_000 * random();
  };
}

/**
 * One delay on the way: a stall of 3 to 60 ms, after which everything arrives at once, or a queue that holds everything up by as
 * much for up to two seconds.
 *
 * @param {Random} random @param {World} world @returns {(sentMs: number) => number}
 */
function arrivalDelay(random, world) {
  const nextFrom = eventTimes(random, world);
  const nextEvent = () => {
    const [from, lateMs] = [nextFrom(), 3 + 57 * random()];
    return random() < 0.5 ? { from, until: from + lateMs, queueMs: 0 } : { from, until: from + 300 + 1700 * random(), queueMs: lateMs };
  };
  let event = nextEvent();
  let [heldUntil, heldMs] = [0, 0];
  return (sentMs) => {
    while (sentMs >= event.until) event = nextEvent();
    const lateMs = sentMs >= event.from ? event.queueMs || event.until - sentMs : 0;
    if (world.network === 'wired') return lateMs + 0.2 + 0.1 * random();
    if (sentMs >= heldUntil) [heldUntil, heldMs] = [sentMs + HELD_MS, 0.15 * exponential(random)];
    return lateMs + 1 + heldMs + 0.7 * exponential(random);
  };
}

/**
 * Times of the audio thread's callbacks. Once a minute it wakes 3 to 12 ms late. What the device's buffer does not cover (0 to
 * 12 ms) is lost: from then on every block is later by that.
 *
 * @param {Random} random @param {World} world @param {number} callbackMs @returns {(callback: number) => number}
 */
function callbackTimes(random, world, callbackMs) {
  const nextFrom = eventTimes(random, world);
  const bufferMs = 12 * random();
  let [from, lostMs] = [nextFrom(), 0];
  return (callback) => {
    const dueMs = 7.3 + callback * callbackMs + lostMs;
    if (dueMs >= from) {
      from = nextFrom();
      const lateMs = 3 + 9 * random();
      lostMs += Math.max(0, lateMs - bufferMs);
      return dueMs + lateMs;
    }
    return dueMs + 0.05 * exponential(random);
  };
}

/** @param {World} world @param {(second: Second) => void} each */
export function runClocks(world, each) {
  const random = randomFrom(world.seed);
  const [networkRandom, audioRandom] = [randomFrom(world.seed + 0x10000), randomFrom(world.seed + 0x20000)];
  const commonPpm = 100 * (random() - 0.5);
  const burstFrames = random() < 0.5 ? 512 : 128;
  const packetMs = (PACKET_FRAMES * 1000) / STREAM_RATE_HZ / (1 + (world.ppm + commonPpm) * 1e-6);
  const callbackMs = (burstFrames * 1000) / CONTEXT_RATE_HZ / (1 + commonPpm * 1e-6);
  const delay = arrivalDelay(networkRandom, world);
  const callbackAt = callbackTimes(audioRandom, world, callbackMs);
  const swingMs = ((world.wanderPpm ?? 0) * 1e-6 * 18_000) / (2 * Math.PI);
  const worker = (/** @type {number} */ ms) => ms + swingMs * Math.sin((2 * Math.PI * ms) / 18_000);
  const edge = new LiveEdge(CONTEXT_RATE_HZ, null);
  let [callback, callbackMsNext] = [0, callbackAt(0)];
  const look = (/** @type {number} */ ms) => {
    while (callbackMsNext <= ms) callbackMsNext = callbackAt(callback += 1);
    if (callback > 0) edge.rendered((callback - 1) * burstFrames | 0, worker(ms));
  };
  let [lookMs, arrivalMs, second] = [0, 0, 1];
  for (let packet = 0; arrivalMs < world.seconds * 1000; packet += 1) {
    const sentMs = (packet + 1) * packetMs;
    arrivalMs = Math.max(arrivalMs, sentMs + delay(sentMs));
    while (lookMs < arrivalMs) {
      look(lookMs);
      lookMs += 4 + 20 * random();
    }
    look(arrivalMs);
    edge.arrived((packet + 1) * PACKET_FRAMES, worker(arrivalMs));
    if (arrivalMs < second * 1000) continue;
    const { ppm, sigma_ppm } = edge.drift;
    each({ at: second, error_ppm: ppm - world.ppm, sigma_ppm });
    while (arrivalMs >= second * 1000) second += 1;
  }
}

/** The interval that is judged: so many sigmas to either side should hold the truth 95 times in 100. */
export const COVERED_SIGMAS = 2;
/** True drifts, one seed each in turn. */
const TRUTHS_PPM = [0, 100, -100, 300, -300];

/**
 * @param {{network: World['network'], seconds: number, seeds: number, ages: number[][]}} plan ages: s, from and until
 * @returns {{from_s: number, until_s: number, most_ppm: number, rms_ppm: number, sigma_ppm: number, covered: number}[]} for each age
 */
export function summary({ network, seconds, seeds, ages }) {
  const rows = ages.map(([from = 0, until = Infinity]) => ({ from, until, count: 0, most: 0, square: 0, sigma: 0, covered: 0 }));
  for (let seed = 1; seed <= seeds; seed += 1) {
    const ppm = /** @type {number} */ (TRUTHS_PPM[seed % TRUTHS_PPM.length]);
    runClocks({ seed, seconds, ppm, network }, ({ at, error_ppm: error, sigma_ppm: sigma }) => {
      const row = rows.find(({ from, until }) => at >= from && at < until);
      if (!row) return;
      row.count += 1;
      row.most = Math.max(row.most, Math.abs(error));
      row.square += error ** 2;
      row.sigma += sigma;
      if (Math.abs(error) <= COVERED_SIGMAS * sigma) row.covered += 1;
    });
  }
  return rows.map(({ from, until, count, most, square, sigma, covered }) => ({
    from_s: from, until_s: until, most_ppm: most, rms_ppm: Math.sqrt(square / count), sigma_ppm: sigma / count, covered: covered / count,
  }));
}
