/**
 * The report as a file, for users who ask for help: every number, and the kind of browser.
 *
 * In: the report, and facts about the browser. Out: a name and JSON text. The text does not reveal where the page or its listener
 * is: it contains no addresses, no names, and no stored data. Its texts are only our own words; all others are left out. Pure.
 */

import { CAUSE_NAMES } from '../core/causes.js';
import { programs } from './user_agent.js';

/**
 * @typedef {object} Circumstances
 * @property {number} nowMs since 1970, UTC
 * @property {number} zoneMinutes minutes that local time is ahead of UTC
 * @property {string} pageAddress of one of the page's modules; only its version is taken from it
 * @property {string} userAgent
 * @property {boolean} isolated whether memory may be shared between threads
 * @property {number} cores 0 when unknown
 * @property {string} visibility 'visible' or 'hidden'
 */

/** Texts that a report may contain besides the names of causes and versions: our own names of states, problems, modes and reasons. */
const OWN_WORDS = new Set([
  'idle', 'connecting', 'buffering', 'playing', 'waiting', 'reconnecting', 'blocked', 'failed',
  'insecure_context', 'no_worklet', 'server_unreachable', 'server_too_old', 'server_too_new', 'refused', 'audio_blocked', 'internal',
  'lowest', 'auto', 'safest', 'fixed', 'sab', 'port', 'stamp', 'latency', 'estimate', 'least_delay', 'network', 'service_busy',
  'interactive', 'balanced', 'playback',
  ...CAUSE_NAMES,
]);
/** The fault of a message, in the words of web/core/net/wire.js. */
const REFUSAL = /^the (?:record at byte \d{1,9}|message) (?:is cut short|holds (?:no record|more than \d{1,9} records)|is larger than \d{1,9} bytes|is of (?:version \d{1,9}, this program speaks \d{1,3}|unknown kind \d{1,9})|has a format its kind cannot have|claims \d{1,10} frames)$/;
const VERSION = /^\d{1,4}\.\d{1,4}\.\d{1,4}$/;

/** @param {string} agent @returns {string} "Chrome 157, Android 10": without the device's model and other additions of the browser */
function browserWords(agent) {
  const known = programs(agent).map(({ name, version }) => (version ? `${name} ${version}` : name));
  return known.join(', ') || 'unknown';
}

/** @param {string} word @returns {boolean} whether it is one of our own words */
function isOurs(word) {
  return OWN_WORDS.has(word) || REFUSAL.test(word) || VERSION.test(word);
}

/**
 * @param {unknown} value @param {string} [key] under which it is stored
 * @returns {unknown} the same, without texts that are not our own
 */
function told(value, key = '') {
  if (Array.isArray(value)) return value.map((item) => told(item));
  if (value !== null && typeof value === 'object') {
    const fields = Object.entries(value).filter(([name]) => key !== 'glitches' || isOurs(name));
    return Object.fromEntries(fields.map(([name, item]) => [name, told(item, name)]));
  }
  if (typeof value !== 'string' || value === '') return value;
  return isOurs(value) ? value : '(left out)';
}

/** @param {object} report @param {Circumstances} circumstances @returns {{name: string, text: string}} */
export function savedReport(report, circumstances) {
  const { nowMs, zoneMinutes, pageAddress, userAgent, isolated, cores, visibility } = circumstances;
  const local = new Date(nowMs + zoneMinutes * 60_000).toISOString();
  const saved = {
    saved_at: new Date(nowMs).toISOString(),
    saved_at_ms: Math.round(nowMs),
    zone_minutes: zoneMinutes,
    page_version: pageVersion(pageAddress),
    browser: { user_agent: browserWords(userAgent), cross_origin_isolated: isolated, cores: cores || null, visibility },
    report: told(report),
  };
  return {
    name: `synthwire-report-${local.slice(0, 10)}-${local.slice(11, 19).replaceAll(':', '')}.json`,
    text: `${JSON.stringify(saved, null, 2)}\n`,
  };
}

/**
 * @param {string} address "http://host/v/1a2b3c4d/main.js"
 * @returns {string | null} the version stamp that the service gave the page's files, null without one
 */
function pageVersion(address) {
  return /\/v\/([0-9a-f]{8})\//.exec(address)?.[1] ?? null;
}
