/**
 * The listeners in words. Pure.
 *
 * In: the answer of /api/clients. Out: for each listener a name that users recognise, and the quality of its sound.
 */

import { isKnown, milliseconds } from './figures.js';
import { glitchTotal, glitchWords } from './glitches.js';
import { programs } from './user_agent.js';

/**
 * @typedef {{mode: string | null, delay_ms: number | null, level_ms: number | null, target_ms: number | null,
 *   glitches: Record<string, number>}} Report
 * @typedef {{number: number, address: string, agent: string, connected_s: number, report: Report | null}} Client
 */

/** @param {Client} client @returns {string} "Safari, iPhone (192.168.1.20)" */
export function clientName({ agent, address }) {
  const known = programs(agent).map(({ name }) => name).join(', ');
  return `${known || 'A program'} (${address})`;
}

/** @param {Client} client @returns {string} "41 ms, no glitches, for 12 minutes" */
export function clientWords({ report, connected_s: connectedS }) {
  const time = durationWords(connectedS);
  if (!report) return `connected for ${time}`;
  const total = glitchTotal(report.glitches);
  const delay = isKnown(report.delay_ms) ? `${milliseconds(report.delay_ms)}, ` : '';
  return `${delay}${total === 0 ? 'no glitches' : glitchWords(total)}, for ${time}`;
}

/** @param {number} count @returns {string} */
export function countWords(count) {
  if (count === 0) return 'No listeners.';
  return count === 1 ? '1 listener.' : `${count} listeners.`;
}

/** @param {number} seconds @returns {string} */
function durationWords(seconds) {
  if (seconds < 60) return 'less than a minute';
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes === 1 ? '1 minute' : `${minutes} minutes`;
  const hours = Math.floor(minutes / 60);
  return hours === 1 ? '1 hour' : `${hours} hours`;
}
