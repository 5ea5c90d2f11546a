/**
 * Questions an engine must not be asked, because asking stops the sound.
 *
 * In: the engine's user agent. Out: yes or no. What belongs elsewhere: judging its answers (core/clock/output_clock.js).
 */

/**
 * May the page ask for outputLatency and getOutputTimestamp()? Not Firefox on a Unix desktop. It holds the graph's lock while it waits
 * for the sound server's thread, which may be waiting for the graph: page, sound and every tab's sound then hang forever, and our timers no
 * longer run. Every question before the first answer other than 0 risks this (docs/develop/engines.md).
 *
 * @param {string | undefined} userAgent @returns {boolean}
 */
export function mayAskForOutput(userAgent = '') {
  return !(userAgent.includes('Firefox/') && userAgent.includes('X11'));
}
