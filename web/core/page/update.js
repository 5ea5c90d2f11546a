/**
 * The page's offers during an update of the device, and the information in a bundle. Pure.
 *
 * Elsewhere: the words (view/update_words.js).
 */

import { LENGTH_BYTES, SIGNATURE_BYTES_MAX } from './constants.js';

/**
 * @typedef {'idle' | 'receiving' | 'installing' | 'waiting' | 'restarting' | 'trying' | 'installed' | 'refused' | 'fell_back'} Phase
 * @typedef {{state: Phase, percent: number, words: string, detail: string, running: string, bytes_max: number, unfit: string | null}} Update
 *   `update` of /api/status
 * @typedef {'waiting' | 'refused' | 'fell_back'} News results of which a user should be told without looking
 *
 * @typedef {object} UpdateState
 * @property {News | null} news
 * @property {number | null} percent of the present step; null if there is none, or its progress is unknown
 * @property {boolean} may_send
 * @property {boolean} may_restart
 */

/** The phases in which the device must not be switched off. @type {ReadonlySet<Phase>} */
const UNDER_WAY = new Set(['receiving', 'installing', 'restarting', 'trying']);

/** @param {Update} update @returns {UpdateState} */
export function updateState({ state, percent, unfit }) {
  return {
    news: state === 'waiting' || state === 'refused' || state === 'fell_back' ? state : null,
    percent: state === 'receiving' || state === 'installing' ? percent : null,
    may_send: !UNDER_WAY.has(state) && !unfit,
    may_restart: state === 'waiting',
  };
}

/** @param {number} bytes of the file that was chosen @param {number} bytesMax @returns {'empty' | 'too_large' | null} why it cannot be an update */
export function fileFault(bytes, bytesMax) {
  if (bytes === 0) return 'empty';
  return bytes > bytesMax ? 'too_large' : null;
}

/** The first bytes of a bundle: a squashfs file system. */
const BEGINS = 'hsqs';

/** @param {Uint8Array} bytes @returns {string} one character per byte, with the byte's value */
const latin1 = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** @param {Uint8Array} first bytes of a file @returns {boolean} whether it may be a bundle */
export function beginsAsUpdate(first) {
  return latin1(first.subarray(0, BEGINS.length)) === BEGINS;
}

/**
 * @param {Uint8Array} last the last LENGTH_BYTES of a bundle
 * @returns {number} length of the signature before them, in bytes; 0 if that is impossible
 */
export function signatureBytes(last) {
  if (last.length !== LENGTH_BYTES) return 0;
  const view = new DataView(last.buffer, last.byteOffset, last.byteLength);
  const bytes = view.getUint32(0) === 0 ? view.getUint32(4) : 0;
  return bytes <= SIGNATURE_BYTES_MAX ? bytes : 0;
}

/** @param {Uint8Array} signature of a bundle, which contains its manifest @returns {string} the version in it, '' if there is none */
export function versionIn(signature) {
  const manifest = /\[update\]\s[^[]*/.exec(latin1(signature))?.[0] ?? '';
  return /^version=([!-~]+)$/m.exec(manifest)?.[1] ?? '';
}

/** @param {string} version of the file @param {string} running @returns {boolean} false if either is unknown */
export function isOlder(version, running) {
  return version !== '' && running !== '' && compareVersions(version, running) < 0;
}

/**
 * Compares versions as Debian does (deb-version(7)); the device itself asks dpkg.
 * @param {string} a @param {string} b @returns {number} below 0 if a is older, above if it is newer
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

/** Compares words and numbers in turn. @param {string} a @param {string} b @returns {number} */
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

/**
 * A tilde ranks before the end, the end before letters, and letters before everything else.
 *
 * @param {string | undefined} character @returns {number}
 */
function rank(character) {
  if (character === '~') return -1;
  if (character === undefined) return 0;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}
