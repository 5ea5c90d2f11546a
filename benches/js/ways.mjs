// Other methods to bridge a gap, for comparison: hard silence, and repeating the last period (as early speech codecs did).

import { GUESS_FRAMES, RE_ENTRY_FRAMES } from '../../web/core/sound/constants.js';
import { RE_ENTRY } from '../../web/core/sound/concealment.js';
import { framesOf } from '../../web/core/units.js';

/** Silence, then the sound again. */
export function silenced() {
  return {
    remember: () => {},
    begin: () => {},
    predict: (left, right, at, frames) => [left, right].forEach((samples) => samples.fill(0, at, at + frames)),
    returnFrames: 1,
    rise: () => 1,
    fall: () => 0,
  };
}

/** The search range for periods, 60 Hz to 1 kHz, which compares the newest 12 ms. */
const [SHORTEST, LONGEST, COMPARED] = [44, 735, framesOf(12)];

/** Repeats the newest period, with the same fade and crossfade as ours. */
export function periodRepeated() {
  const past = [[], []];
  let period = SHORTEST;
  let made = 0;
  const gain = (frame) => 0.5 + 0.5 * Math.cos(Math.PI * Math.min(1, Math.max(0, frame - framesOf(5)) / (GUESS_FRAMES - framesOf(5))));
  const table = RE_ENTRY[4];
  return {
    remember: (left, right, from, frames) => {
      past[0].push(...left.subarray(from, from + frames));
      past[1].push(...right.subarray(from, from + frames));
    },
    begin: () => {
      made = 0;
      let best = -Infinity;
      for (let lag = SHORTEST; lag <= LONGEST; lag += 1) {
        let [product, power] = [0, 1e-9];
        for (const samples of past) {
          for (let frame = samples.length - COMPARED; frame < samples.length; frame += 1) {
            product += samples[frame] * samples[frame - lag];
            power += samples[frame - lag] ** 2;
          }
        }
        const score = product / Math.sqrt(power);
        if (score > best) [best, period] = [score, lag];
      }
      for (const samples of past) samples.begin = samples.length;
    },
    predict: (left, right, at, frames) => {
      for (let frame = at; frame < at + frames; frame += 1, made += 1) {
        [left, right].forEach((samples, channel) => {
          const source = past[channel].begin - period + (made % period);
          samples[frame] = past[channel][source] * gain(made);
        });
      }
    },
    returnFrames: RE_ENTRY_FRAMES,
    rise: (frame) => table[frame],
    fall: (frame) => table[RE_ENTRY_FRAMES - 1 - frame],
  };
}
