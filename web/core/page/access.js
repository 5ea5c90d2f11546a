/**
 * Who may listen and who may change things, in words: what the page offers for each of the two keys. Pure.
 */

/**
 * @typedef {'listening' | 'settings'} Purpose
 * @typedef {{set: boolean, shown: boolean, may_set: boolean}} Key
 * @typedef {{listening: Key, settings: Key, may_listen: boolean, may_change_settings: boolean, first_key_s_left: number, notice: string | null}} Access
 *   the answer of /api/access
 * @typedef {'enter' | 'set' | 'change' | 'none'} Offer
 */

/** @param {Access} access @param {boolean} encrypted whether the page came over https @returns {string} */
export function accessWords(access, encrypted) {
  const { listening, settings } = access;
  if (access.notice) return access.notice;
  const sentences = [ruleWords(listening.set, settings.set)];
  const first = (listening.may_set && !listening.set) || (settings.may_set && !settings.set);
  if (first && !settings.set) {
    const minutes = Math.max(1, Math.ceil(access.first_key_s_left / 60));
    sentences.push(`A first key can be set here for ${minutes} more ${minutes === 1 ? 'minute' : 'minutes'}.`);
  } else if (!listening.set && !settings.set) {
    sentences.push('A key can be set here in the first five minutes after the device is switched on by hand, where the service has a state folder.');
  }
  const asks = offer(listening) !== 'none' || offer(settings) !== 'none';
  if (asks && !encrypted) sentences.push('This page came over plain http: whoever listens in on the network can read a key that is typed here.');
  return sentences.join(' ');
}

/** @param {boolean} listening @param {boolean} settings @returns {string} */
function ruleWords(listening, settings) {
  if (listening && settings) return 'Listening needs a key, and changing the channels needs another.';
  if (listening) return 'Listening needs a key. Whoever has it may change the channels, too.';
  if (settings) return 'Anyone on this network may listen. Changing the channels needs a key.';
  return 'No key is set: anyone on this network may listen and change the channels.';
}

/** @param {Key} key @returns {Offer} what can be done with it now */
export function offer(key) {
  if (key.set && !key.shown && !key.may_set) return 'enter';
  if (key.may_set) return key.set ? 'change' : 'set';
  return 'none';
}

/** @param {Purpose} purpose @param {Offer} what @returns {{label: string, button: string}} */
export function offerWords(purpose, what) {
  const name = purpose === 'listening' ? 'Listening key' : 'Settings key';
  const button = { enter: 'Enter', set: 'Set', change: 'Change', none: '' }[what];
  return { label: what === 'set' || what === 'change' ? `${what === 'set' ? 'A' : 'New'} ${name.toLowerCase()}` : name, button };
}
