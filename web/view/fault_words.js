/**
 * Words for what the page's own scripts found: they say it by a name, the service and the browser in their own words.
 *
 * In: a name, or such words. Out: words. Pure.
 */

/** @type {ReadonlyMap<string, string>} */
export const FAULT_WORDS = new Map([
  ['no_connection', 'There is no connection to the service just now.'],
  ['other_source', 'another source plays'],
  ['silent_service', 'nothing was heard for 5 seconds'],
  ['audio_thread_broke', 'the audio thread broke'],
  ['worker_not_loaded', 'worker: it did not load'],
  ['no_answer', 'Synthwire does not answer.'],
  ['upload_broke', 'The connection broke before the whole update was sent. Send it again.'],
]);

/** @param {string} said a name of the page's own, or anybody's words @returns {string} */
export function faultWords(said) {
  return FAULT_WORDS.get(said) ?? said;
}
