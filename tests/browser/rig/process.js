/**
 * Programs that the tests start. Each has its own process group, which ends with it; all of them end when the tests die, in any
 * way.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Maximum time for a program to end after being asked. */
const END_MS = 3000;
/** The nice value that a desktop gives its sound programs. */
const FAVOURED_NICE = -11;
/** Length of a program's output that is kept to explain a failure. */
const KEPT_CHARACTERS = 20_000;

/** @type {Set<Running>} */
const running = new Set();

/**
 * @typedef {object} ProgramOptions
 * @property {Record<string, string>} [env] added to our own environment
 * @property {number} [priority] round-robin real-time priority, where that is allowed
 * @property {boolean} [favoured] runs before other programs, where that is allowed: the tests do not test a busy machine
 * @property {(chunk: Buffer) => void} [onOutput] hears stdout
 * @property {(text: string) => void} [onLog] hears stderr
 */

/** A running program. */
export class Running {
  /** The last part of stderr (and of stdout, unless onOutput reads it). */
  log = '';
  /** @type {Set<() => void>} */
  #waiting = new Set();

  /**
   * @param {string} program
   * @param {string[]} words of its command line
   * @param {ProgramOptions} [options]
   */
  constructor(program, words, { env = {}, priority = 0, favoured = false, onOutput, onLog } = {}) {
    const realTime = priority > 0 && mayBeRealTime() ? ['chrt', '--rr', String(priority)] : [];
    const nice = favoured && mayBeRealTime() ? ['nice', '-n', String(FAVOURED_NICE)] : [];
    // However we end, the kernel then ends the program.
    const [command, ...rest] = /** @type {[string, ...string[]]} */ (
      ['setpriv', '--pdeathsig', 'KILL', ...realTime, ...nice, program, ...words]);
    this.name = program;
    this.child = spawn(command, rest, { env: { ...process.env, ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = once(this.child, 'exit').then(() => this.#wake(), () => this.#wake());
    this.child.stdout.on('data', onOutput ?? ((chunk) => this.#note(chunk)));
    this.child.stderr.on('data', (chunk) => this.#note(chunk));
    if (onLog) this.child.stderr.on('data', (chunk) => onLog(chunk.toString()));
    running.add(this);
  }

  get pid() {
    return /** @type {number} */ (this.child.pid);
  }

  get isRunning() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /**
   * @param {RegExp} pattern @param {number} [withinMs]
   * @returns {Promise<RegExpMatchArray>} the first match in the output
   */
  async says(pattern, withinMs = 60_000) {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const match = this.log.match(pattern);
      if (match) return match;
      const leftMs = deadline - Date.now();
      if (!this.isRunning || leftMs <= 0) {
        throw new Error(`${this.name} ${this.isRunning ? 'did not say' : 'ended without saying'} ${pattern}. It wrote:\n${this.log}`);
      }
      await this.#somethingHappens(leftMs);
    }
  }

  /** Asks the program to end, and kills it after END_MS. */
  async end() {
    this.#signal('SIGTERM');
    const insist = setTimeout(() => this.#signal('SIGKILL'), END_MS);
    await this.ended;
    clearTimeout(insist);
    this.killNow(); // the rest of its group
  }

  killNow() {
    this.#signal('SIGKILL');
    running.delete(this);
  }

  /** @param {NodeJS.Signals} signal to the whole group */
  #signal(signal) {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The group has already ended.
    }
  }

  /** @param {Buffer} chunk */
  #note(chunk) {
    this.log = (this.log + chunk.toString()).slice(-KEPT_CHARACTERS);
    this.#wake();
  }

  #wake() {
    for (const wake of this.#waiting) wake();
  }

  /** @param {number} withinMs @returns {Promise<void>} */
  #somethingHappens(withinMs) {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, withinMs);
      this.#waiting.add(wake);
    });
  }
}

/** @returns {boolean} this user may have real-time priorities. Without them the rig may cause gaps; the watchdog then reports them */
export function mayBeRealTime() {
  realTimeAllowed ??= spawnSync('chrt', ['--fifo', '2', 'true'], { stdio: 'ignore' }).status === 0;
  return realTimeAllowed;
}

/** @type {boolean | undefined} */
let realTimeAllowed;

function killAll() {
  for (const program of running) program.killNow();
}

process.on('exit', killAll);
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    killAll();
    process.exit(1);
  });
}
