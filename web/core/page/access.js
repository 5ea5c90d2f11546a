/**
 * Decides what the page shows and offers for each of the two keys: who may listen, who may change settings. Pure.
 *
 * Elsewhere: the words (view/access_words.js).
 */

/**
 * @typedef {'listening' | 'settings'} Purpose
 * @typedef {{set: boolean, shown: boolean, may_set: boolean}} Key
 * @typedef {{listening: Key, settings: Key, may_listen: boolean, may_change_settings: boolean, first_key_s_left: number, notice: string | null}} Access
 *   the answer of /api/access
 * @typedef {'enter' | 'set' | 'change' | 'none'} Offer
 *
 * @typedef {object} AccessState
 * @property {'both' | 'listening' | 'settings' | 'none'} keys which are set
 * @property {'now' | 'after_power_up' | null} first when a first key can be set here; null if there is nothing to say
 * @property {number} minutes_left for setting it now
 * @property {boolean} is_readable a key typed here can be read on the network
 */

/** @param {Access} access @param {boolean} encrypted whether the page came over https @returns {AccessState} */
export function accessState(access, encrypted) {
  const { listening, settings } = access;
  const isFirst = (listening.may_set && !listening.set) || (settings.may_set && !settings.set);
  return {
    keys: listening.set ? (settings.set ? 'both' : 'listening') : settings.set ? 'settings' : 'none',
    first: isFirst && !settings.set ? 'now' : !listening.set && !settings.set ? 'after_power_up' : null,
    minutes_left: Math.max(1, Math.ceil(access.first_key_s_left / 60)),
    is_readable: !encrypted && (offer(listening) !== 'none' || offer(settings) !== 'none'),
  };
}

/** @param {Key} key @returns {Offer} what can be done with the key now */
export function offer(key) {
  if (key.set && !key.shown && !key.may_set) return 'enter';
  if (key.may_set) return key.set ? 'change' : 'set';
  return 'none';
}
