/**
 * Interruptions of the sound in words: the names of causes, and what counts as a glitch.
 *
 * In: causes as the report names them, and their counts. Out: strings, counts. Pure.
 */

import { thousands } from './figures.js';

/** Causes that are counted and shown, but not called glitches, because the user intended them, such as connecting the synth. */
const INTENDED = new Set(['source_change']);

/** The names of docs/ref/wire-format.md, "Cause codes", in words. */
const CAUSE_WORDS = new Map([
  ['capture_xrun', 'The service fetched the sound too late from the synth'],
  ['usb_loss', 'USB lost sound between the synth and the service'],
  ['device_gone', 'The synth was unplugged, switched off, or stood still'],
  ['handoff_full', 'The service was too busy to pass the sound on'],
  ['source_change', 'Another instrument took over'],
  ['queue_drop', 'The network or this device was too slow, so the service skipped ahead'],
  ['network_late', 'The network delivered the sound too late'],
  ['render_underrun', 'This browser was too busy to play in time'],
  ['tab_suspended', 'This device put the page to sleep'],
  ['unexplained_loss', 'Sound was lost; cause unknown (please report it)'],
  ['service_stopped', 'Synthwire itself stopped or was restarted'],
  ['bad_packet', 'A message arrived damaged and was thrown away'],
]);

/** @param {string} cause @returns {boolean} whether it is shown but is no glitch */
export function isIntended(cause) {
  return INTENDED.has(cause);
}

/** @param {Readonly<Record<string, number>>} glitches @returns {number} interruptions the listener may have heard */
export function glitchTotal(glitches) {
  let total = 0;
  for (const [cause, count] of Object.entries(glitches)) if (!INTENDED.has(cause)) total += count;
  return total;
}

/** @param {number} count @returns {string} "1 glitch", "12,345 glitches" */
export function glitchWords(count) {
  return `${thousands(count)} ${count === 1 ? 'glitch' : 'glitches'}`;
}

/** @param {string} cause @returns {string} an unknown cause (an older page, a newer service) is shown by its name */
export function causeWords(cause) {
  return CAUSE_WORDS.get(cause) ?? cause.replaceAll('_', ' ');
}

/** @param {Readonly<Record<string, number>>} glitches @returns {{count: string, words: string}[]} most frequent first */
export function causeRows(glitches) {
  return Object.entries(glitches)
    .filter(([, count]) => count > 0)
    .sort(([causeA, countA], [causeB, countB]) => countB - countA || (causeA < causeB ? -1 : 1))
    .map(([cause, count]) => ({ count: thousands(count), words: causeWords(cause) }));
}
