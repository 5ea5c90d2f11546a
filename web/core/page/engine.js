/**
 * What an engine must not be asked, because the question itself stops the sound.
 *
 * In: the engine's name of itself. Out: yes or no. What an engine answers is judged elsewhere (core/clock/output_clock.js).
 */

/**
 * May the page ask for outputLatency and getOutputTimestamp()? Not Firefox on a Unix desktop. It holds the graph's lock while it waits
 * for the sound server's thread, which may be waiting for the graph: page, sound and every tab's sound then stand still for good, and
 * no timer of ours runs any more. Every question before the first answer other than 0 is such a chance (docs/develop/engines.md).
 *
 * @param {string | undefined} userAgent @returns {boolean}
 */
export function mayAskForOutput(userAgent = '') {
  return !(userAgent.includes('Firefox/') && userAgent.includes('X11'));
}
