/**
 * What is known of an engine beforehand: questions that it must not be asked, because asking stops the sound, and the output delay
 * of engines that do not tell it.
 *
 * In: the engine's user agent. Out: yes or no; an estimate. Elsewhere: judging its answers (core/clock/output_clock.js).
 */

import { FIREFOX_UNIX_OUTPUT, WEBKIT_UNIX_OUTPUT } from './constants.js';

/** @typedef {{ms: number, error_ms: number}} Estimate the error: the estimate may be off by this much either way */

/**
 * The output delay of an engine that does not tell it, as it was measured on such an engine.
 *
 * @param {string | undefined} userAgent @returns {Estimate | null} null if the engine tells its own, or was never measured
 */
export function estimatedOutput(userAgent = '') {
  if (!mayAskForOutput(userAgent)) return FIREFOX_UNIX_OUTPUT;
  const isWebKit = userAgent.includes('AppleWebKit/') && !/Chrom(e|ium)\//.test(userAgent);
  return isWebKit && userAgent.includes('X11') ? WEBKIT_UNIX_OUTPUT : null;
}

/**
 * Returns whether the page may ask for outputLatency and getOutputTimestamp(). It must not in Firefox on a Unix desktop, which
 * holds the graph's lock while it waits for the sound server's thread, which may be waiting for the graph. Then page, sound and
 * every tab's sound hang forever, and our timers no longer run. Every question before the first answer other than 0 risks this
 * (docs/develop/engines.md).
 *
 * @param {string | undefined} userAgent @returns {boolean}
 */
export function mayAskForOutput(userAgent = '') {
  return !(userAgent.includes('Firefox/') && userAgent.includes('X11'));
}
