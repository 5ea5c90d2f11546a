/**
 * Simulated networks: when each packet of a stream arrives.
 *
 * In: a name, a seed, a length. Out: packets for a trace (trace.js). Pure: the same seed gives the same packets.
 * A network is a function from the time of sending to a delay. A stream keeps order, as TCP does: a late packet delays all
 * packets behind it. Datagrams do not keep order.
 */

import { randomFrom } from './random.js';

const STREAM_RATE_HZ = 44_100;
/** Time from the capture of a packet's last frame to the service's sending. */
const SERVICE_MS = 0.1;

/** @typedef {() => number} Random 0 to 1 */
/** @typedef {(sentMs: number, random: Random) => number} Delay ms from sending to arrival; Infinity: never */

/**
 * @typedef {object} Network
 * @property {string} words
 * @property {(random: Random, seconds: number) => Delay} delay
 * @property {boolean} [isDatagram] packets may overtake each other, and be lost
 * @property {number} [drift_ppm] how much too fast the synth's clock runs
 */

/** @param {Random} random @returns {number} mean 1 */
const exponential = (random) => -Math.log(1 - random());
/** @param {Random} random @param {number} shape @returns {number} from 0 up, with a power-law tail */
const pareto = (random, shape) => (1 - random()) ** (-1 / shape) - 1;
/** @param {Random} random @returns {number} sigma 1 */
const normal = (random) => Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random());

/**
 * A network that is blocked now and then: packets sent meanwhile arrive when it opens again.
 *
 * @param {Random} random @param {number} everyMs mean time between two blocks @param {(random: Random) => number} lengthMs
 * @returns {(sentMs: number) => number} ms to wait
 */
function blocked(random, everyMs, lengthMs) {
  let from = everyMs * exponential(random);
  let until = from + lengthMs(random);
  return (sentMs) => {
    while (sentMs >= until) {
      from = until + everyMs * exponential(random);
      until = from + lengthMs(random);
    }
    return sentMs >= from ? until - sentMs : 0;
  };
}

/** Returns a delay with one stall at two fifths of the run. @param {number} lengthMs @returns {Network['delay']} */
const oneStall = (lengthMs) => (_random, seconds) => {
  const from = seconds * 400;
  return (sentMs, random) => wire(random) + (sentMs >= from && sentMs < from + lengthMs ? from + lengthMs - sentMs : 0);
};

/** @param {number} everyMs @param {number} lengthMs @returns {Network['delay']} */
const regularStalls = (everyMs, lengthMs) => () => (sentMs, random) => {
  const phase = sentMs % everyMs;
  const from = everyMs * 0.6;
  return wire(random) + (phase >= from && phase < from + lengthMs ? from + lengthMs - phase : 0);
};

/** @param {Random} random @returns {number} */
const wire = (random) => 0.2 + 0.1 * random();

/** @type {Network['delay']} */
const goodWifi = (random) => {
  const scan = blocked(random, 20_000, (chance) => 10 + 20 * chance());
  return (sentMs, chance) => 0.6 + 0.8 * exponential(chance) + (chance() < 0.01 ? 3 * exponential(chance) : 0) + scan(sentMs);
};

/**
 * TCP over a lossy way: a lost packet is resent after three later ones were acknowledged. If that one is lost too, it is resent
 * after a time-out.
 */
const lossyTcp = (/** @type {number} */ lost, /** @type {number} */ oneWayMs) => (/** @type {Random} */ _random) => (/** @type {number} */ _sentMs, /** @type {Random} */ random) => {
  let delayMs = oneWayMs + 0.2 * random();
  if (random() < lost) delayMs += 3 * 2.9 + 2 * oneWayMs + 0.5 * random();
  if (delayMs > 2 * oneWayMs) for (let timeoutMs = 200 + 2 * oneWayMs; random() < lost; timeoutMs *= 2) delayMs += timeoutMs;
  return delayMs;
};

/** A link of this many kbit/s, shared with single large packets of other users. */
const narrowLink = (/** @type {number} */ kbitPerS, /** @type {number} */ othersPerS) => () => {
  const ownMs = (620 * 8) / kbitPerS;
  const otherMs = (1500 * 8) / kbitPerS;
  let freeAtMs = 0;
  return (/** @type {number} */ sentMs, /** @type {Random} */ random) => {
    if (random() < (othersPerS * 2.9) / 1000) freeAtMs = Math.max(freeAtMs, sentMs) + otherMs;
    freeAtMs = Math.max(freeAtMs, sentMs) + ownMs;
    return 0.5 + freeAtMs - sentMs;
  };
};

