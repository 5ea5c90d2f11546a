/**
 * The service's clock, seen from the page.
 *
 * In: the four times of a ping and its pong. Out: how far the service's CLOCK_MONOTONIC_RAW is ahead of page time
 * (performance.timeOrigin + performance.now(), the same in Worker and page). No clock is read here.
 *
 * A pong is wrong by at most half its round trip, so the fastest one tells best; but clocks drift apart, so an old
 * one is trusted less with every second.
 */

const PONGS = 16;
/** By how much a reading ages: two crystals may differ by 100 ppm. */
const AGE_MS_PER_MS = 1e-4;

/** Pings soon after connecting, then one a second. */
const BURST_PINGS = 8;
const BURST_EVERY_MS = 40;
const PING_EVERY_MS = 1000;

/** @param {number} pingsSent since the connection was made @returns {number} how long to wait for the next */
export function nextPingMs(pingsSent) {
  return pingsSent < BURST_PINGS ? BURST_EVERY_MS : PING_EVERY_MS;
}

export class ServiceClock {
  /** @type {{atMs: number, offsetMs: number, roundTripMs: number}[]} */
  #pongs = [];

  /** The service was restarted, or is another one: its clock may be too. */
  reset() {
    this.#pongs = [];
  }

  /**
   * One ping answered.
   *
   * @param {number} sentMs page time at which the ping went @param {number} receivedMs and its pong came
   * @param {number} serviceReceivedNs service time at which the ping came @param {number} serviceSentNs and its pong went
   */
  observe(sentMs, receivedMs, serviceReceivedNs, serviceSentNs) {
    const roundTripMs = receivedMs - sentMs - (serviceSentNs - serviceReceivedNs) / 1e6;
    if (!(roundTripMs >= 0)) return; // a clock was set, or the answer is nonsense
    const offsetMs = (serviceReceivedNs / 1e6 - sentMs + (serviceSentNs / 1e6 - receivedMs)) / 2;
    this.#pongs.push({ atMs: receivedMs, offsetMs, roundTripMs });
    if (this.#pongs.length > PONGS) this.#pongs.shift();
  }

  /** @param {number} nowMs @returns {{offset_ms: number, round_trip_ms: number} | null} null before the first pong */
  reading(nowMs) {
    let best = null;
    let leastDoubtMs = Infinity;
    for (const pong of this.#pongs) {
      const doubtMs = pong.roundTripMs / 2 + (nowMs - pong.atMs) * AGE_MS_PER_MS;
      if (doubtMs < leastDoubtMs) {
        leastDoubtMs = doubtMs;
        best = pong;
      }
    }
    return best && { offset_ms: best.offsetMs, round_trip_ms: best.roundTripMs };
  }
}
