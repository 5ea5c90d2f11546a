/**
 * The service as it ships: the release binary, on a port that the system chooses.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RATE_HZ } from './exact.js';
import { mayBeRealTime, Running } from './process.js';
import { PRIORITY } from './pulse.js';
import { pass } from './until.js';
import { nowNs } from './watchdog.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** The kernel's name of libpulse's own thread. */
const PLUGIN_THREAD = 'threaded-ml';
/** Maximum time for the service to open its device. */
const PLUGIN_MS = 2000;

export class Service {
  /** @param {Running} program @param {URL} address */
  constructor(program, address) {
    this.#program = program;
    this.address = address;
  }

  #program;

  /**
   * @param {string[]} words of its command line
   * @param {object} [where]
   * @param {string} [where.port]
   * @param {Record<string, string>} [where.env]
   * @param {number} [where.upS] gives the service its own clock, by which the machine has been on for this long
   * @returns {Promise<Service>}
   */
  static async start(words, { port = '0', env = {}, upS } = {}) {
    const [name, ...before] = upS === undefined ? [binary()] : [...switchedOn(upS), binary()];
    const program = new Running(/** @type {string} */ (name), [...before, 'serve', '--listen', `127.0.0.1:${port}`, ...words], { env, favoured: true });
    const said = await program.says(/open (http:\/\/\S+)/);
    if (words.includes('--device')) await hurryThePlugin(program.pid);
    return new Service(program, new URL(/** @type {string} */ (said[1])));
  }

  /** @param {string} host @returns {Promise<{http: URL, https: URL}>} the service's addresses under this name, when it serves HTTPS */
  async addresses(host) {
    const said = await this.#program.says(/network open https:\/\/\S+:(\d+)/);
    return { http: new URL(`http://${host}:${this.address.port}/`), https: new URL(`https://${host}:${said[1]}/`) };
  }

  /** @returns {Promise<any>} the answer of /api/status */
  async status() {
    return (await fetched(new URL('/api/status', this.address))).json();
  }

  /** @returns {Promise<{frames: number, timeNs: number}>} the number of captured frames, and when that was (to half a round trip) */
  async captured() {
    const askedNs = nowNs();
    const { frames } = (await this.status()).stream;
    return { frames, timeNs: (askedNs + nowNs()) / 2 };
  }

  async listeners() {
    return (await this.status()).listeners.now;
  }

  /** Ends the service as a power cut would. */
  async kill() {
    this.#program.killNow();
    await this.#program.ended;
  }

  async stop() {
    await this.#program.end();
  }
}

/**
 * Gives the thread of alsa-lib's pulse plugin the sound server's own priority. The thread stands for a card's interrupt, which no
 * program can delay.
 *
 * @param {number} pid
 */
async function hurryThePlugin(pid) {
  if (!mayBeRealTime()) return;
  for (const deadline = Date.now() + PLUGIN_MS; Date.now() < deadline; await pass(20)) {
    const threads = readdirSync(`/proc/${pid}/task`).filter((thread) => nameOf(pid, thread) === PLUGIN_THREAD);
    for (const thread of threads) spawnSync('chrt', ['--rr', '--pid', String(PRIORITY), thread]);
    if (threads.length > 0) return;
  }
}

/** @param {number} pid @param {string} thread @returns {string} its name, '' when the thread is gone */
function nameOf(pid, thread) {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** @param {number} upS @returns {string[]} a command prefix; the program that follows sees a clock which has run for this long */
function switchedOn(upS) {
  const offsetS = upS - Math.round(nowNs() / 1e9);
  return ['unshare', '--time', `--monotonic=${offsetS}`, '--kill-child'];
}

/**
 * @param {{frames: number, timeNs: number}} captured
 * @param {number} timeNs
 * @returns {number} the number of frames captured by that time
 */
export function capturedBy(captured, timeNs) {
  return Math.round(captured.frames - ((captured.timeNs - timeNs) / 1e9) * RATE_HZ);
}

/** @returns {string} $SYNTHWIRE_BIN, or the release build, which is built if it is missing */
function binary() {
  const named = process.env['SYNTHWIRE_BIN'];
  if (named) return named;
  const path = join(process.env['CARGO_TARGET_DIR'] ?? join(ROOT, 'target'), 'release', 'synthwire');
  if (!existsSync(path)) {
    const built = spawnSync(join(ROOT, 'scripts', 'cargo.sh'), ['build', '--release', '--locked'], { cwd: ROOT, stdio: 'inherit' });
    if (built.status !== 0) throw new Error('The service could not be built: the reason is above.');
  }
  return path;
}

/**
 * The service may close a kept-alive connection just as it is used again; then the request is repeated once.
 *
 * @param {URL} address @returns {Promise<Response>}
 */
async function fetched(address) {
  try {
    return await fetch(address);
  } catch {
    return fetch(address);
  }
}
