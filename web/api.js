/**
 * The page's requests to the service, besides sound: who may do what, who listens, and the progress of an update.
 *
 * Every address is relative to the page, because a proxy may have put the service below a prefix.
 *
 * Belongs here: requests. Does not: words and elements (view/). The reason for a refusal is in the service's words, or a name for
 * which view/fault_words.js has words.
 */

/** @typedef {import('./core/page/access.js').Access} Access */
/** @typedef {import('./core/page/access.js').Purpose} Purpose */

/** @returns {Promise<Access | null>} null if the service gives no answer */
export async function askAccess() {
  return /** @type {Access | null} */ (await ask('api/access'));
}

/** @returns {Promise<unknown[] | null>} all listeners; null for users who may not see the list */
export async function askClients() {
  const clients = await ask('api/clients');
  return Array.isArray(clients) ? clients : null;
}

/**
 * @returns {Promise<{notices: string[], authority_lacking: boolean} | null>} notices about this device,
 *   and whether its certificate must be renewed; null if the service does not say
 */
export async function askDevice() {
  const status = /** @type {{notices?: unknown, authority_lacking?: unknown} | null} */ (await ask('api/status'));
  if (!Array.isArray(status?.notices)) return null;
  return { notices: status.notices.map(String), authority_lacking: status.authority_lacking === true };
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
  return write('api/access/enter', { purpose, key });
}

/** @param {Purpose} purpose @param {string | null} key null removes it @returns {Promise<string>} an error, '' when the key is set */
export function setKey(purpose, key) {
  return write('api/access/key', { purpose, key });
}

/** @returns {Promise<string>} why it failed, '' when this device has another certificate authority */
export function replaceAuthority() {
  return write('api/authority', {});
}

/** @returns {Promise<import('./core/page/update.js').Update | null>} the progress of an update; null if there is none, or the service does not say */
export async function askUpdate() {
  const status = /** @type {{update?: import('./core/page/update.js').Update | null} | null} */ (await ask('api/status'));
  return status?.update ?? null;
}

/**
 * @param {File} file a bundle @param {'any' | 'newer'} age whether it may be older than the running version
 *   @param {(share: number) => void} sent 0 to 1
 * @returns {Promise<string>} why it was refused, '' when it was accepted
 */
export function sendUpdate(file, age, sent) {
  // XMLHttpRequest, because fetch does not report how much has been sent.
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', age === 'any' ? 'api/update?age=any' : 'api/update');
    request.setRequestHeader('content-type', 'application/vnd.rauc');
    request.upload.addEventListener('progress', (event) => sent(event.loaded / Math.max(1, event.total)));
    request.addEventListener('load', () => resolve(request.status === 204 ? '' : request.responseText));
    request.addEventListener('error', () => resolve('upload_broke'));
    request.send(file);
  });
}

/** @returns {Promise<string>} why it failed, '' when the device restarts into its update */
export function restartIntoUpdate() {
  return write('api/update/restart', {});
}

/** @param {string} path @param {object} body @returns {Promise<string>} */
async function write(path, body) {
  try {
    const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    return answer.ok ? '' : await answer.text();
  } catch {
    return 'no_answer';
  }
}
