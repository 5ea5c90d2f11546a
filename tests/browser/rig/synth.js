/**
 * The synth: a separate program plays a known exact sound (exact.js) on the rig's one clock, so that nothing in these tests
 * delays it.
 */

import { fileURLToPath } from 'node:url';
import { exactRuns } from './alignment.js';
import { EXACT, RATE_HZ } from './exact.js';
import { Running } from './process.js';
import { until } from './until.js';
import { nowNs } from './watchdog.js';

const PROGRAM = fileURLToPath(new URL('./synth_program.js', import.meta.url));
/** Lead with which the synth writes its sound, longer than any freeze that leaves a recording valid. */
const AHEAD_MS = 1500;
/** Above the sound server's clients, and below the server. */
const PRIORITY = 5;
/** The largest difference between this clock and ours, as a ratio, including the effect of freezes. */
const CLOCK_DIFFERENCE = 1e-3;
const DOUBT_FRAMES = 3 * RATE_HZ;

export class Synth {
  #program;
  #sampleOf;
  #beganNs = nowNs();

  /** @param {Running} program @param {import('./exact.js').SampleOf} sampleOf */
  constructor(program, sampleOf) {
    this.#program = program;
    this.#sampleOf = sampleOf;
  }

  /** @param {import('./pulse.js').Speakers} speakers @param {import('./exact.js').Pattern} pattern @returns {Promise<Synth>} once it sounds */
  static async start(speakers, pattern) {
    const pacat = [
      'pacat', '--playback', '--raw', '--format=s16le', `--rate=${RATE_HZ}`, `--channels=${speakers.synthChannels}`, '--no-remix', '--no-remap',
      '--device=synth', `--latency-msec=${AHEAD_MS}`,
    ];
    // However the shell ends, the kernel then ends both programs.
    const [tie, node] = ['setpriv --pdeathsig KILL', `"${process.execPath}" "${PROGRAM}"`];
    const play = `${tie} ${node} ${pattern} ${speakers.synthChannels} | ${tie} ${pacat.join(' ')}`;
    const synth = new Synth(new Running('sh', ['-c', play], { env: speakers.environment, priority: PRIORITY }), EXACT[pattern]);
    const recording = speakers.record();
    try {
      await until('the synth sounds', () => recording.soFar().synth.firstHeard() !== null, () => synth.#program.log);
    } finally {
      recording.stop();
    }
    return synth;
  }

  /**
   * @param {number} timeNs
   * @returns {{from: number, to: number}} a range that contains its frame at that time and those of the seconds before
   */
  near(timeNs) {
    const played = ((timeNs - this.#beganNs) / 1e9) * RATE_HZ;
    const doubt = DOUBT_FRAMES + played * CLOCK_DIFFERENCE;
    return { from: Math.max(0, Math.floor(played - 2 * doubt)), to: Math.ceil(played + doubt) };
  }

  /** @param {import('./recording.js').Sound} sound @returns {number} the synth's frame at the first frame of the recording */
  playing(sound) {
    const [run] = exactRuns(sound.synth, this.#sampleOf, this.near(sound.timeNs(0)));
    if (!run) throw new Error('the synth was not heard in its own place');
    return run.index - run.first;
  }

  async stop() {
    await this.#program.end();
  }
}
