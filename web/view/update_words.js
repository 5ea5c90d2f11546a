/**
 * Updates of the device in words: the progress of one, and the faults of a file. core/page/update.js decides which words apply.
 * Pure.
 */

import { MEBIBYTE } from '../core/page/constants.js';
import { fileFault, isOlder, updateState } from '../core/page/update.js';

/** @typedef {import('../core/page/update.js').Update} Update */
/** @typedef {Omit<ReturnType<typeof updateState>, 'news'> & {summary: string, words: string}} UpdateView */

/**
 * Results that a user should learn without looking for them.
 *
 * @type {Readonly<Record<import('../core/page/update.js').News, string>>}
 */
const NEWS = {
  waiting: 'a new version waits for a restart',
  refused: 'the last one was refused',
  fell_back: 'the last one did not work; the version before is back',
};

/** @param {Update} update @returns {UpdateView} */
export function updateView(update) {
  const { news, ...state } = updateState(update);
  const { words, detail, unfit } = update;
  return {
    ...state,
    summary: news ? `Update: ${NEWS[news]}` : 'Update',
    words: [words || 'No update has been installed yet.', detail && `(${detail})`, unfit].filter(Boolean).join(' '),
  };
}

/** @param {number} bytes of the file that was chosen @param {number} bytesMax @returns {string} why it cannot be an update, '' when it may */
export function fileFaultWords(bytes, bytesMax) {
  switch (fileFault(bytes, bytesMax)) {
    case 'empty': return 'This file is empty.';
    case 'too_large': return `This file is too large for an update: at most ${Math.floor(bytesMax / MEBIBYTE)} MiB are taken.`;
    default: return '';
  }
}

/** @param {string} version of the file @param {string} running @returns {string} the question to ask first, '' if none */
export function olderWords(version, running) {
  if (!isOlder(version, running)) return '';
  return `This file holds version ${version}, which is older than version ${running} that runs now. Older versions may have faults that have been fixed since.`;
}
