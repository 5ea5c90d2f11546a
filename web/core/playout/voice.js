/**
 * A voice: one pair of the stream's channels, from the ring to samples.
 *
 * In: where to continue, how many frames, and the times of the output frames (timeline.js). Out: samples. All voices of a stream
 * have the same places and times; each has its own guesses, crossfades and filter. No method makes an object.
 */

import { Feed } from './feed.js';
import { Resampler } from '../sound/resampler.js';

export class Voice {
  feed;
  resampler;

  /** @param {import('./ring.js').RingReader} ring @param {number} contextRateHz @param {number} streamRateHz */
  constructor(ring, contextRateHz, streamRateHz) {
    this.resampler = new Resampler(Math.min(1, contextRateHz / streamRateHz));
    this.feed = new Feed(ring);
    this.feed.end = this.resampler.lookBackFrames;
  }

  /**
   * @param {Float64Array} times of Pace
   * @param {Float32Array} left @param {Float32Array} right of the block
   */
  put(times, left, right) {
    this.resampler.run(this.feed.left, this.feed.right, times, left, right);
  }
}
