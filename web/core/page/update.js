/**
 * What the page offers while an update of the device fares as it does, and what a file that is to be one says of itself. Pure.
 */

import { LENGTH_BYTES, MEBIBYTE, SIGNATURE_BYTES_MAX } from './constants.js';

/**
 * @typedef {'idle' | 'receiving' | 'installing' | 'waiting' | 'restarting' | 'trying' | 'installed' | 'refused' | 'fell_back'} Phase
 * @typedef {{state: Phase, percent: number, words: string, detail: string, running: string, bytes_max: number, unfit: string | null}} Update `update` of /api/status
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
export function shownUpdate({ state, percent, words, detail, unfit }) {
  const news = NEWS[state];
  const busy = UNDER_WAY.has(state);
  return {
    summary: news ? `Update: ${news}` : 'Update',
    words: [words || 'No update was ever installed here.', detail && `(${detail})`, unfit].filter(Boolean).join(' '),
    percent: state === 'receiving' || state === 'installing' ? percent : null,
    may_send: !busy && !unfit,
    may_restart: state === 'waiting',
  };
}

/** @param {number} bytes of the file that was chosen @param {number} bytesMax @returns {string} why it cannot be one, '' when it may */
export function notAnUpdate(bytes, bytesMax) {
  if (bytes === 0) return 'This file is empty.';
  if (bytes > bytesMax) return `This file is too large for an update: at most ${Math.floor(bytesMax / MEBIBYTE)} MiB are taken.`;
  return '';
}

/** What a bundle begins with: a squashfs file system. */
const BEGINS = 'hsqs';

/** @param {Uint8Array} bytes @returns {string} each byte as the character of its number */
const latin1 = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** @param {Uint8Array} first bytes of a file @returns {boolean} whether it may be a bundle */
export function beginsAsUpdate(first) {
  return latin1(first.subarray(0, BEGINS.length)) === BEGINS;
}

/**
 * @param {Uint8Array} last the last LENGTH_BYTES of a bundle
 * @returns {number} how many bytes before them its signature has, 0 where that cannot be one
 */
export function signatureBytes(last) {
  if (last.length !== LENGTH_BYTES) return 0;
  const view = new DataView(last.buffer, last.byteOffset, last.byteLength);
  const bytes = view.getUint32(0) === 0 ? view.getUint32(4) : 0;
  return bytes <= SIGNATURE_BYTES_MAX ? bytes : 0;
}

/** @param {Uint8Array} signature of a bundle, which holds its manifest @returns {string} the version it names, '' when it names none */
export function versionIn(signature) {
  const manifest = /\[update\]\s[^[]*/.exec(latin1(signature))?.[0] ?? '';
  return /^version=([!-~]+)$/m.exec(manifest)?.[1] ?? '';
}

/** @param {string} version of the file @param {string} running @returns {string} what to ask before it is sent, '' when there is nothing to ask */
export function olderWords(version, running) {
  if (version === '' || running === '' || compareVersions(version, running) >= 0) return '';
  return `This file holds version ${version}, which is older than version ${running} that runs now. Older versions may have faults that are mended since.`;
}

/**
 * As Debian compares versions (deb-version(7)); the device itself asks dpkg.
 * @param {string} a @param {string} b @returns {number} below 0 when a is older, above when it is newer
 */
export function compareVersions(a, b) {
  const [one, other] = [parts(a), parts(b)];
  return one.epoch - other.epoch || compareParts(one.upstream, other.upstream) || compareParts(one.revision, other.revision);
}

/** @param {string} version */
function parts(version) {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/s.exec(version) ?? [];
  const dash = rest.lastIndexOf('-');
  return { epoch: Number(epoch), upstream: dash < 0 ? rest : rest.slice(0, dash), revision: dash < 0 ? '' : rest.slice(dash + 1) };
}

/** Words and numbers in turn. @param {string} a @param {string} b @returns {number} */
function compareParts(a, b) {
  const [ones, others] = [tokens(a), tokens(b)];
  for (let i = 0; i < Math.max(ones.length, others.length); i += 1) {
    const [one, other] = [ones[i] ?? '', others[i] ?? ''];
    const difference = i % 2 === 0 ? compareWords(one, other) : Number(one) - Number(other);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** @param {string} part @returns {string[]} a word, a number, a word, ...; the first word may be empty */
function tokens(part) {
  const found = part.match(/\D+|\d+/g) ?? [];
  return /^\d/.test(part) ? ['', ...found] : [...found];
}

/** @param {string} a @param {string} b @returns {number} */
function compareWords(a, b) {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const difference = rank(a[i]) - rank(b[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A tilde comes before the end, the end before letters, letters before everything else. @param {string | undefined} character @returns {number} */
function rank(character) {
  if (character === '~') return -1;
  if (character === undefined) return 0;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}
