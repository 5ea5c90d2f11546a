/** A late record may fill only places that the reader does not read in this block or the next, at any rates. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { WORD } from '../../web/core/playout/controls.js';
import { Playout } from '../../web/core/playout/playout.js';
import { controlWords, RING_BYTES } from '../../web/core/playout/ring.js';

for (const [contextRateHz, streamRateHz] of /** @type {[number, number][]} */ (
  [[44_100, 44_100], [48_000, 44_100], [96_000, 44_100], [48_000, 96_000], [44_100, 96_000], [22_050, 96_000]])) {
  for (const blockFrames of [128, 512]) {
    test(`a stream of ${streamRateHz} Hz in a context of ${contextRateHz} Hz, in blocks of ${blockFrames}`, () => {
      const memory = new ArrayBuffer(RING_BYTES);
      const words = controlWords(memory);
      const playout = new Playout(memory, contextRateHz, streamRateHz);
      const [left, right] = [new Float32Array(blockFrames), new Float32Array(blockFrames)];
      /** @type {{from: number, reach: number}[]} */
      const blocks = [];
      for (let block = 0; block < 40; block += 1) {
        playout.render(left, right, block * blockFrames);
        blocks.push({ from: words[WORD.READ_POSITION] ?? 0, reach: words[WORD.REACH_FRAMES] ?? 0 });
      }
      const ratio = streamRateHz / contextRateHz;
      for (const [index, { from, reach }] of blocks.entries()) {
        const afterNext = blocks[index + 2];
        if (!afterNext || index === 0) continue;
        const read = afterNext.from - from;
        assert.ok(reach >= read && reach >= Math.floor(2 * blockFrames * ratio), `block ${index} reaches ${reach}, and ${read} are read`);
        assert.ok(reach < read + 17 * Math.max(1, ratio) + 40, `block ${index} reaches ${reach}, only ${read} are read`);
      }
    });
  }
}
