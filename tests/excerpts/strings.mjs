// A string ensemble: each voice has several slightly detuned players with their own vibrato and bow; then bodies and a hall.
import { FRAMES, filtered, framesOf, gauss, hz, noise, place, RATE_HZ, room, stage } from './sound.mjs';

/** [seconds, length in seconds, keys]: two chords with common tones. */
const CHORDS = [[0, 1.75, [43, 50, 59, 67, 74]], [1.62, 1.7, [48, 52, 60, 67, 76]]];
const PLAYERS = 5;
const TABLE = 8192;
/** Resonances of a violin's body: air, wood, bridge hill. [Hz, width Hz, gain] */
const BODY = [[280, 60, 1.6], [460, 90, 1.8], [700, 200, 0.8], [1200, 400, 0.9], [2600, 900, 1.5]];

/** Computes one period of the bowed string before the body's resonances, for this pitch. */
function wave(f0_hz, random) {
  const samples = new Float64Array(TABLE);
  for (let n = 1; n * f0_hz < 15_000; n += 1) {
    const f_hz = n * f0_hz;
    const body = BODY.reduce((sum, [middle_hz, width_hz, gain]) => sum + gain / (1 + ((f_hz - middle_hz) / width_hz) ** 2), 0.35);
    const level = (body * (0.7 + 0.6 * random())) / (n * (1 + (f_hz / 5200) ** 2));
    const phase = gauss(random) * 0.5;
    for (let at = 0; at < TABLE; at += 1) samples[at] += level * Math.sin((2 * Math.PI * n * at) / TABLE + phase);
  }
  return samples;
}

function player(f0_hz, frames, random) {
  const table = wave(f0_hz, random);
  const cents = gauss(random) * 7;
  const [vibrato_hz, depth] = [5 + random() * 1.4, 8 + random() * 9];
  const attack = framesOf(0.09 + random() * 0.09);
  const release = framesOf(0.12 + random() * 0.08);
  const bow = filtered(filtered(noise(frames, random), 'band', 2400, 0.6), 'high', 500, 0.7);
  const samples = new Float64Array(frames);
  let [at, angle, drift, pressure] = [random() * TABLE, random() * 6, 0, 0];
  for (let frame = 0; frame < frames; frame += 1) {
    drift += gauss(random) * 0.02 - drift * 2e-4; // a hand is never still: the pitch drifts slowly by some cents
    pressure += gauss(random) * 0.0016 - pressure * 4e-4;
    angle += (2 * Math.PI * vibrato_hz) / RATE_HZ;
    const bend = cents + drift + depth * Math.sin(angle) * Math.min(1, frame / framesOf(0.35));
    at = (at + (TABLE * f0_hz * 2 ** (bend / 1200)) / RATE_HZ) % TABLE;
    const low = Math.floor(at);
    const value = table[low] + (table[(low + 1) % TABLE] - table[low]) * (at - low);
    const swell = Math.min(1, frame / attack, (frames - frame) / release);
    samples[frame] = (value * (1 + pressure) + bow[frame] * 0.1) * swell * swell * (3 - 2 * swell);
  }
  return samples;
}

export function strings(random) {
  const out = stage();
  for (const [at_s, long_s, keys] of CHORDS) {
    for (const key of keys) {
      for (let count = 0; count < PLAYERS; count += 1) {
        const at = framesOf(at_s + random() * 0.03);
        const samples = player(hz(key), Math.min(framesOf(long_s), FRAMES - at), random);
        place(out, samples, at, 0.2, (62 - key) / 40 + gauss(random) * 0.5);
      }
    }
  }
  room(out, { decay_s: 1.9, level: 0.25, damping: 0.3 });
  return out;
}
