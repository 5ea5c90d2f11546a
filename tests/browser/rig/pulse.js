/**
 * The speakers: a PulseAudio of our own on a socket in a private folder, with a null sink that plays to nobody.
 *
 * What a browser plays is recorded from the sink's monitor as the 32-bit floats it gave. Nothing of the user's own sound
 * system is touched, and nothing listens on the network.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mayBeRealTime, Running } from './process.js';
import { Recording } from './recording.js';
import { RATE_HZ } from './exact.js';
import { until } from './until.js';
import { nowNs } from './watchdog.js';

/** Round-robin priority of the sound server: without it gaps come from the rig. */
const PRIORITY = 6;

/** It says so (only to those who want to know everything) when a browser that had given nothing gives again. */
const UNDERRUN = /end of underrun/g;

export class Speakers {
  /** When a browser gave sound again after it had let the sound server starve. @type {number[]} CLOCK_MONOTONIC ns */
  starvedNs = [];
  #server;

  /** @param {string} folder @param {string} script */
  constructor(folder, script) {
    this.folder = folder;
    const words = [
      '-n', '-F', script, '--daemonize=no', '--use-pid-file=no', '--exit-idle-time=-1', '--realtime=yes', '--log-level=debug',
    ];
    this.#server = new Running('pulseaudio', words, {
      env: { ...environment(folder), PULSE_CONFIG: join(folder, 'daemon.conf') },
      priority: PRIORITY,
      onLog: (text) => this.starvedNs.push(...[...text.matchAll(UNDERRUN)].map(() => nowNs())),
    });
  }

  /** @returns {Promise<Speakers>} */
  static async open() {
    // Short, because a socket's path may have 107 bytes.
    const folder = mkdtempSync(join(tmpdir(), 'synthwire-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    const script = join(folder, 'rig.pa');
    writeFileSync(join(folder, 'daemon.conf'), `default-sample-rate = ${RATE_HZ}\nalternate-sample-rate = ${RATE_HZ}\n`);
    writeFileSync(script, `load-module module-native-protocol-unix auth-anonymous=1 socket=${join(folder, 'pulse.sock')}
load-module module-null-sink sink_name=speakers format=float32le rate=${RATE_HZ} channels=2 norewinds=1
set-default-sink speakers
`);
    const speakers = new Speakers(folder, script);
    const server = speakers.#server;
    await until('the sound server is ready', () => speakers.#isReady(), () => server.log);
    // Its main thread drops its own priority while it starts: give it back.
    if (mayBeRealTime()) spawnSync('chrt', ['--rr', '--pid', String(PRIORITY), String(server.pid)]);
    return speakers;
  }

  /** Variables for a program that shall play here. */
  get environment() {
    return environment(this.folder);
  }

  /** @returns {Promise<Recording>} of everything that is played from now on */
  record() {
    return Recording.start(this.environment, 'speakers.monitor');
  }

  async close() {
    await this.#server.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #isReady() {
    if (!this.#server.isRunning) throw new Error(`pulseaudio ended:\n${this.#server.log}`);
    const listed = spawnSync('pactl', ['list', 'short', 'sinks'], { env: { ...process.env, ...this.environment } });
    return listed.stdout.includes('speakers');
  }
}

/** @param {string} folder @returns {Record<string, string>} */
function environment(folder) {
  return {
    PULSE_SERVER: `unix:${join(folder, 'pulse.sock')}`,
    PULSE_RUNTIME_PATH: join(folder, 'pulse'),
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    HOME: folder,
    DBUS_SESSION_BUS_ADDRESS: 'disabled:',
  };
}
