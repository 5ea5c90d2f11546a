/**
 * Chromium as a user runs it: no autoplay switch, no muting, real clicks and keys. The command line has only the switches that a
 * headless browser under root needs.
 */

import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChromiumPage } from './chromium_page.js';
import { Running } from './process.js';
import { Remote } from './remote.js';
import { until } from './until.js';

/** Chromium resolves .local names to this machine, as a router would. */
const RESOLVER_RULES = 'MAP *.local 127.0.0.1';

const WORDS = [
  '--headless=new', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-default-browser-check', '--remote-debugging-port=0',
  `--host-resolver-rules=${RESOLVER_RULES}`,
];

export class Chromium {
  /** @param {Running} program @param {Remote} remote @param {string} name */
  constructor(program, remote, name) {
    this.#program = program;
    this.#remote = remote;
    this.name = name;
  }

  #program;
  #remote;

  /**
   * @param {import('./pulse.js').Speakers} speakers
   * @param {Record<string, string>} [env] in HOME the browser looks for certificates that its user trusts
   * @returns {Promise<Chromium>}
   */
  static async start(speakers, env = {}) {
    const profile = mkdtempSync(join(speakers.folder, 'chromium-'));
    const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const words = [...WORDS, ...root, `--user-data-dir=${profile}`, 'about:blank'];
    const program = new Running('chromium', words, { env: { ...speakers.environment, ...env }, favoured: true });
    // Chromium writes the port it chose, and the path on that port, into its profile.
    const [port, path] = await until('Chromium can be controlled', () => endpoint(profile, program), () => program.log);
    const remote = await Remote.connect(`ws://127.0.0.1:${port}${path}`);
    // If asked to open a tab before the first one exists, Chromium may never answer.
    await until('Chromium has a tab', () => hasTab(remote));
    const { product } = await remote.ask('Browser.getVersion');
    return new Chromium(program, remote, product.replace('Chrome/', 'Chromium '));
  }

  /** @param {URL | string} url @returns {Promise<ChromiumPage>} a new tab, loaded */
  async open(url) {
    const { targetId } = await this.#remote.ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#remote.ask('Target.attachToTarget', { targetId, flatten: true });
    const page = new ChromiumPage(this.#remote, targetId, sessionId);
    await page.load(String(url));
    return page;
  }

  async close() {
    this.#remote.close();
    await this.#program.end();
  }
}

/** @param {Remote} remote @returns {Promise<boolean>} */
async function hasTab(remote) {
  const { targetInfos } = await remote.ask('Target.getTargets');
  return targetInfos.some((/** @type {{type: string}} */ { type }) => type === 'page');
}

/** @param {string} profile @param {Running} program @returns {string[] | null} port and path */
function endpoint(profile, program) {
  if (!program.isRunning) throw new Error(`chromium ended:\n${program.log}`);
  try {
    const lines = readFileSync(join(profile, 'DevToolsActivePort'), 'utf8').split('\n');
    return lines.length === 2 ? lines : null;
  } catch {
    return null;
  }
}
