/**
 * The service as it ships: the release binary, on a port the system chose.
 */

import { existsSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RATE_HZ } from './exact.js';
import { Running } from './process.js';
import { nowNs } from './watchdog.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export class Service {
  /** @param {Running} program @param {URL} address */
  constructor(program, address) {
    this.#program = program;
    this.address = address;
  }

  #program;

  /** @param {string[]} words of its command line @param {string} [port] @returns {Promise<Service>} */
  static async start(words, port = '0') {
    const program = new Running(binary(), ['serve', '--listen', `127.0.0.1:${port}`, ...words], { favoured: true });
    const said = await program.says(/open (http:\/\/\S+)/);
    return new Service(program, new URL(/** @type {string} */ (said[1])));
  }

  /** @returns {Promise<any>} what /api/status says */
  async status() {
    return (await fetch(new URL('/api/status', this.address))).json();
  }

  /** @returns {Promise<{frames: number, timeNs: number}>} how many frames it has captured, and when that was (to half a round trip) */
  async captured() {
    const askedNs = nowNs();
    const { frames } = (await this.status()).stream;
    return { frames, timeNs: (askedNs + nowNs()) / 2 };
  }

  async listeners() {
    return (await this.status()).listeners.now;
  }

  /** As a power cut does it. */
  async kill() {
    this.#program.killNow();
    await this.#program.ended;
  }

  async stop() {
    await this.#program.end();
  }
}

/** @param {{frames: number, timeNs: number}} captured @param {number} timeNs @returns {number} how many frames it had captured then */
export function capturedBy(captured, timeNs) {
  return Math.round(captured.frames - ((captured.timeNs - timeNs) / 1e9) * RATE_HZ);
}

/** @returns {string} $SYNTHWIRE_BIN, or the release build, which is made if it is not there */
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
