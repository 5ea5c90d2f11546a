/**
 * Questions an engine must not be asked, because asking stops the sound.
 *
 * In: the engine's user agent. Out: yes or no. Elsewhere: judging its answers (core/clock/output_clock.js).
 */

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
