/**
 * One tab of Chromium: its messages, its text, its sound, and a user's gestures on it.
 *
 * Only click() and press() count as gestures.
 */

import { until } from './until.js';
import { nowNs } from './watchdog.js';

/** @type {Record<string, {code: string, keyCode: number, text: string}>} */
const KEYS = {
  ' ': { code: 'Space', keyCode: 32, text: ' ' },
  Enter: { code: 'Enter', keyCode: 13, text: '\r' },
  Tab: { code: 'Tab', keyCode: 9, text: '' },
  Escape: { code: 'Escape', keyCode: 27, text: '' },
  ArrowDown: { code: 'ArrowDown', keyCode: 40, text: '' },
  ArrowUp: { code: 'ArrowUp', keyCode: 38, text: '' },
};

export class ChromiumPage {
  /** Errors, violations of the security policy, and failed loads; a healthy page has none. @type {string[]} */
  complaints = [];
  /** Number of mouse clicks. */
  clicks = 0;
  #remote;
  #targetId;
  /** The page's own session. */
  #sessionId;
  /** The sessions of the page and its workers. @type {Set<string>} */
  #sessions;
  #isClosed = false;

  /** @param {import('./remote.js').Remote} remote @param {string} targetId @param {string} sessionId */
  constructor(remote, targetId, sessionId) {
    this.#remote = remote;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
    this.#sessions = new Set([sessionId]);
    this.#listen('Target.attachedToTarget', ({ sessionId: session, targetInfo }) => this.#joined(session, targetInfo.type));
    this.#listen('Log.entryAdded', ({ entry }) => {
      if (entry.level === 'error' || entry.level === 'warning') this.complaints.push(`${entry.source}: ${entry.text} ${entry.url ?? ''}`);
    });
    this.#listen('Runtime.exceptionThrown', ({ exceptionDetails }) => {
      this.complaints.push(exceptionDetails.exception?.description ?? exceptionDetails.text);
    });
    this.#listen('Runtime.consoleAPICalled', ({ type, args }) => {
      if (type === 'error' || type === 'warning') this.complaints.push(args.map((/** @type {any} */ { value }) => value).join(' '));
    });
  }

  /** @param {string} url */
  async load(url) {
    for (const domain of ['Page', 'Runtime', 'Log']) await this.#ask(`${domain}.enable`);
    await this.#ask('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true });
    const { errorText } = await this.#ask('Page.navigate', { url });
    if (errorText) throw new Error(`Chromium cannot open ${url}: ${errorText}`);
    await until(`${url} has loaded`, () => this.evaluate('document.readyState === "complete" && location.href !== "about:blank"'));
  }

  /** @param {string} expression @returns {Promise<any>} the expression's value; does not count as a gesture */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.#ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`the page refused ${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  /** @returns {Promise<any>} */
  report() {
    return this.evaluate('window.synthwire.report()');
  }

  /** @param {string} state */
  reaches(state) {
    return until(`the page is ${state}`, async () => (await this.report()).state === state, () => this.report());
  }

  /** @param {string} selector @returns {Promise<string>} the visible text, '' where nothing is visible */
  text(selector) {
    return this.evaluate(`(() => { const part = document.querySelector(${JSON.stringify(selector)});
      return part && part.checkVisibility() ? part.innerText : ''; })()`);
  }

  /** @param {string} selector @returns {Promise<number>} when the button was released, CLOCK_MONOTONIC ns */
  async click(selector) {
    const quoted = JSON.stringify(selector);
    await until(`${selector} can be pressed`, () => this.evaluate(`(part => part !== null && !part.disabled)(document.querySelector(${quoted}))`));
    const [x, y] = await this.evaluate(`(() => { const part = document.querySelector(${quoted});
      part.scrollIntoView({ block: 'center' });
      const { x, y, width, height } = part.getBoundingClientRect();
      return [x + width / 2, y + height / 2]; })()`);
    const mouse = (/** @type {string} */ type, /** @type {object} */ more) => this.#ask('Input.dispatchMouseEvent', { type, x, y, ...more });
    this.clicks += 1;
    await mouse('mouseMoved', {});
    await mouse('mousePressed', { button: 'left', buttons: 1, clickCount: 1 });
    const letGoNs = nowNs();
    await mouse('mouseReleased', { button: 'left', clickCount: 1 });
    return letGoNs;
  }

  /**
   * Fixes the lead from the next start on, as a user could, but without the ten seconds until the page offers that. Then only a
   * fault moves the lead, however busy the machine is. The page does not know about this.
   *
   * @param {number} leadMs
   */
  async holdLead(leadMs) {
    await this.evaluate(`import(new URL('player.js', document.querySelector('script[type=module]').src).href).then(({ Player: { prototype } }) => {
      const { start } = prototype;
      prototype.start = function () {
        this.setTarget(${leadMs});
        start.call(this);
      };
    })`);
  }

  /** @param {number} position of the slider, 0 to 1; the gain is its square */
  async setVolume(position) {
    await this.evaluate(`(() => { const slider = document.querySelector('#volume');
      slider.value = '${position}';
      slider.dispatchEvent(new Event('input')); })()`);
  }

  /** @param {' ' | 'Enter' | 'Tab' | 'Escape' | 'ArrowDown'} key */
  async press(key) {
    const { code, keyCode, text } = /** @type {{code: string, keyCode: number, text: string}} */ (KEYS[key]);
    const event = { key, code, windowsVirtualKeyCode: keyCode };
    await this.#ask('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', ...event, ...(text && { text }) });
    await this.#ask('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  /** @param {string} text typed at the cursor */
  async type(text) {
    await this.#ask('Input.insertText', { text });
  }

  /**
   * A screenshot of the page at this screen size.
   *
   * @param {object} screen
   * @param {number} screen.width CSS pixels
   * @param {number} screen.height CSS pixels
   * @param {'dark' | 'light'} [screen.scheme] what the person's system prefers
   * @returns {Promise<Buffer>} a PNG with three pixels per two CSS pixels
   */
  async picture({ width, height, scheme = 'dark' }) {
    await this.#ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1.5, mobile: false });
    await this.#ask('Emulation.setScrollbarsHidden', { hidden: true });
    await this.#ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await this.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
    const { data } = await this.#ask('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  }

  /** Closes the tab. A second call does nothing. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#remote.ask('Target.closeTarget', { targetId: this.#targetId });
  }

  /** @param {string} method @param {object} [params] */
  #ask(method, params) {
    return this.#remote.ask(method, params, this.#sessionId);
  }

  /** @param {string} event @param {(params: any) => void} heard */
  #listen(event, heard) {
    this.#remote.on(event, (params, sessionId) => {
      if (this.#sessions.has(sessionId)) heard(params);
    });
  }

  /** A worker of this page has started; its complaints count as well. @param {string} session @param {string} type */
  #joined(session, type) {
    if (type !== 'worker') return;
    this.#sessions.add(session);
    for (const domain of ['Runtime', 'Log']) void this.#remote.ask(`${domain}.enable`, {}, session).catch(() => {}); // it may be gone
  }
}
