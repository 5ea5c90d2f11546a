#!/usr/bin/env node
// Writes pairs of sounds for scripts/bench_audibility.sh: a stretch of an excerpt, and the same with one concealed gap. What the
// law of the lead would pay for that gap goes into a table beside them (docs/design/audibility.md).
//   node benches/js/audibility.mjs FOLDER [PLACES]

import { mkdirSync, openSync, writeSync, closeSync, writeFileSync } from 'node:fs';
import { AUDIBLE } from '../../web/core/sound/constants.js';
import { Concealer } from '../../web/core/sound/concealment.js';
import { Hearing, SUM } from '../../web/core/sound/hearing.js';
import { EXCERPTS, excerpt } from '../../tests/web/sim/excerpts.js';
import { concealed, errorEnergy, heard } from '../../tests/web/sim/gaps.js';
import { randomFrom } from '../../tests/web/sim/random.js';
import { framesOf } from '../../web/core/units.js';

const LENGTHS_MS = [1, 2, 3, 5, 8, 12, 20, 40, 80, 200];
/** ms of sound before the gap that the models learn from, that are compared before it, and in all. */
const LEARNED_MS = 140;
const BEFORE_MS = 400;
const COMPARED_MS = 1200;
const BLOCK = 128;

/**
 * What one gap costs, heard by the product's own ears.
 *
 * @param {import('../../tests/web/sim/excerpts.js').Sound} sound @param {number} from of the gap @param {number} frames of it
 * @returns {number} interruptions
 */
function costOf(sound, from, frames) {
  const concealer = new Concealer();
  const hearing = new Hearing();
  for (let at = 0; at < from; at += BLOCK) {
    const run = Math.min(BLOCK, from - at);
    hearing.hear(sound.left, sound.right, at, run);
    concealer.remember(sound.left, sound.right, at, run);
    concealer.prepare(run);
    hearing.judge(concealer.share, false, run);
  }
  for (let missing = 0; missing < frames; missing += BLOCK) hearing.miss(Math.min(BLOCK, frames - missing));
  hearing.hear(sound.left, sound.right, from, 1);
  return Number(hearing.heard[SUM]);
}

const [folder, places = '40'] = process.argv.slice(2);
if (!folder) throw new Error('which FOLDER?');
mkdirSync(folder, { recursive: true });
const file = openSync(`${folder}/pairs.f32`, 'w');
const rows = [];
for (const name of EXCERPTS) {
  const whole = excerpt(name);
  const random = randomFrom(7);
  for (let place = 0; place < Number(places); place += 1) {
    const first = framesOf(LEARNED_MS + BEFORE_MS);
    const from = Math.floor(first + random() * (whole.left.length - first - framesOf(COMPARED_MS)));
    const begin = from - first;
    const cut = (/** @type {Float32Array} */ channel) => channel.slice(begin, begin + framesOf(LEARNED_MS + COMPARED_MS));
    const sound = { left: cut(whole.left), right: cut(whole.right) };
    for (const ms of LENGTHS_MS) {
      const gap = { from: first, frames: framesOf(ms) };
      const result = heard(sound, [gap], concealed());
      for (const channel of [sound.left, result.left]) writeSync(file, new Uint8Array(channel.slice(framesOf(LEARNED_MS)).buffer));
      rows.push({ excerpt: name, ms, cost: costOf(sound, gap.from, gap.frames), error: errorEnergy(sound, result) });
    }
  }
}
closeSync(file);
writeFileSync(`${folder}/pairs.json`, JSON.stringify({ frames: framesOf(COMPARED_MS), audible: AUDIBLE, rows }));
