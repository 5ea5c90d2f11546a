// The common parts of the three instruments: a stereo stage, filters, a room.

export const RATE_HZ = 44100;
export const SECONDS = 3.2;
export const FRAMES = Math.round(SECONDS * RATE_HZ);

export const hz = (key) => 440 * 2 ** ((key - 69) / 12);
export const framesOf = (seconds) => Math.round(seconds * RATE_HZ);
/** A random number between -1 and 1, roughly normally distributed. */
export const gauss = (random) => random() + random() + random() - 1.5;

export function stage() {
  return { left: new Float64Array(FRAMES), right: new Float64Array(FRAMES) };
}

/** Adds a mono sound to the stage. pan: -1 is left, 1 is right, equal power. */
export function place(stage, samples, at, gain, pan) {
  const angle = ((pan + 1) * Math.PI) / 4;
  const end = Math.min(samples.length, FRAMES - at);
  for (let frame = 0; frame < end; frame += 1) {
    stage.left[at + frame] += samples[frame] * gain * Math.cos(angle);
    stage.right[at + frame] += samples[frame] * gain * Math.sin(angle);
  }
}

/** A second-order filter (Bristow-Johnson's cookbook). kind: 'low', 'high' or 'band' (0 dB at the centre). */
export function filtered(samples, kind, frequency_hz, q) {
  const w = (2 * Math.PI * frequency_hz) / RATE_HZ;
  const alpha = Math.sin(w) / (2 * q);
  const cos = Math.cos(w);
  const numerators = {
    low: [(1 - cos) / 2, 1 - cos, (1 - cos) / 2],
    high: [(1 + cos) / 2, -(1 + cos), (1 + cos) / 2],
    band: [alpha, 0, -alpha],
  };
  const [b0, b1, b2] = numerators[kind];
  const a0 = 1 + alpha;
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return samples.map((x) => {
    const y = (b0 * x + b1 * x1 + b2 * x2 + 2 * cos * y1 - (1 - alpha) * y2) / a0;
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}

export function noise(frames, random) {
  return Float64Array.from({ length: frames }, () => random() * 2 - 1);
}

/**
 * A room: eight delay lines that feed each other (Jot's network with a Householder matrix); the treble decays faster.
 * Adds the room's sound to the stage.
 */
export function room(stage, { decay_s, level, damping }) {
  const lengths = [1031, 1327, 1523, 1801, 2081, 2347, 2671, 2969];
  const lines = lengths.map((length) => new Float64Array(length));
  const gains = lengths.map((length) => 10 ** ((-3 * length) / (decay_s * RATE_HZ)));
  const lows = new Float64Array(8);
  const heard = new Float64Array(8);
  for (let frame = 0; frame < FRAMES; frame += 1) {
    let sum = 0;
    for (let line = 0; line < 8; line += 1) {
      const sample = lines[line][frame % lengths[line]] * gains[line];
      lows[line] += (sample - lows[line]) * (1 - damping);
      heard[line] = lows[line];
      sum += heard[line];
    }
    const dry = [stage.left[frame], stage.right[frame]];
    for (let line = 0; line < 8; line += 1) {
      lines[line][frame % lengths[line]] = heard[line] - sum / 4 + dry[line % 2] * 0.35;
      const side = line % 4 < 2 ? 1 : -1;
      stage[line % 2 ? 'right' : 'left'][frame] += heard[line] * level * side;
    }
  }
}
