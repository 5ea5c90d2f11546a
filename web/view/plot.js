/**
 * The picture of the last minute: the delay as a line, the buffer's level as an area under it, glitches as marks.
 *
 * In: a History and the time. Out: pixels. Draws only what somebody can see, and never more often than asked.
 * The numbers in words stand beside the canvas (words.js, plotWords); the canvas itself is one image to a screen reader.
 */

import { axisCeiling, WINDOW_MS } from './history.js';
import { milliseconds } from './words.js';

/** @typedef {import('./history.js').History} History */
/** @typedef {{delay: string, level: string, glitch: string, grid: string, label: string, font: string}} Look */
/** @typedef {{x: (ageMs: number) => number, y: (ms: number) => number, left: number, right: number, top: number, bottom: number}} Frame */

/** Five pictures a second are smooth at one pixel per step on a phone, and half the work of ten. */
const EVERY_MS = 200;

/** With reduced motion the picture steps instead of flowing. */
const EVERY_MS_REDUCED = 1000;

/** Samples further apart do not belong together: the page slept, or nothing played. */
const BREAK_MS = 1500;

/** Sharper than this nobody sees; it only costs pixels. */
const PIXEL_RATIO_MAX = 2;

const LABEL_PX = 12;
const TOP_PX = 18;
const BOTTOM_PX = 22;

export class Plot {
  #canvas;
  #context;
  #history;
  #reduced = matchMedia('(prefers-reduced-motion: reduce)');
  #seen = true;
  #drawnMs = -Infinity;
  #shownMs = 0;
  /** @type {Look | null} */
  #look = null;

  /** @param {HTMLCanvasElement} canvas @param {History} history */
  constructor(canvas, history) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#history = history;
    new ResizeObserver(() => this.draw(this.#shownMs)).observe(canvas);
    new IntersectionObserver((entries) => {
      this.#seen = entries.at(-1)?.isIntersecting ?? true;
      if (this.#seen) this.draw(this.#shownMs);
    }).observe(canvas);
    for (const query of ['(prefers-color-scheme: light)', '(prefers-contrast: more)', '(forced-colors: active)']) {
      matchMedia(query).addEventListener('change', () => {
        this.#look = null;
        this.draw(this.#shownMs);
      });
    }
  }

  /** @param {number} nowMs draws if it is time to, and if the canvas is on the screen */
  step(nowMs) {
    this.#shownMs = nowMs;
    const everyMs = this.#reduced.matches ? EVERY_MS_REDUCED : EVERY_MS;
    if (this.#seen && nowMs - this.#drawnMs >= everyMs) this.draw(nowMs);
  }

  /** @param {number} nowMs the right edge of the picture */
  draw(nowMs) {
    this.#shownMs = nowMs;
    this.#drawnMs = nowMs;
    const context = this.#context;
    const { width, height } = this.#fit();
    if (!context || width === 0) return;
    this.#look ??= lookOf(this.#canvas);
    context.clearRect(0, 0, width, height);
    const { delayMax, levelMax } = this.#history.summary(nowMs);
    const ceilingMs = axisCeiling(Math.max(delayMax, levelMax));
    const frame = frameOf(width, height, ceilingMs);
    drawAxes(context, frame, this.#look);
    if (ceilingMs > 0) drawScale(context, frame, ceilingMs, this.#look);
    drawLevel(context, frame, this.#history, nowMs, this.#look);
    drawDelay(context, frame, this.#history, nowMs, this.#look);
    drawGlitches(context, frame, this.#history, nowMs, this.#look);
  }

  /** @returns {{width: number, height: number}} the canvas's size in CSS pixels, its memory fitted to it */
  #fit() {
    const ratio = Math.min(devicePixelRatio, PIXEL_RATIO_MAX);
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== wide || this.#canvas.height !== high) {
      this.#canvas.width = wide;
      this.#canvas.height = high;
    }
    this.#context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    return { width, height };
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
  let lastAgeMs = NaN;
  context.beginPath();
  history.forEach(nowMs, (ageMs, delayMs) => {
    if (lastAgeMs - ageMs < BREAK_MS) context.lineTo(frame.x(ageMs), frame.y(delayMs));
    else if (!Number.isNaN(delayMs)) context.moveTo(frame.x(ageMs), frame.y(delayMs));
    lastAgeMs = Number.isNaN(delayMs) ? NaN : ageMs;
  });
  context.strokeStyle = look.delay;
  context.lineWidth = 2;
  context.lineJoin = 'round';
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {History} history @param {number} nowMs @param {Look} look */
function drawGlitches(context, frame, history, nowMs, look) {
  context.strokeStyle = look.glitch;
  context.fillStyle = look.glitch;
  context.lineWidth = 1;
  history.forEach(nowMs, (ageMs, _delayMs, _levelMs, glitches) => {
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

/** @param {Element} element @returns {Look} the style sheet's colours: they stand in one place, and follow dark and light */
function lookOf(element) {
  const style = getComputedStyle(element);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    delay: colour('--delay'), level: colour('--level'), glitch: colour('--fault'),
    grid: colour('--hairline'), label: colour('--quiet'), font: style.fontFamily,
  };
}
