import assert from 'node:assert/strict';
import test from 'node:test';

import * as whatIf from '../../../web/view/what_if_curve.js';

const HOUR_S = 3600;
const FIXED_MS = 30;

/** @param {[leadMs: number, events: number][]} counted @param {number} [observedS] */
function reported(counted, observedS = HOUR_S) {
  return counted.map(([leadMs, events]) => (
    { target_ms: leadMs, delay_ms: leadMs + FIXED_MS, events, events_per_hour: (events * HOUR_S) / observedS }));
}

/** @param {[leadMs: number, events: number][]} counted @param {number} [observedS] */
function curveOf(counted, observedS = HOUR_S) {
  const curve = whatIf.curveOf(reported(counted, observedS), observedS);
  assert.ok(curve);
  return curve;
}

const CURVE = curveOf([[5, 4000], [10, 60], [20, 3], [40, 0], [80, 0]]);

test('without evidence there is no curve', () => {
  const enough = reported([[5, 1], [10, 0]]);
  for (const [points, observedS] of [[null, 60], [undefined, 60], [[], 60], [enough.slice(1), 60], [enough, null], [enough, NaN], [enough, 0], [enough, 9.9]]) {
    assert.equal(whatIf.curveOf(points, observedS), null, JSON.stringify([points, observedS]));
  }
  assert.ok(whatIf.curveOf(enough, whatIf.EVIDENCE_S));
});

test('a smaller delay is never shown as the better one, though its runs of late sound join', () => {
  const joined = curveOf([[2, 1], [5, 300], [10, 60], [20, 0]]);
  assert.deepEqual(joined.points.map(({ events }) => events), [300, 300, 60, 0]);
  assert.deepEqual(joined.points.map(({ perHour }) => perHour), [300, 300, 60, 0]);
});

test('one unknown delay makes it a curve of buffers, and it says so', () => {
  const points = reported([[5, 2], [10, 0]]);
  const curve = whatIf.curveOf([{ ...points[0], delay_ms: null }, points[1]], 60);
  assert.equal(curve?.truth, 'buffer');
  assert.deepEqual(curve.points.map(({ delayMs }) => delayMs), [5, 10]);
  assert.match(whatIf.curveWords(curve), /^In the past minute, 10 ms of buffer or more had no dropouts/);
});

test('points stand at equal distances, and what lies between them in proportion', () => {
  for (const [targetMs, position] of [[0, 0], [5, 0], [7.5, 0.125], [10, 0.25], [20, 0.5], [60, 0.875], [80, 1], [500, 1]]) {
    assert.equal(whatIf.positionOf(CURVE, targetMs), position, String(targetMs));
  }
  for (const [position, index] of [[-1, 0], [0.1, 0], [0.13, 1], [0.5, 2], [1, 4], [2, 4]]) assert.equal(whatIf.indexAt(CURVE, position), index);
  CURVE.points.forEach(({ targetMs }, index) => assert.equal(whatIf.indexOf(CURVE, targetMs), index));
});

test('a target has its delay, beyond the ends too', () => {
  for (const targetMs of [1, 5, 7, 20, 33, 80, 200]) assert.ok(Math.abs(whatIf.delayAt(CURVE, targetMs) - targetMs - FIXED_MS) < 1e-9, String(targetMs));
});

test('none has a height of its own, the marks stand evenly, and more is never lower', () => {
  assert.deepEqual([0, NaN, -1].map(whatIf.heightOf), [0, 0, 0]);
  assert.equal(whatIf.heightOf(1e9), 1);
  assert.ok(whatIf.heightOf(0.001) > 0.1);
  const [none, hour, minute, second] = whatIf.RATE_MARKS.map(({ perHour }) => whatIf.heightOf(perHour));
  assert.equal(none, 0);
  assert.ok(Math.abs((minute - hour) - (second - minute)) < 1e-9);
  for (let perHour = 0.01; perHour < 10_000; perHour *= 1.3) assert.ok(whatIf.heightOf(perHour * 1.3) >= whatIf.heightOf(perHour));
});

test('a mark lies on the line, and on the ground where the words say that there is none', () => {
  for (const { targetMs, perHour } of CURVE.points) assert.equal(whatIf.heightAt(CURVE, targetMs), whatIf.heightOf(perHour));
  const between = whatIf.heightAt(CURVE, 14);
  assert.ok(between < whatIf.heightOf(60) && between > whatIf.heightOf(3));
  assert.equal(whatIf.heightAt(CURVE, 39), 0);
  assert.match(whatIf.valueWords(CURVE, 39), /no dropouts/);
});

test('the axis has round delays, not too near each other', () => {
  assert.deepEqual(whatIf.delayMarks(CURVE, 0).map(({ words }) => words), ['40 ms', '50 ms', '70 ms', '100 ms']);
  const sparse = whatIf.delayMarks(CURVE, 0.3);
  assert.deepEqual(sparse.map(({ words }) => words), ['40 ms', '70 ms']);
  assert.deepEqual(sparse.map(({ position }) => position), [0.25, 0.75]);
});

test('a point is said as one would say it', () => {
  for (const [targetMs, words] of [
    [5, '35 ms: about 1 dropout a second here'], [10, '40 ms: about 1 dropout a minute here'],
    [20, '50 ms: about 3 dropouts an hour here'], [40, '70 ms: no dropouts here so far'],
  ]) assert.equal(whatIf.valueWords(CURVE, targetMs), words);
});

test('rates come in the unit that gives a number one can imagine', () => {
  for (const [perHour, words] of [
    [0.1, 'less than 1 dropout an hour'], [1, 'about 1 dropout an hour'], [3.4, 'about 3 dropouts an hour'],
    [43, 'about 45 dropouts an hour'], [59.9, 'about 60 dropouts an hour'], [150, 'about 3 dropouts a minute'], [7200, 'about 2 dropouts a second'],
  ]) assert.equal(whatIf.rateWords(perHour), words);
});

test('the curve is told in one sentence', () => {
  assert.equal(whatIf.curveWords(CURVE), 'In the past 60 minutes, 70 ms or more had no dropouts.');
  assert.equal(whatIf.curveWords(curveOf([[5, 0], [10, 0]], 12.9)), 'In the past 12 seconds, no delay shown had dropouts.');
  assert.equal(whatIf.curveWords(curveOf([[5, 9], [10, 1]], 185)), 'In the past 3 minutes, every delay shown had dropouts.');
});

test('durations are counted in what has been completed', () => {
  for (const [seconds, words] of [[10, '10 seconds'], [59.9, '59 seconds'], [60, '1 minute'], [185, '3 minutes'], [7199, '119 minutes'], [7200, '2 hours']]) {
    assert.equal(whatIf.durationWords(seconds), words);
  }
});
