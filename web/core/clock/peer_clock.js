/**
 * Estimates another clock from questions and answers with four timestamps, as in NTP (RFC 5905, section 8).
 *
 * In: when a question left here and arrived there, and when its answer left there and arrived here. Out: how far the other clock
 * is ahead of ours. In this way the Worker knows the service's CLOCK_MONOTONIC_RAW, and the page the Worker's performance.now().
 * No clock is read here.
 *
 * An answer is wrong by at most half its round trip, so the fastest one is the best. Clocks drift apart, so an old answer counts less with
 * every second. If two answers cannot both be true, a clock was set or stopped: earlier answers are forgotten.
 */

import { AGE_MS_PER_MS, BURST, BURST_EVERY_MS, COARSE_MS, PEER_ANSWERS, QUESTION_EVERY_MS, UNDER_WAY_MS_MAX } from './constants.js';

/** @param {number} asked number of questions so far @returns {number} the wait before the next question, ms */
export function nextQuestionMs(asked) {
  return asked < BURST ? BURST_EVERY_MS : QUESTION_EVERY_MS;
}

/**
 * @typedef {{offset_ms: number, round_trip_ms: number, at_ms: number}} PeerReading the other clock minus ours; at_ms: when this
 *   was measured, by ours
 */

export class PeerClock {
  /** @type {{atMs: number, offsetMs: number, roundTripMs: number}[]} */
  #answers = [];

  /** Call this when the other side has restarted or changed, and perhaps its clock with it. */
  reset() {
    this.#answers = [];
  }

  /**
   * Adds the answer to a question.
   *
   * @param {number} sentMs our time when the question left @param {number} receivedMs our time when its answer arrived
   * @param {number} peerReceivedMs the other's time when the question arrived @param {number} peerSentMs the other's time when
   *   its answer left
   */
  observe(sentMs, receivedMs, peerReceivedMs, peerSentMs) {
    const roundTripMs = receivedMs - sentMs - (peerSentMs - peerReceivedMs);
    if (!(roundTripMs >= 0)) return; // a clock was set, or the answer is nonsense
    const offsetMs = (peerReceivedMs - sentMs + (peerSentMs - receivedMs)) / 2;
    const best = this.#best(receivedMs);
    const agreeMs = best ? roundTripMs / 2 + doubtMs(best, receivedMs) + COARSE_MS : 0;
    if (best && Math.abs(offsetMs - best.offsetMs) > agreeMs) this.reset();
    this.#answers.push({ atMs: receivedMs, offsetMs, roundTripMs });
    if (this.#answers.length > PEER_ANSWERS) this.#answers.shift();
  }

  /**
   * Checks a message that is no answer: it cannot have arrived before it was sent, or have taken long.
   *
   * @param {number} receivedMs our time @param {number} peerSentMs the other's
   * @returns {boolean} whether it agrees with what is known; if not, everything is forgotten
   */
  agrees(receivedMs, peerSentMs) {
    const best = this.#best(receivedMs);
    if (!best) return true;
    const underWayMs = receivedMs + best.offsetMs - peerSentMs;
    const agrees = underWayMs >= -doubtMs(best, receivedMs) - COARSE_MS && underWayMs <= UNDER_WAY_MS_MAX;
    if (!agrees) this.reset();
    return agrees;
  }

  /** @param {number} nowMs our time @returns {PeerReading | null} null before the first answer */
  reading(nowMs) {
    const best = this.#best(nowMs);
    return best && { offset_ms: best.offsetMs, round_trip_ms: best.roundTripMs, at_ms: best.atMs };
  }

  /** @param {number} nowMs */
  #best(nowMs) {
    let best = null;
    for (const answer of this.#answers) if (!best || doubtMs(answer, nowMs) < doubtMs(best, nowMs)) best = answer;
    return best;
  }
}

/** @param {{atMs: number, roundTripMs: number}} answer @param {number} nowMs @returns {number} the answer's possible error, ms */
function doubtMs({ atMs, roundTripMs }, nowMs) {
  return roundTripMs / 2 + Math.abs(nowMs - atMs) * AGE_MS_PER_MS;
}