/** @type {Network['delay']} */
const mobile = (random) => {
  const burst = blocked(random, 8000, (chance) => 40 + 80 * chance());
  let wander = 0;
  return (sentMs, chance) => {
    wander = 0.98 * wander + 0.2 * normal(chance);
    return Math.max(25, 60 + 20 * wander) + 3 * exponential(chance) + burst(sentMs);
  };
};

/** During a bulk download the queue before the narrowest link fills in a second, oscillates, and empties. @type {Network['delay']} */
const download = (random) => {
  let from = 60_000 + 60_000 * random();
  let until = from + 20_000 + 40_000 * random();
  return (sentMs, chance) => {
    if (sentMs > until + 1000) {
      from = sentMs + 90_000 + 120_000 * chance();
      until = from + 20_000 + 40_000 * chance();
    }
    const full = Math.min(1, Math.max(0, (sentMs - from) / 1000), Math.max(0, 1 - (sentMs - until) / 1000));
    const swing = 0.75 + 0.25 * (((sentMs - from) / 2700) % 1);
    return 0.5 + 0.5 * exponential(chance) + 90 * full * (sentMs < from ? 1 : swing);
  };
};

/** @type {Network['delay']} */
const levelShift = (_random, seconds) => (sentMs, random) => {
  const part = sentMs / (seconds * 1000);
  return 0.3 + 0.3 * exponential(random) + (part > 0.3 && part < 0.7 ? 40 : 0);
};

/** A cable, and a listener's machine that wakes late once a minute. @type {Network['delay']} */
const restless = (random) => {
  const late = blocked(random, 60_000, (chance) => 3 + 9 * chance());
  return (sentMs, chance) => wire(chance) + late(sentMs);
};

/** A queue that fills slowly: 10 ms more every second for ten seconds, full for ten, and empty at once; every minute. @type {Network['delay']} */
const filling = () => (sentMs, random) => {
  const since = (sentMs % 60_000) - 30_000;
  const filled = since < 0 || since > 20_000 ? 0 : Math.min(100, since / 100);
  return wire(random) + 0.3 * exponential(random) + filled;
};

/** Jitter of the service's own card: periods come late, and then several at once. @type {Network['delay']} */
const captureJitter = (random) => {
  const late = blocked(random, 700, (chance) => 1 + 4 * chance());
  return (sentMs, chance) => wire(chance) + 0.3 * exponential(chance) + late(sentMs);
};

/** @type {Readonly<Record<string, Network>>} */
export const NETWORKS = Object.freeze({
  wired: { words: 'a cable', delay: () => (_, random) => wire(random) },
  'good-wifi': { words: 'around a ms, scans of 10 to 30 ms every 20 s', delay: goodWifi },
  'bad-wifi': { words: '3 ms and a power law of exponent 2.5', delay: () => (_, random) => 3 + 2 * pareto(random, 2.5) },
  bursty: {
    words: 'blocked for 40 to 120 ms every 12 s',
    delay: (random) => {
      const stall = blocked(random, 12_000, (chance) => 40 + 80 * chance());
      return (sentMs, chance) => 1 + 0.5 * exponential(chance) + stall(sentMs);
    },
  },
  loss: { words: '1 % lost at 10 ms one way, TCP', delay: lossyTcp(0.01, 10) },
  'stall-3s': { words: '300 ms every 3 s', delay: regularStalls(3000, 300) },
  'stall-60s': { words: '300 ms every 60 s', delay: regularStalls(60_000, 300) },
  '2mbit': { words: '2 Mbit/s, two large packets of others a second', delay: narrowLink(2000, 2) },
  mobile: { words: '60 +- 20 ms, blocked for 40 to 120 ms every 8 s', delay: mobile },
  'high-latency': { words: '150 ms', delay: () => (_, random) => 150 + 1.5 * exponential(random) },
  'level-shift': { words: '40 ms more from 30 % to 70 % of the run', delay: levelShift },
  download: { words: 'a queue of 70 to 90 ms for 20 to 60 s, now and then', delay: download },
  restless: { words: 'a cable, and a machine that wakes 3 to 12 ms late once a minute', delay: restless },
  filling: { words: 'a queue that fills by 10 ms every second for 10 s, once a minute', delay: filling },
  'stall-200': { words: 'one stall of 200 ms', delay: oneStall(200) },
  'stall-1000': { words: 'one stall of 1 s', delay: oneStall(1000) },
  'stall-5000': { words: 'one stall of 5 s', delay: oneStall(5000) },
  'drift-fast': { words: 'a cable, the synth 300 ppm fast', delay: () => (_, random) => wire(random), drift_ppm: 300 },
  'drift-slow': { words: 'a cable, the synth 300 ppm slow', delay: () => (_, random) => wire(random), drift_ppm: -300 },
  'capture-jitter': { words: 'a cable, the service late by 1 to 5 ms now and then', delay: captureJitter },
  datagram: {
    words: 'datagrams: 0.5 % lost, 2 % late by up to 8 ms',
    delay: () => (_, random) => (random() < 0.005 ? Infinity : 1 + 0.3 * exponential(random) + (random() < 0.02 ? 8 * random() : 0)),
    isDatagram: true,
  },
});

