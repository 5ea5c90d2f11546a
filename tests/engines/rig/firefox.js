/** Firefox as a user runs it, but without a window, controlled through WebDriver BiDi. Only click() counts as a gesture. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Running } from '../../browser/rig/process.js';
import { Remote } from '../../browser/rig/remote.js';
import { until } from '../../browser/rig/until.js';
import { nowNs } from '../../browser/rig/watchdog.js';

/** A browser under test must not contact its maker's servers. These settings do not affect sound. */
const QUIET = `user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("extensions.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
`;

export class Firefox {
  #program;
  #remote;
  #context;
  /** Number of mouse clicks. */
  clicks = 0;

  /** @param {Running} program @param {Remote} remote @param {string} name @param {string} context Firefox's tab */
  constructor(program, remote, name, context) {
    this.#program = program;
    this.#remote = remote;
    this.name = name;
    this.#context = context;
  }

  /**
   * @param {import('../../browser/rig/pulse.js').Speakers} speakers
   * @param {{host?: string, prepare?: (profile: string) => void}} [wishes] a name that leads to this machine; a function that
   *   prepares the profile
   * @returns {Promise<Firefox>}
   */
  static async start(speakers, { host = 'localhost', prepare = () => {} } = {}) {
    const profile = mkdtempSync(join(speakers.folder, 'firefox-'));
    writeFileSync(join(profile, 'user.js'), `${QUIET}user_pref("network.dns.localDomains", "${host}");\n`);
    prepare(profile);
    const words = ['-headless', '-no-remote', '-profile', profile, '--remote-debugging-port=0', 'about:blank'];
    const program = new Running('firefox-esr', words, { env: speakers.environment, favoured: true });
    const said = await program.says(/WebDriver BiDi listening on (ws:\/\/\S+)/);
    const remote = await Remote.connect(`${said[1]}/session`);
    const { capabilities } = await remote.ask('session.new', { capabilities: {} });
    const { contexts } = await remote.ask('browsingContext.getTree');
    return new Firefox(program, remote, `Firefox ${capabilities.browserVersion}`, contexts[0].context);
  }

  /** @param {URL} url */
  async load(url) {
    await this.#remote.ask('browsingContext.navigate', { context: this.#context, url: String(url), wait: 'complete' });
  }

  /** @param {string} expression @returns {Promise<any>} the expression's value; does not count as a gesture */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.#remote.ask('script.evaluate', {
      expression: `JSON.stringify(${expression})`, target: { context: this.#context }, awaitPromise: false,
    });
    if (exceptionDetails) throw new Error(`the page refused ${expression}: ${exceptionDetails.text}`);
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  /**
   * @param {string} selector with ' >>> ' between a shadow host and its content
   * @returns {Promise<number>} when the click was done, CLOCK_MONOTONIC ns
   */
  async click(selector) {
    const part = find(selector);
    await until(`${selector} can be pressed`, () => this.evaluate(`(part => Boolean(part && !part.disabled && part.checkVisibility()))(${part})`));
    const place = () => this.evaluate(`(part => {
      part.scrollIntoView({ block: 'center' });
      const { x, y, width, height } = part.getBoundingClientRect();
      return [Math.round(x + width / 2), Math.round(y + height / 2)]; })(${part})`);
    let [x, y] = await place();
    // An element that has just appeared may still move.
    await until(`${selector} stands still`, async () => {
      const [lastX, lastY] = [x, y];
      [x, y] = await place();
      return x === lastX && y === lastY;
    });
    this.clicks += 1;
    await this.#remote.ask('input.performActions', {
      context: this.#context,
      actions: [{
        type: 'pointer', id: 'mouse', actions: [
          { type: 'pointerMove', x, y }, { type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 },
        ],
      }],
    });
    return nowNs();
  }

  async close() {
    this.#remote.close();
    await this.#program.end();
  }
}

/** @param {string} selector as in click() @returns {string} an expression for the element */
export function find(selector) {
  const [first, ...deeper] = selector.split(' >>> ').map((part) => JSON.stringify(part));
  return `document.querySelector(${first})${deeper.map((part) => `?.shadowRoot?.querySelector(${part})`).join('')}`;
}
