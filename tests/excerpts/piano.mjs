// A piano: stiff strings in twos and threes, a felt hammer, dampers, a soundboard that knocks, a room.
import { FRAMES, filtered, framesOf, gauss, hz, noise, place, RATE_HZ, room, stage } from './sound.mjs';

/** [seconds, key, velocity 0 to 1, seconds held]: a slow phrase over broken chords, as a player would test a stream. */
const NOTES = [
  [0.02, 36, 0.6, 1.5], [0.02, 60, 0.55, 0.7], [0.03, 64, 0.5, 0.7], [0.025, 67, 0.55, 0.7], [0.03, 76, 0.7, 0.45],
  [0.42, 79, 0.62, 0.4], [0.62, 74, 0.5, 0.25], [0.8, 72, 0.66, 0.5], [0.81, 52, 0.45, 0.6], [1.12, 71, 0.45, 0.2],
  [1.27, 72, 0.55, 0.3], [1.6, 41, 0.62, 1.6], [1.6, 57, 0.55, 0.8], [1.61, 60, 0.5, 0.8], [1.605, 65, 0.55, 0.8],
  [1.61, 81, 0.75, 0.6], [2.05, 77, 0.6, 0.3], [2.22, 84, 0.7, 0.25], [2.38, 83, 0.55, 0.2], [2.5, 79, 0.6, 0.7],
  [2.51, 43, 0.6, 0.7], [2.51, 59, 0.5, 0.7], [2.52, 62, 0.5, 0.7],
];
/** The hammer strikes at an eighth of the string, so every eighth partial is nearly missing. */
const STRIKE = 1 / 8.3;

/** Computes a string: partials f0 n sqrt(1 + B n^2), each with a fast and a slow decay (two polarisations). */
function string(f0_hz, key, velocity, held_s, random) {
  const samples = new Float64Array(FRAMES);
  const stiffness = 10 ** (-4.1 + Math.abs(key - 45) / 30); // least around A2, steeply more in the treble
  const felt_hz = (700 + 2600 * velocity) * 2 ** ((key - 60) / 30);
  const partials = Math.min(70, Math.floor(17_000 / f0_hz));
  const release = framesOf(held_s);
  for (let n = 1; n <= partials; n += 1) {
    const f_hz = f0_hz * n * Math.sqrt(1 + stiffness * n * n);
    if (f_hz > 19_000) break;
    const level = (Math.abs(Math.sin(Math.PI * n * STRIKE)) + 0.02) / (n ** 0.6 * (1 + (f_hz / felt_hz) ** 2)) * (0.75 + 0.5 * random());
    const t60_s = (14 * 2 ** (-(key - 36) / 16)) / (1 + (f_hz / 2600) ** 1.2);
    const fast = 10 ** (-3 / (t60_s * 0.35 * RATE_HZ));
    const slow = 10 ** (-3 / (t60_s * RATE_HZ));
    const damped = 10 ** (-3 / ((0.12 + 30 / f_hz) * RATE_HZ));
    const share = 0.3 + 0.2 * random();
    const step = (2 * Math.PI * f_hz) / RATE_HZ;
    let phase = gauss(random) * 0.4;
    let [quick, long] = [level * (1 - share), level * share];
    for (let frame = 0; frame < FRAMES && quick + long > 1e-7; frame += 1) {
      samples[frame] += Math.sin(phase) * (quick + long);
      phase += step;
      quick *= frame > release ? damped : fast;
      long *= frame > release ? damped : slow;
    }
  }
  return samples;
}

function note(at_s, key, velocity, held_s, out, random) {
  const strings = key < 40 ? 1 : key < 52 ? 2 : 3;
  const gain = velocity ** 1.7 / strings ** 0.7;
  const contact = framesOf(0.0045 * 2 ** (-(key - 48) / 26)); // the time until the hammer leaves the string, longer for low notes
  for (let count = 0; count < strings; count += 1) {
    const cents = gauss(random) * 0.8;
    const samples = string(hz(key) * 2 ** (cents / 1200), key, velocity, held_s, random);
    for (let frame = 0; frame < contact; frame += 1) samples[frame] *= 0.5 - 0.5 * Math.cos((Math.PI * frame) / contact);
    // Low strings are on the left, and each string of a note comes from a slightly different direction.
    place(out, samples, framesOf(at_s), gain, (key - 62) / 50 + (count - (strings - 1) / 2) * 0.25);
  }
  // The knock of key and soundboard, and the noise of the felt.
  const knock = noise(framesOf(0.09), random).map((sample, frame) => sample * Math.exp(-frame / framesOf(0.014)));
  const board = [[95, 3], [180, 4], [410, 5]].map(([f_hz, q]) => filtered(knock, 'band', f_hz, q));
  const felt = filtered(filtered(knock.map((sample, frame) => sample * Math.exp(-frame / framesOf(0.004))), 'high', 900, 0.7), 'low', 5200, 0.7);
  const thump = knock.map((_, frame) => board[0][frame] * 1.3 + board[1][frame] + board[2][frame] * 0.6 + felt[frame] * 0.25);
  place(out, thump, framesOf(at_s), 0.9 * velocity ** 1.5, (key - 62) / 80);
}

export function piano(random) {
  const out = stage();
  for (const [at_s, key, velocity, held_s] of NOTES) note(at_s, key, velocity, held_s, out, random);
  room(out, { decay_s: 1.1, level: 0.16, damping: 0.35 });
  return out;
}
