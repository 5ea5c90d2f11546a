/** The reader of the virtual MONTAGE's counters (tests/image) detects every fault that it must detect. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderOf } from '../image/counters.js';

const MODULI = [65_521, 65_519, 65_497, 65_479, 65_449, 65_447, 65_437, 65_423];
const STARTS = [0, 3_700, 8_800, 15_300, 23_200, 32_500, 43_200, 55_300];

/** The samples that the instrument plays. @param {number} frame @param {number} channel */
const sample = (frame, channel) => ((frame + /** @type {number} */ (STARTS[channel])) % /** @type {number} */ (MODULI[channel])) / 32_768 - 1;

/** @param {number[]} positions the source frame of each recorded frame, with its fraction @param {number} first channel */
function recorded(positions, first) {
  const heard = (/** @type {number} */ position, /** @type {number} */ channel) => {
    const [whole, part] = [Math.floor(position), position % 1];
    return (1 - part) * sample(whole, channel) + part * sample(whole + 1, channel);
  };
  return Float32Array.from(positions.flatMap((position) => [heard(position, first), heard(position, first + 1)]));
}

/** @param {number} from @param {number} frames @param {number} [rate] */
const run = (from, frames, rate = 1) => Array.from({ length: frames }, (_, at) => from + at * rate);

for (const first of [0, 2, 4, 6]) {
  test(`in order on channels ${first + 1} and ${first + 2}, also where they begin anew and the speed is another`, () => {
    for (const rate of [1, 1.0003, 0.9995]) {
      const { frames, breaks } = orderOf(recorded(run(5_000_000.25, 300_000, rate), first), first);
      assert.deepEqual(breaks, []);
      assert.equal(frames, 299_999);
    }
  });
}

test('a frame missing, one repeated, and half a second of something else are seen, and how far the source moved on', () => {
  const jumps = [1, -1, 22_050, -300, 200_000];
  for (const jump of jumps) {
    const positions = [...run(70_000, 10_000), ...run(80_000 + jump, 10_000)];
    const { breaks } = orderOf(recorded(positions, 0), 0);
    assert.equal(breaks.length, 1, `${jump}`);
    assert.ok(Math.abs(/** @type {number} */ (breaks[0]?.jump) - jump) < 0.1, JSON.stringify(breaks));
  }
  const hole = Float32Array.from([...recorded(run(70_000, 10_000), 0), ...new Float32Array(2 * 22_050), ...recorded(run(102_050, 10_000), 0)]);
  const { breaks } = orderOf(hole, 0);
  assert.deepEqual(breaks.map(({ frames, jump }) => [frames, Math.round(/** @type {number} */ (jump))]), [[22_050, 0]]);
});

test('another pair breaks where it begins anew, and silence is never in order', () => {
  assert.ok(orderOf(recorded(run(5_000_000, 200_000), 2), 0).breaks.length > 0);
  assert.equal(orderOf(new Float32Array(20_000), 0).frames, 0);
});
