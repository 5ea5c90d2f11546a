/**
 * Words for faults that the page's own scripts found and named. Service and browser report their own faults in words.
 *
 * In: such a name, or words. Out: words. Pure.
 */

/** @type {ReadonlyMap<string, string>} */
export const FAULT_WORDS = new Map([
  ['no_connection', 'There is no connection to the service just now.'],
  ['other_source', 'another source plays'],
  ['service_stopped', 'the service is stopping; it will be back'],
  ['service_ended', 'the connection ended in the midst of sound'],
  ['silent_service', 'nothing was heard for 5 seconds'],
  ['audio_thread_broke', 'the audio thread broke'],
  ['worker_not_loaded', 'worker: it did not load'],
  ['no_answer', 'Synthwire does not answer.'],
  ['upload_broke', 'The connection broke before the whole update was sent. Send it again.'],
]);

/** @param {string} said one of our names, or a text of the service or the browser @returns {string} */
export function faultWords(said) {
  return FAULT_WORDS.get(said) ?? said;
}
