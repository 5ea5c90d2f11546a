/**
 * The sound system of the rig: a PulseAudio of our own on a socket in a private folder.
 *
 * A single null sink is the only clock. One pair of its channels carries the sound of the synth, another pair the sound of the
 * browser. The rig records all channels at once, so both sounds are on one time line. The service captures the synth through
 * alsa-lib's pulse plugin, by a private ALSA configuration. The rig does not touch the user's own sound system, and nothing
 * listens on the network. The listening bench is built the same way (tools/bench/src/rig/pulse.rs).
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mayBeRealTime, Running } from './process.js';
import { Recorder } from './recording.js';
import { RATE_HZ } from './exact.js';
import { until } from './until.js';
import { nowNs } from './watchdog.js';

/** Round-robin priority of the sound server; without it the rig causes gaps. */
export const PRIORITY = 6;
/** Frames that the sink renders at once: one period of the service. */
const BLOCK_FRAMES = 128;
/** Channel positions as ALSA's plugin expects them; with other names the server would mix the channels. */
const POSITIONS = 'front-left,front-right,rear-left,rear-right,front-center,lfe,side-left,side-right'.split(',');
/** The ALSA device from which the service hears the synth. */
export const SYNTH_DEVICE = 'synth';

/** The server logs this (only at the most verbose level) when a browser delivers sound again after an underrun. */
const UNDERRUN = /end of underrun/g;

export class Speakers {
  /** Times at which a client delivered sound again after letting the sound server starve. @type {number[]} CLOCK_MONOTONIC ns */
  starvedNs = [];
  #server;
  /** @type {Recorder | null} */
  #recorder = null;

  /** @param {string} folder @param {string} script @param {number} synthChannels */
  constructor(folder, script, synthChannels) {
    this.folder = folder;
    this.synthChannels = synthChannels;
    const words = [
      '-n', '-F', script, '--daemonize=no', '--use-pid-file=no', '--exit-idle-time=-1', '--realtime=yes', '--log-level=debug',
    ];
    this.#server = new Running('pulseaudio', words, {
      env: { ...environment(folder), PULSE_CONFIG: join(folder, 'daemon.conf') },
      priority: PRIORITY,
      onLog: (text) => this.starvedNs.push(...[...text.matchAll(UNDERRUN)].map(() => nowNs())),
    });
  }

  /** @param {number} [synthChannels] an even number, at most 8 @returns {Promise<Speakers>} */
  static async open(synthChannels = 2) {
    // The folder's name is short because a socket path may have only 107 bytes.
    const folder = mkdtempSync(join(tmpdir(), 'synthwire-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    const script = join(folder, 'rig.pa');
    writeFileSync(join(folder, 'daemon.conf'), `default-sample-rate = ${RATE_HZ}\nalternate-sample-rate = ${RATE_HZ}\n`);
    writeFileSync(join(folder, 'alsa.conf'), alsaConfiguration(folder));
    writeFileSync(script, serverScript(folder, synthChannels));
    const speakers = new Speakers(folder, script, synthChannels);
    const server = speakers.#server;
    await until('the sound server is ready', () => speakers.#isReady(), () => server.log);
    // The server's main thread drops its own priority at the start, so raise it again.
    if (mayBeRealTime()) spawnSync('chrt', ['--rr', '--pid', String(PRIORITY), String(server.pid)]);
    speakers.#recorder = await Recorder.start(environment(folder), {
      source: 'clock.monitor', channels: synthChannels + 2, blockFrames: BLOCK_FRAMES,
    });
    return speakers;
  }

  /** Environment for programs that play here. */
  get environment() {
    return environment(this.folder);
  }

  /**
   * Environment for the service. By default alsa-lib's pulse plugin asks for a period in whole microseconds, which is less than
   * 128 frames; then the periods came in pairs. With the next whole millisecond it gets each block at once.
   */
  get serviceEnvironment() {
    return { ...this.environment, PULSE_LATENCY_MSEC: String(Math.ceil((BLOCK_FRAMES * 1000) / RATE_HZ)) };
  }

  /** @returns {import('./recording.js').Recording} of everything that plays from now on */
  record() {
    return /** @type {Recorder} */ (this.#recorder).record();
  }

  async close() {
    await this.#recorder?.stop();
    await this.#server.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #isReady() {
    if (!this.#server.isRunning) throw new Error(`pulseaudio ended:\n${this.#server.log}`);
    const listed = spawnSync('pactl', ['list', 'short', 'sources'], { env: { ...process.env, ...this.environment } });
    return listed.stdout.includes('synth_source');
  }
}

/** @param {string} folder */
function socket(folder) {
  return join(folder, 'pulse.sock');
}

/** @param {string} folder @returns {Record<string, string>} */
function environment(folder) {
  return {
    PULSE_SERVER: `unix:${socket(folder)}`,
    PULSE_RUNTIME_PATH: join(folder, 'pulse'),
    ALSA_CONFIG_PATH: `/usr/share/alsa/alsa.conf:${join(folder, 'alsa.conf')}`,
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    HOME: folder,
    // Browsers that are killed leave files there.
    TMPDIR: folder,
    DBUS_SESSION_BUS_ADDRESS: 'disabled:',
  };
}

/** @param {string} folder @param {number} synthChannels */
function serverScript(folder, synthChannels) {
  const places = Array.from({ length: synthChannels + 2 }, (_, channel) => `aux${channel}`);
  const remapped = (/** @type {number} */ first, /** @type {number} */ channels) => (
    `channels=${channels} channel_map=${POSITIONS.slice(0, channels)} master_channel_map=${places.slice(first, first + channels)} remix=no`);
  const synth = remapped(0, synthChannels);
  return `load-module module-native-protocol-unix auth-anonymous=1 socket=${socket(folder)}
load-module module-null-sink sink_name=clock format=float32le rate=${RATE_HZ} channels=${places.length} channel_map=${places} norewinds=1
load-module module-remap-sink sink_name=synth master=clock ${synth}
load-module module-remap-sink sink_name=speakers master=clock ${remapped(synthChannels, 2)}
load-module module-remap-source source_name=synth_source master=clock.monitor ${synth}
set-default-sink speakers
set-default-source synth_source
`;
}

/** @param {string} folder */
function alsaConfiguration(folder) {
  const server = `server "unix:${socket(folder)}"`;
  return `pcm.${SYNTH_DEVICE} { type pulse ${server} device "synth_source" hint.description "the rig's synth" }
ctl.${SYNTH_DEVICE} { type pulse ${server} source "synth_source" }
`;
}
