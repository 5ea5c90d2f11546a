/**
 * The texts on who may listen and who may change settings. core/page/access.js decides which words apply. Pure.
 */

import { accessState } from '../core/page/access.js';

/** @typedef {import('../core/page/access.js').Access} Access */
/** @typedef {import('../core/page/access.js').AccessState} AccessState */
/** @typedef {import('../core/page/access.js').Offer} Offer */
/** @typedef {import('../core/page/access.js').Purpose} Purpose */

/** A text for each set of keys. @type {Readonly<Record<AccessState['keys'], string>>} */
const RULES = {
  both: 'Listening needs a key, and changing the channels needs another.',
  listening: 'Listening needs a key. With it, one may change the channels, too.',
  settings: 'Anyone on this network may listen. Changing the channels needs a key.',
  none: 'No key is set: anyone on this network may listen and change the channels.',
};

/** @param {Access} access @param {boolean} encrypted whether the page came over https @returns {string} */
export function accessWords(access, encrypted) {
  if (access.notice) return access.notice;
  const { keys, first, minutes_left: minutes, is_readable: isReadable } = accessState(access, encrypted);
  const sentences = [RULES[keys]];
  if (first === 'now') sentences.push(`A first key can be set here for ${minutes} more ${minutes === 1 ? 'minute' : 'minutes'}.`);
  if (first === 'after_power_up') {
    sentences.push('A key can be set here in the first five minutes after the device is switched on by hand, where the service has a state folder.');
  }
  if (isReadable) sentences.push('This page came over plain http: others on the network can read a key that you type here.');
  return sentences.join(' ');
}

/** @param {Purpose} purpose @param {Offer} what @returns {{label: string, button: string}} */
export function offerWords(purpose, what) {
  const name = purpose === 'listening' ? 'Listening key' : 'Settings key';
  const button = { enter: 'Enter', set: 'Set', change: 'Change', none: '' }[what];
  return { label: what === 'set' || what === 'change' ? `${what === 'set' ? 'A' : 'New'} ${name.toLowerCase()}` : name, button };
}
