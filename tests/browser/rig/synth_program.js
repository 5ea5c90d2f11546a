/** The program that synth.js plays: endless exact sound as 16-bit samples on stdout, as fast as the reader takes them. */

import { EXACT, RATE_HZ } from './exact.js';

const BLOCK_FRAMES = RATE_HZ / 10;

const [pattern, channels] = /** @type {[import('./exact.js').Pattern, string]} */ (process.argv.slice(2));
const sampleOf = EXACT[pattern];
const width = Number(channels);

process.stdout.on('error', () => process.exit()); // the reader is gone

/** @param {number} first */
function say(first) {
  const block = new Int16Array(BLOCK_FRAMES * width);
  for (let at = 0; at < block.length; at += 1) block[at] = sampleOf(first + Math.floor(at / width), at % width);
  process.stdout.write(Buffer.from(block.buffer), () => say(first + BLOCK_FRAMES));
}

say(0);
