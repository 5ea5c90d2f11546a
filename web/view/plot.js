/**
 * The picture of the last minute: the delay as a line, the buffer's level as an area under it with its
 * target as a thin line, glitches as marks.
 *
 * In: a History and the time. Out: pixels. Draws only what is visible, and no more often than asked.
 * The numbers in words are beside the canvas (words.js, plotWords); the canvas itself is one image to a screen reader.
 */

import { milliseconds } from './figures.js';
import { axisCeiling, WINDOW_MS } from './history.js';
import { Picture } from './picture.js';

/** @typedef {import('./history.js').History} History */
/** @typedef {import('./picture.js').Look} Look */
/** @typedef {{x: (ageMs: number) => number, y: (ms: number) => number, left: number, right: number, top: number, bottom: number}} Frame */

/** Five pictures a second are smooth at one pixel per step on a phone, and half the work of ten. */
const EVERY_MS = 200;

/** Interval between drawings with reduced motion: the picture moves in steps. */
const EVERY_MS_REDUCED = 1000;

/** Samples further apart are not connected: the page slept, or nothing played. */
const BREAK_MS = 1500;

const LABEL_PX = 12;
const TOP_PX = 18;
const BOTTOM_PX = 22;

export class Plot {
  #picture;
  #history;
  #reduced = matchMedia('(prefers-reduced-motion: reduce)');
  #drawnMs = -Infinity;
  /** The right edge of the picture. */
  #shownMs = 0;

  /** @param {HTMLCanvasElement} canvas @param {History} history */
  constructor(canvas, history) {
    this.#history = history;
    this.#picture = new Picture(canvas, (context, size, look) => this.#draw(context, size, look));
  }

  /** @param {number} nowMs draws if the next picture is due, and if the canvas is on the screen */
  step(nowMs) {
    this.#shownMs = nowMs;
    const everyMs = this.#reduced.matches ? EVERY_MS_REDUCED : EVERY_MS;
    if (!this.#picture.seen || nowMs - this.#drawnMs < everyMs) return;
    this.#drawnMs = nowMs;
    this.#picture.draw();
  }

  /** @type {import('./picture.js').Draw} */
  #draw(context, { width, height }, look) {
    const [history, nowMs] = [this.#history, this.#shownMs];
    const { delayMax, levelMax, targetMax } = history.summary(nowMs);
    const ceilingMs = axisCeiling(Math.max(delayMax, levelMax, targetMax));
    const frame = frameOf(width, height, ceilingMs);
    drawAxes(context, frame, look);
    if (ceilingMs > 0) drawScale(context, frame, ceilingMs, look);
    drawLevel(context, frame, history, nowMs, look);
    drawTarget(context, frame, history, nowMs, look);
    drawDelay(context, frame, history, nowMs, look);
    drawGlitches(context, frame, history, nowMs, look);
  }
}

/** @param {number} width @param {number} height @param {number} ceilingMs @returns {Frame} */
function frameOf(width, height, ceilingMs) {
  const [left, right, top, bottom] = [0, width, TOP_PX, height - BOTTOM_PX];
  return {
    left, right, top, bottom,
    x: (ageMs) => right - (ageMs / WINDOW_MS) * (right - left),
    y: (ms) => bottom - (ceilingMs > 0 ? Math.min(ms / ceilingMs, 1) : 0) * (bottom - top),
  };
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Look} look */
function drawAxes(context, frame, look) {
  drawLines(context, frame, [frame.bottom], look);
  context.fillStyle = look.label;
  context.font = `${LABEL_PX}px ${look.font}`;
  context.textBaseline = 'top';
  const below = frame.bottom + 6;
  context.textAlign = 'left';
  context.fillText('60 s ago', frame.left, below);
  context.textAlign = 'center';
  context.fillText('30 s', (frame.left + frame.right) / 2, below);
  context.textAlign = 'right';
  context.fillText('now', frame.right, below);
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {number} ceilingMs @param {Look} look */
function drawScale(context, frame, ceilingMs, look) {
  const marks = [ceilingMs / 2, ceilingMs];
  drawLines(context, frame, marks.map(frame.y), look);
  context.textBaseline = 'bottom';
  context.textAlign = 'left';
  for (const ms of marks) context.fillText(milliseconds(ms), frame.left, frame.y(ms) - 2);
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {number[]} ys @param {Look} look */
function drawLines(context, frame, ys, look) {
  context.strokeStyle = look.grid;
  context.lineWidth = 1;
  context.beginPath();
  for (const y of ys) {
    context.moveTo(frame.left, Math.round(y) + 0.5);
    context.lineTo(frame.right, Math.round(y) + 0.5);
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {History} history @param {number} nowMs @param {Look} look */
function drawLevel(context, frame, history, nowMs, look) {
  let lastAgeMs = NaN;
  context.beginPath();
  const land = () => {
    if (!Number.isNaN(lastAgeMs)) context.lineTo(frame.x(lastAgeMs), frame.bottom);
  };
  history.forEach(nowMs, (ageMs, _delayMs, levelMs) => {
    const joins = lastAgeMs - ageMs < BREAK_MS;
    if (Number.isNaN(levelMs) || !joins) land();
    if (!Number.isNaN(levelMs)) {
      if (!joins) context.moveTo(frame.x(ageMs), frame.bottom);
      context.lineTo(frame.x(ageMs), frame.y(levelMs));
    }
    lastAgeMs = Number.isNaN(levelMs) ? NaN : ageMs;
  });
  land();
  context.fillStyle = look.level;
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {History} history @param {number} nowMs @param {Look} look */
function drawDelay(context, frame, history, nowMs, look) {
  context.beginPath();
  const line = lineThrough(context, frame);
  history.forEach(nowMs, (ageMs, delayMs) => line(ageMs, delayMs));
  context.strokeStyle = look.delay;
  context.lineWidth = 2;
  context.lineJoin = 'round';
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {History} history @param {number} nowMs @param {Look} look */
function drawTarget(context, frame, history, nowMs, look) {
  context.beginPath();
  const line = lineThrough(context, frame);
  history.forEach(nowMs, (ageMs, _delayMs, _levelMs, targetMs) => line(ageMs, targetMs));
  context.strokeStyle = look.text;
  context.lineWidth = 1;
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @returns {(ageMs: number, ms: number) => void} interrupted where unknown */
function lineThrough(context, frame) {
  let lastAgeMs = NaN;
  return (ageMs, ms) => {
    if (Number.isNaN(ms)) {
      lastAgeMs = NaN;
      return;
    }
    if (lastAgeMs - ageMs < BREAK_MS) context.lineTo(frame.x(ageMs), frame.y(ms));
    else context.moveTo(frame.x(ageMs), frame.y(ms));
    lastAgeMs = ageMs;
  };
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {History} history @param {number} nowMs @param {Look} look */
function drawGlitches(context, frame, history, nowMs, look) {
  context.strokeStyle = look.fault;
  context.fillStyle = look.fault;
  context.lineWidth = 1;
  history.forEach(nowMs, (ageMs, _delayMs, _levelMs, _targetMs, glitches) => {
    if (glitches === 0) return;
    const x = Math.round(frame.x(ageMs)) - 0.5;
    context.beginPath();
    context.moveTo(x, frame.top);
    context.lineTo(x, frame.bottom);
    context.stroke();
    context.beginPath();
    context.arc(x, frame.top, 3.5, 0, 2 * Math.PI);
    context.fill();
  });
}
