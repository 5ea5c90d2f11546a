/**
 * What the page asks the service besides sound: who may do what, and who listens.
 *
 * Belongs here: requests. Does not: words and elements (view/).
 */

/** @typedef {import('./core/access.js').Access} Access */
/** @typedef {import('./core/access.js').Purpose} Purpose */

/** @returns {Promise<Access | null>} null where the service does not say */
export async function askAccess() {
  return /** @type {Access | null} */ (await ask('/api/access'));
}

/** @returns {Promise<unknown[] | null>} everybody who listens; null for who may not know */
export async function askClients() {
  const clients = await ask('/api/clients');
  return Array.isArray(clients) ? clients : null;
}

/** @returns {Promise<string[]>} what a person should know of this device besides its sound */
export async function askNotices() {
  const status = /** @type {{notices?: unknown} | null} */ (await ask('/api/status'));
  return Array.isArray(status?.notices) ? status.notices.map(String) : [];
}

/** @param {string} path @returns {Promise<unknown>} null without an answer */
async function ask(path) {
  try {
    const answer = await fetch(path, { cache: 'no-store' });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** @param {Purpose} purpose @param {string} key @returns {Promise<string>} why not, '' when the key fits */
export function enterKey(purpose, key) {
  return write('/api/access/enter', { purpose, key });
}

/** @param {Purpose} purpose @param {string | null} key null takes it away @returns {Promise<string>} why not, '' when it is set */
export function setKey(purpose, key) {
  return write('/api/access/key', { purpose, key });
}

/** @param {string} path @param {object} body @returns {Promise<string>} */
async function write(path, body) {
  try {
    const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    return answer.ok ? '' : await answer.text();
  } catch {
    return 'Synthwire does not answer.';
  }
}
