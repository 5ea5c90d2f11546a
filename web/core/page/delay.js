/**
 * The true delay: how long ago the sound that reaches the listener's ear now was captured.
 *
 * Four clocks meet here, each through its own map (docs/design/clocks.md): page time to context time (output_clock.js), context
 * frames to positions (the audio thread's stamp), positions to capture time (capture_map.js), and page time to the
 * service's clock (peer_clock.js).
 */

import { NS_PER_MS } from '../constants.js';
import { captureNsAt } from '../clock/capture_map.js';

/**
 * @param {object} known
 * @param {number} known.nowMs page time
 * @param {number} known.heardContextMs context time at the ear at that time
 * @param {number} known.contextRateHz
 * @param {import('../playout/controls.js').PlayoutReading} known.playout
 * @param {{frame_index: number, capture_ns: number}} known.anchor
 * @param {number} known.serviceOffsetMs service clock minus page time
 * @returns {number} ms
 */
export function delayMs({ nowMs, heardContextMs, contextRateHz, playout, anchor, serviceOffsetMs }) {
  const heardFrame = (heardContextMs * contextRateHz) / 1000;
  const whole = Math.floor(heardFrame);
  // The stamp holds the low 32 bits of the context's frame count; a difference of them is right for 13.5 hours.
  const sinceStamp = ((whole - playout.read_context_frame) | 0) + (heardFrame - whole);
  const framesSince = (sinceStamp * playout.stream_rate * (1 + playout.rate_ppm / 1e6)) / contextRateHz;
  return nowMs + serviceOffsetMs - captureNsAt(anchor, playout.read_position + framesSince, playout.stream_rate) / NS_PER_MS;
}
