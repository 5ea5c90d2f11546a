// The gain of concealment over a fade, and its cost: `make bench-concealment`. Prints a table (excerpt by length of gap) and
// times, and draws docs/design/pictures/concealment.svg and docs/design/pictures/splice.svg. The same seed gives the same table
// and pictures.

import { STREAM_RATE_HZ } from '../../web/core/constants.js';
import { OVERLAP_FRAMES, SEARCH_REACH_FRAMES } from '../../web/core/sound/constants.js';
import { writeFileSync } from 'node:fs';
import { Concealer } from '../../web/core/sound/concealment.js';
import { framesOf } from '../../web/core/units.js';
import { SpliceSearch } from '../../web/core/sound/splice.js';
import { excerpt, EXCERPTS, largestStep } from '../../tests/web/sim/excerpts.js';
import { concealed, errorEnergy, faded, gapsOf, heard } from '../../tests/web/sim/gaps.js';
import { randomFrom, SEED } from '../../tests/web/sim/random.js';
import { drawGap, drawSplice } from './pictures.mjs';
import { periodRepeated, silenced } from './ways.mjs';

const GAPS_MS = [1, 2, 3, 4, 5, 10, 20, 40];
const PASSES = 6;
const BLOCK_FRAMES = 128;
const BLOCKS_PER_SECOND = STREAM_RATE_HZ / BLOCK_FRAMES;

const WAYS = {
  'a fade (before)': faded,
  'hard silence': silenced,
  'last period again': periodRepeated,
  'model, equal power back': () => concealed(0),
  'model (ours)': () => concealed(),
};

const decibel = (ratio) => 10 * Math.log10(ratio);

/** For each method: error energy, and the largest step relative to the excerpt's own. */
function measured(sound, ms) {
  const rows = Object.values(WAYS).map(() => ({ energy: 0, step: 0 }));
  for (let pass = 0; pass < PASSES; pass += 1) {
    const gaps = gapsOf(sound.left.length, framesOf(ms), randomFrom(SEED + 1000 + pass * 100 + ms));
    Object.values(WAYS).forEach((way, index) => {
      const out = heard(sound, gaps, way());
      rows[index].energy += errorEnergy(sound, out);
      rows[index].step = Math.max(rows[index].step, largestStep(out));
    });
  }
  return rows;
}

function table() {
  console.log(`Error energy over many places, dB below that of a fade (more is better; seed ${SEED}). "!": a step larger than any of the excerpt.\n`);
  console.log(`| excerpt | way | ${GAPS_MS.map((ms) => `${ms} ms`).join(' | ')} | 1 to 5 ms |`);
  console.log(`|---|---|${GAPS_MS.map(() => '--:').join('|')}|--:|`);
  for (const name of EXCERPTS) {
    const sound = excerpt(name);
    const most = largestStep(sound) * 1.001; // the fade of a guess adds at most this much
    const columns = GAPS_MS.map((ms) => measured(sound, ms));
    Object.keys(WAYS).forEach((way, index) => {
      const cells = columns.map((rows) => `${decibel(rows[0].energy / rows[index].energy).toFixed(1)}${rows[index].step > most ? '!' : ''}`);
      const short = columns.filter((_, column) => GAPS_MS[column] <= 5);
      const sum = (row) => short.reduce((total, rows) => total + rows[row].energy, 0);
      console.log(`| ${name} | ${way} | ${cells.join(' | ')} | ${decibel(sum(0) / sum(index)).toFixed(1)} |`);
    });
  }
}

/** Microseconds per call, sorted. */
function times(count, call) {
  const taken = new Float64Array(count);
  for (let n = 0; n < count; n += 1) {
    const began = process.hrtime.bigint();
    call();
    taken[n] = Number(process.hrtime.bigint() - began) / 1000;
  }
  return taken.sort();
}

