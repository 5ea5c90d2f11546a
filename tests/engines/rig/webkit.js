/** WebKitGTK in its own small browser on a virtual screen, controlled by WebKitWebDriver (classic WebDriver). */

import { createServer } from 'node:net';
import { once } from 'node:events';
import { miniBrowser } from '../../browser/rig/needs.js';
import { Running } from '../../browser/rig/process.js';
import { until } from '../../browser/rig/until.js';
import { nowNs } from '../../browser/rig/watchdog.js';

/** The key of an element's reference (WebDriver, section 11). */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

export class WebKit {
  #programs;
  #session;
  /** Number of mouse clicks. */
  clicks = 0;

  /** @param {Running[]} programs @param {string} session its address @param {string} name */
  constructor(programs, session, name) {
    this.#programs = programs;
    this.#session = session;
    this.name = name;
  }

  /**
   * @param {import('../../browser/rig/pulse.js').Speakers} speakers
   * @param {Record<string, string>} env with JSC_useSharedArrayBuffer=1 it can share memory
   * @param {string[]} within a command that runs the browser in a different environment
   * @returns {Promise<WebKit>}
   */
  static async start(speakers, env, within = []) {
    const screen = new Running('Xvfb', ['-displayfd', '2', '-screen', '0', '1024x768x24', '-nolisten', 'tcp']);
    const display = `:${(await screen.says(/^(\d+)$/m))[1]}`;
    const port = await freePort();
    const [program, ...words] = /** @type {[string, ...string[]]} */ ([...within, 'WebKitWebDriver', `--port=${port}`]);
    const driver = new Running(program, words, {
      env: { ...speakers.environment, ...env, DISPLAY: display }, favoured: true,
    });
    const address = `http://127.0.0.1:${port}`;
    await until('WebKitWebDriver answers', () => ask(`${address}/status`, 'GET').catch(() => null), () => driver.log);
    const options = { binary: miniBrowser(), args: ['--automation'] };
    const { sessionId, capabilities } = await ask(`${address}/session`, 'POST', {
      capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } },
    });
    const name = `WebKitGTK (${capabilities.browserName} ${capabilities.browserVersion})`;
    return new WebKit([driver, screen], `${address}/session/${sessionId}`, name);
  }

  /** @param {URL} url */
  async load(url) {
    await ask(`${this.#session}/url`, 'POST', { url: String(url) });
  }

  /** @param {string} expression @returns {Promise<any>} the expression's value */
  evaluate(expression) {
    return ask(`${this.#session}/execute/sync`, 'POST', { script: `return ${expression};`, args: [] });
  }

  /** @param {string} selector @returns {Promise<number>} when the click was done, CLOCK_MONOTONIC ns */
  async click(selector) {
    const element = (await ask(`${this.#session}/element`, 'POST', { using: 'css selector', value: selector }))[ELEMENT];
    await until(`${selector} can be pressed`, () => ask(`${this.#session}/element/${element}/enabled`, 'GET'));
    this.clicks += 1;
    await ask(`${this.#session}/element/${element}/click`, 'POST', {});
    return nowNs();
  }

  async close() {
    await ask(this.#session, 'DELETE').catch(() => {}); // its programs are ended in any case
    for (const program of this.#programs) await program.end();
  }
}

/** @param {string} url @param {'GET' | 'POST' | 'DELETE'} method @param {object} [body] @returns {Promise<any>} */
async function ask(url, method, body) {
  const answer = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
  const { value } = /** @type {{value: any}} */ (await answer.json());
  if (!answer.ok) throw new Error(`${method} ${url}: ${value.error}: ${value.message}`);
  return value;
}

/** @returns {Promise<number>} WebKitWebDriver needs a port on its command line */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  return port;
}
