// A drum kit recorded closely in a small room: kick, snare, toms, hi-hat, with the balance of a finished mix.
import { filtered, framesOf, noise, place, RATE_HZ, room, stage } from './sound.mjs';

const SIXTEENTH_S = 60 / 112 / 4;
/** Two bars, one character per sixteenth: loud, soft, or silent. The excerpt is six beats of them, with a fill. */
const PATTERN = {
  kick: 'X.....X...X.....X..x....',
  snare: '....X..x.x..X.......x.X.',
  hat: 'XxXxXxXxXxXoXxXxXx......',
  high: '..................Xx....',
  low: '....................XxX.',
};

/** A membrane: its modes, whose pitch drops as the skin relaxes. */
function membrane({ f_hz, glide, glide_s, modes, seconds }) {
  const samples = new Float64Array(framesOf(seconds));
  for (const [ratio, level, decay_s] of modes) {
    let phase = 0;
    for (let frame = 0; frame < samples.length; frame += 1) {
      const time_s = frame / RATE_HZ;
      phase += (2 * Math.PI * f_hz * ratio * (1 + glide * Math.exp(-time_s / glide_s))) / RATE_HZ;
      samples[frame] += Math.sin(phase) * level * Math.exp(-time_s / decay_s) * Math.min(1, time_s / 0.0008);
    }
  }
  return samples;
}

const dying = (samples, decay_s) => samples.map((sample, frame) => sample * Math.exp(-frame / (decay_s * RATE_HZ)));

function mixed(...parts) {
  const out = new Float64Array(Math.max(...parts.map(([samples]) => samples.length)));
  for (const [samples, gain] of parts) samples.forEach((sample, frame) => (out[frame] += sample * gain));
  return out;
}

function kick(random) {
  const body = membrane({ f_hz: 52, glide: 2.2, glide_s: 0.022, modes: [[1, 1, 0.16], [1.7, 0.2, 0.05]], seconds: 0.6 });
  const beater = filtered(filtered(dying(noise(framesOf(0.04), random), 0.004), 'band', 2800, 0.6), 'low', 6000, 0.7);
  return mixed([body, 1], [beater, 0.7]);
}

function snare(random) {
  const skin = membrane({ f_hz: 188, glide: 0.25, glide_s: 0.02, modes: [[1, 1, 0.07], [1.6, 0.6, 0.05], [2.3, 0.35, 0.035]], seconds: 0.3 });
  const wires = filtered(filtered(dying(noise(framesOf(0.45), random), 0.075), 'high', 1100, 0.6), 'low', 8500, 0.6);
  const stick = filtered(dying(noise(framesOf(0.02), random), 0.002), 'high', 2500, 0.7);
  return mixed([skin, 0.8], [wires, 0.55], [stick, 0.5]);
}

function tom(f_hz) {
  return (random) => {
    // The modes of an ideal membrane, air-loaded: the first ones nearly harmonic.
    const modes = [[1, 1, 0.28], [1.52, 0.5, 0.16], [1.96, 0.28, 0.1], [2.44, 0.15, 0.07], [2.9, 0.1, 0.05]];
    const skin = membrane({ f_hz, glide: 0.18, glide_s: 0.06, modes, seconds: 0.9 });
    const stick = filtered(dying(noise(framesOf(0.03), random), 0.003), 'band', 2100, 0.5);
    return mixed([skin, 0.8], [stick, 0.6]);
  };
}

/** Six mistuned square waves and noise, all above 7 kHz, sound like metal. */
function hat(decay_s) {
  return (random) => {
    const frames = framesOf(decay_s * 7);
    const metal = noise(frames, random).map((sample) => sample * 0.9);
    for (const f_hz of [2053, 3063, 3693, 4117, 5223, 5867]) {
      for (let n = 1; n * f_hz < 20_000; n += 2) {
        const start = random() * 6;
        for (let frame = 0; frame < frames; frame += 1) metal[frame] += (0.5 / n) * Math.sin((2 * Math.PI * n * f_hz * frame) / RATE_HZ + start);
      }
    }
    return dying(filtered(filtered(metal, 'high', 7200, 0.8), 'high', 5000, 0.7), decay_s);
  };
}

/** [instrument, gain, pan] */
const KIT = {
  kick: [kick, 1, 0],
  snare: [snare, 0.75, 0.08],
  hat: [hat(0.032), 0.2, 0.4],
  open: [hat(0.19), 0.2, 0.4],
  high: [tom(148), 0.75, -0.25],
  low: [tom(92), 0.85, 0.35],
};

export function drums(random) {
  const out = stage();
  for (const [name, beats] of Object.entries(PATTERN)) {
    for (const [sixteenth, beat] of [...beats].entries()) {
      if (beat === '.') continue;
      const [make, gain, pan] = KIT[beat === 'o' ? 'open' : name];
      const at_s = 0.03 + sixteenth * SIXTEENTH_S + (random() - 0.5) * 0.006;
      place(out, make(random), framesOf(at_s), gain * (beat === 'x' ? 0.5 : 1) * (0.9 + 0.2 * random()), pan);
    }
  }
  room(out, { decay_s: 0.45, level: 0.12, damping: 0.2 });
  return out;
}
