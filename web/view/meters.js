/**
 * The two level meters.
 *
 * In: peaks and the time. Out: rows of segments that move with every step, and a value for a screen reader once a second.
 * Each meter is a small canvas, drawn only when a segment changes. At 10 Hz in Chromium without a graphics chip, both
 * meters take 2 % of a core. Clipped elements would take 5 %, and a CSS transition, which keeps the compositor at 60 Hz,
 * would take 21 %.
 */

import { Ballistics, FLOOR_DB, meterPosition } from './ballistics.js';
import { decibels } from './figures.js';
import { PIXEL_RATIO_MAX } from './picture.js';

/** @typedef {{bar: CanvasGradient, hold: string, well: string, clip: string}} Look */

/** Meters are read on demand; a shorter interval would only wake the accessibility tree. */
const SPOKEN_EVERY_MS = 1000;

/** A segment with the gap behind it, in CSS pixels: fine enough for 1 dB on a phone, coarse enough to move in steps. */
const PITCH_PX = 6;
const GAP_PX = 2;

export class Meters {
  #meters;
  #spokenMs = -Infinity;

  /** @param {HTMLElement[]} elements left, right: role=meter, each with a canvas in it */
  constructor(elements) {
    this.#meters = elements.map((element) => new Meter(element));
    const repaint = () => this.#meters.forEach((meter) => meter.refit());
    for (const query of ['(prefers-color-scheme: light)', '(forced-colors: active)']) {
      matchMedia(query).addEventListener('change', repaint);
    }
  }

  /** @param {ArrayLike<number> | null} peaks left, right @param {number} nowMs */
  step(peaks, nowMs) {
    const speaks = nowMs - this.#spokenMs >= SPOKEN_EVERY_MS;
    if (speaks) this.#spokenMs = nowMs;
    this.#meters.forEach((meter, index) => {
      meter.ballistics.step(peaks?.[index] ?? 0, nowMs);
      meter.paint();
      if (speaks) meter.speak();
    });
  }

  rest() {
    for (const meter of this.#meters) {
      meter.ballistics.rest();
      meter.paint();
      meter.speak();
    }
  }
}

class Meter {
  ballistics = new Ballistics();
  #element;
  #canvas;
  #context;
  #segments = 0;
  #painted = '';
  /** @type {Look | null} */
  #look = null;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    this.#canvas = /** @type {HTMLCanvasElement} */ (element.querySelector('canvas'));
    this.#context = this.#canvas.getContext('2d');
    new ResizeObserver(() => this.refit()).observe(this.#canvas);
  }

  /** Handles another size or other colours. */
  refit() {
    const ratio = Math.min(devicePixelRatio, PIXEL_RATIO_MAX);
    this.#canvas.width = Math.round(this.#canvas.clientWidth * ratio);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * ratio);
    this.#segments = Math.floor((this.#canvas.clientWidth + GAP_PX) / PITCH_PX);
    if (this.#context) this.#look = lookOf(this.#canvas, this.#context);
    this.#context?.scale(ratio, ratio);
    this.#painted = '';
    this.paint();
  }

  paint() {
    const { barDb, holdDb, clipped } = this.ballistics;
    const lit = Math.round(meterPosition(barDb) * this.#segments);
    const held = Math.round(meterPosition(holdDb) * this.#segments);
    const picture = `${lit} ${held} ${clipped}`;
    if (picture === this.#painted || !this.#context || !this.#look) return;
    this.#painted = picture;
    this.#fill(lit, this.#segments, this.#look.well);
    this.#fill(0, lit, this.#look.bar);
    if (held > lit) this.#fill(held - 1, held, this.#look.hold);
    if (clipped) this.#fill(this.#segments - 1, this.#segments, this.#look.clip);
  }

  speak() {
    this.#element.setAttribute('aria-valuenow', String(Math.round(this.ballistics.barDb)));
    this.#element.setAttribute('aria-valuetext', decibels(this.ballistics.barDb, FLOOR_DB));
  }

  /** @param {number} first segment @param {number} end the one after the last @param {string | CanvasGradient} style */
  #fill(first, end, style) {
    const context = this.#context;
    if (!context) return;
    context.fillStyle = style;
    context.beginPath();
    for (let at = first; at < end; at++) context.rect(at * PITCH_PX, 0, PITCH_PX - GAP_PX, this.#canvas.clientHeight);
    context.fill();
  }
}

/** @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2D} context @returns {Look} the style sheet's colours */
function lookOf(canvas, context) {
  const style = getComputedStyle(canvas);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const bar = context.createLinearGradient(0, 0, Math.max(1, canvas.clientWidth), 0);
  bar.addColorStop(0, colour('--meter-low'));
  bar.addColorStop(0.7, colour('--copper'));
  bar.addColorStop(1, colour('--meter-high'));
  return { bar, hold: colour('--meter-high'), well: colour('--well'), clip: colour('--fault') };
}
