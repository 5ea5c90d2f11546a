/**
 * What the page offers while an update of the device fares as it does. Pure.
 */

/**
 * @typedef {'idle' | 'receiving' | 'installing' | 'waiting' | 'restarting' | 'trying' | 'installed' | 'refused' | 'fell_back'} Phase
 * @typedef {{state: Phase, percent: number, words: string, detail: string, bytes_max: number}} Update `update` of /api/status
 * @typedef {{summary: string, words: string, percent: number | null, may_send: boolean, may_restart: boolean}} Shown
 *   percent: of what is under way; null where nothing is, or nobody knows how far
 */

/** What nobody should interrupt. @type {ReadonlySet<Phase>} */
const UNDER_WAY = new Set(['receiving', 'installing', 'restarting', 'trying']);
/** What a person should hear of without looking. @type {Readonly<Partial<Record<Phase, string>>>} */
const NEWS = {
  waiting: 'a new version waits for a restart',
  refused: 'the last one was refused',
  fell_back: 'the last one did not work; the version before is back',
};

/** @param {Update} update @returns {Shown} */
export function shownUpdate({ state, percent, words, detail }) {
  const news = NEWS[state];
  const busy = UNDER_WAY.has(state);
  return {
    summary: news ? `Update: ${news}` : 'Update',
    words: [words || 'No update was ever installed here.', detail && `(${detail})`].filter(Boolean).join(' '),
    percent: state === 'receiving' || state === 'installing' ? percent : null,
    may_send: !busy,
    may_restart: state === 'waiting',
  };
}

/** @param {number} bytes of the file that was chosen @param {number} bytesMax @returns {string} why it cannot be one, '' when it may */
export function notAnUpdate(bytes, bytesMax) {
  if (bytes === 0) return 'This file is empty.';
  if (bytes > bytesMax) return `This file is too large for an update: at most ${Math.floor(bytesMax / 1048576)} MiB are taken.`;
  return '';
}