function report(name, taken, perSecond) {
  const mean = taken.reduce((sum, one) => sum + one, 0) / taken.length;
  const at = (share) => taken[Math.floor(share * (taken.length - 1))].toFixed(1).padStart(7);
  const core = perSecond ? `  ${((mean * perSecond) / 1e4).toFixed(2)} % of a core` : '';
  console.log(`  ${name.padEnd(34)}${at(0.5)}${at(0.99)}${mean.toFixed(1).padStart(8)}${core}`);
}

function costs() {
  const sound = excerpt('piano');
  const concealer = new Concealer();
  concealer.rehearse();
  const left = new Float32Array(BLOCK_FRAMES);
  const right = new Float32Array(BLOCK_FRAMES);
  let at = 0;
  const block = () => {
    left.set(sound.left.subarray(at, at + BLOCK_FRAMES));
    right.set(sound.right.subarray(at, at + BLOCK_FRAMES));
    at = (at + BLOCK_FRAMES) % (sound.left.length - BLOCK_FRAMES);
    concealer.remember(left, right, 0, BLOCK_FRAMES);
  };
  const search = searched(sound, { from: 50_000, to: 51_000 });
  for (let n = 0; n < 3000; n += 1) {
    block();
    concealer.prepare(BLOCK_FRAMES);
    search.find(-SEARCH_REACH_FRAMES, SEARCH_REACH_FRAMES);
  }
  console.log(`\nMicroseconds a call, blocks of ${BLOCK_FRAMES} (node ${process.version}):   median    99 %    mean`);
  report('remember: every block', times(20_000, block), BLOCKS_PER_SECOND);
  report('prepare: every block', times(20_000, () => concealer.prepare(BLOCK_FRAMES)), BLOCKS_PER_SECOND);
  report('begin: every gap', times(3000, () => { block(); concealer.begin(); }));
  report('predict: every block of a gap', times(3000, () => {
    if (concealer.silent) concealer.begin();
    concealer.predict(left, right, 0, BLOCK_FRAMES);
  }));
  report('find: every splice', times(3000, () => search.find(-SEARCH_REACH_FRAMES, SEARCH_REACH_FRAMES)));
}

/** The median place: the pictures show a typical case, not the best one. */
function median(places, value) {
  const sorted = places.map((place) => [value(place), place]).sort(([one], [other]) => one - other);
  return sorted[sorted.length >> 1][1];
}

/** Fills the search as a caller would, then searches. */
function searched(sound, { from, to }) {
  const search = new SpliceSearch();
  search.outgoingLeft.set(sound.left.subarray(from, from + OVERLAP_FRAMES));
  search.outgoingRight.set(sound.right.subarray(from, from + OVERLAP_FRAMES));
  search.incomingLeft.set(sound.left.subarray(to - SEARCH_REACH_FRAMES, to + OVERLAP_FRAMES + SEARCH_REACH_FRAMES));
  search.incomingRight.set(sound.right.subarray(to - SEARCH_REACH_FRAMES, to + OVERLAP_FRAMES + SEARCH_REACH_FRAMES));
  search.find(-SEARCH_REACH_FRAMES, SEARCH_REACH_FRAMES);
  return search;
}

function pictures() {
  const piano = excerpt('piano');
  const gaps = [0, 1].flatMap((pass) => gapsOf(piano.left.length, framesOf(4), randomFrom(SEED + pass)));
  const both = (gap) => [concealed(), faded()].map((way) => heard(piano, [gap], way));
  const gap = median(gaps, (one) => {
    const [ours, fade] = both(one);
    return errorEnergy(piano, fade) / errorEnergy(piano, ours);
  });
  writeFileSync(new URL('../../docs/design/pictures/concealment.svg', import.meta.url), drawGap(piano, gap, ...both(gap)));

  const strings = excerpt('strings');
  const places = gapsOf(strings.left.length - 4000, 1, randomFrom(SEED)).map(({ from }) => ({ from, to: from + framesOf(15) }));
  const place = median(places, (one) => searched(strings, one).correlation[0]);
  writeFileSync(new URL('../../docs/design/pictures/splice.svg', import.meta.url), drawSplice(strings, place.from, place.to, searched(strings, place)));
}

table();
costs();
pictures();