/**
 * Networks of other kinds, which were never used to choose constants: they judge the result.
 *
 * @type {Readonly<Record<string, Network>>}
 */
export const UNSEEN_NETWORKS = Object.freeze({
  lognormal: { words: 'lognormal, median 2 ms', delay: () => (_, random) => 1 + 2 * Math.exp(0.8 * normal(random)) },
  weibull: { words: 'Weibull of shape 0.5', delay: () => (_, random) => 2 + 0.4 * exponential(random) ** 2 },
  'pareto-cut': { words: 'a power law of exponent 1.5, at most 60 ms', delay: () => (_, random) => 2 + Math.min(60, pareto(random, 1.5)) },
  microwave: {
    words: 'good Wi-Fi, and for 90 s of 200 an oven that blocks half of every 20 ms',
    delay: () => (sentMs, random) => {
      const isOn = sentMs % 200_000 > 80_000 && sentMs % 200_000 < 170_000;
      return 1 + 0.6 * exponential(random) + (isOn && sentMs % 20 < 10 ? 10 - (sentMs % 20) : 0);
    },
  },
  roaming: {
    words: 'Wi-Fi that scans for 80 ms every 30 s and roams for 400 ms every 4 minutes',
    delay: (random) => {
      const scan = blocked(random, 30_000, (chance) => 60 + 20 * chance());
      const roam = blocked(random, 240_000, () => 400);
      return (sentMs, chance) => 1.2 + 0.7 * exponential(chance) + scan(sentMs) + roam(sentMs);
    },
  },
  crowded: {
    words: 'a Wi-Fi that is good and bad in turns of some 10 s',
    delay: (random) => {
      const busy = blocked(random, 15_000, (chance) => 3000 + 9000 * chance());
      return (sentMs, chance) => 1.5 + exponential(chance) * (busy(sentMs) > 0 ? 4 : 0.7);
    },
  },
});

/**
 * @param {string} name of NETWORKS or UNSEEN_NETWORKS @param {number} seed @param {number} seconds @param {number} [packetFrames]
 * @returns {import('./trace.js').TracePacket[]}
 */
export function packetsOf(name, seed, seconds, packetFrames = 128) {
  const network = NETWORKS[name] ?? UNSEEN_NETWORKS[name];
  if (!network) throw new RangeError(`no network is called "${name}": there are ${[...Object.keys(NETWORKS), ...Object.keys(UNSEEN_NETWORKS)].join(', ')}`);
  const random = randomFrom(seed);
  const delay = network.delay(random, seconds);
  const packetMs = (packetFrames * 1000) / STREAM_RATE_HZ / (1 + (network.drift_ppm ?? 0) / 1e6);
  /** @type {import('./trace.js').TracePacket[]} */
  const packets = [];
  let last = -Infinity;
  for (let index = 0; index * packetMs < seconds * 1000; index += 1) {
    const captureMs = index * packetMs;
    const sentMs = captureMs + packetMs + SERVICE_MS;
    const arrivalMs = sentMs + delay(sentMs, random);
    if (arrivalMs === Infinity) continue;
    last = network.isDatagram ? arrivalMs : Math.max(last, arrivalMs);
    packets.push({ frame_index: index * packetFrames, capture_ms: captureMs, arrival_ms: last });
  }
  return packets;
}
