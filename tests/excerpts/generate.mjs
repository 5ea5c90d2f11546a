// Writes the excerpts that test concealment and splices: `node tests/excerpts/generate.mjs`. Piano, strings and drums, 3.2 s
// each, are synthesized from partials, noise and rooms, without recordings or samples. Every run gives the same numbers.
import { writeFileSync } from 'node:fs';
import { randomFrom } from '../web/sim/random.js';
import { drums } from './drums.mjs';
import { piano } from './piano.mjs';
import { strings } from './strings.mjs';
import { RATE_HZ } from './sound.mjs';

const FULL_SCALE = 32767;
const HEADER_BYTES = 44;
/** Peak level of a player who leaves headroom: -3 dBFS. */
const PEAK = 0.7;

/** A 16-bit stereo WAV, with triangular dither as the noise floor of a converter. */
function wav(left, right, random) {
  const peak = left.reduce((most, sample, frame) => Math.max(most, Math.abs(sample), Math.abs(right[frame])), 0);
  const bytes = Buffer.alloc(HEADER_BYTES + left.length * 4);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20); // integer samples
  bytes.writeUInt16LE(2, 22);
  bytes.writeUInt32LE(RATE_HZ, 24);
  bytes.writeUInt32LE(RATE_HZ * 4, 28);
  bytes.writeUInt16LE(4, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(left.length * 4, 40);
  for (let frame = 0; frame < left.length; frame += 1) {
    for (const [channel, samples] of [left, right].entries()) {
      const dither = random() - random();
      bytes.writeInt16LE(Math.round(((samples[frame] * PEAK) / peak) * FULL_SCALE + dither), HEADER_BYTES + frame * 4 + channel * 2);
    }
  }
  return bytes;
}

for (const [name, make, seed] of [['piano', piano, 1], ['strings', strings, 2], ['drums', drums, 3]]) {
  const random = randomFrom(seed);
  const { left, right } = make(random);
  writeFileSync(new URL(`${name}.wav`, import.meta.url), wav(left, right, random));
}
