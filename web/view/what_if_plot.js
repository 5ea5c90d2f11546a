/**
 * The picture of the what-if curve, with the present delay, and a way to choose another.
 *
 * In: a curve and its marks (delay_view.js). Out: pixels, and the points that a finger or a mouse chooses. For the keyboard there is the slider below it (delay_panel.js), whose thumb is below the mark.
 */

import { Picture } from './picture.js';
import { delayMarks, heightOf, indexAt, positionOf, RATE_MARKS } from './what_if_curve.js';

/** @typedef {import('./picture.js').Look} Look */
/** @typedef {import('./what_if_curve.js').Curve} Curve */
/** @typedef {{left: number, right: number, top: number, bottom: number, x: (position: number) => number, y: (height: number) => number}} Frame */

/** @typedef {import('./delay_view.js').CurveView} CurveView */
/** @typedef {import('./delay_view.js').Mark} Mark */

/** @typedef {{x: number, y: number, words: string, left: number, labelY: number, isHeld: boolean}} Placed */

/** Half the width of the slider's thumb, so that a position here is the same position on the slider (style.css). */
const INSET_PX = 13;
const LABEL_PX = 12;
const TOP_PX = 40;
const BOTTOM_PX = 24;
const MARK_PX = 7;

/** Distance from the mark, beyond which a touching finger scrolls instead of choosing. */
const FINGER_PX = 40;

/** Room that each label on the axis needs. */
const TICK_PX = 52;

/** Share of the width at which the labels of rates on the right begin at the latest. */
const LABELS_FROM = 0.55;

export class WhatIfPlot {
  #canvas;
  #picture;
  /** @type {CurveView | null} */
  #shown = null;
  #dragging = false;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{preview: (index: number) => void, choose: (index: number) => void, cancel: () => void}} hand
   */
  constructor(canvas, hand) {
    this.#canvas = canvas;
    this.#picture = new Picture(canvas, (context, size, look) => this.#draw(context, size, look));
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || !this.#mayTake(event)) return;
      this.#dragging = true;
      canvas.setPointerCapture(event.pointerId);
      hand.preview(this.#indexUnder(event));
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.#dragging) hand.preview(this.#indexUnder(event));
    });
    canvas.addEventListener('pointerup', (event) => {
      if (!this.#dragging) return;
      this.#dragging = false;
      hand.choose(this.#indexUnder(event));
    });
    // The browser took the gesture for scrolling, so nothing was chosen.
    canvas.addEventListener('pointercancel', () => {
      if (!this.#dragging) return;
      this.#dragging = false;
      hand.cancel();
    });
  }

  /** @param {CurveView} shown */
  show(shown) {
    this.#shown = shown;
    if (this.#picture.seen) this.#picture.draw();
  }

  /** @param {PointerEvent} event @returns {boolean} */
  #mayTake(event) {
    if (!this.#shown) return false;
    const { held } = this.#shown;
    if (event.pointerType === 'mouse' || held === null) return true;
    return Math.abs(event.offsetX - this.#frame().x(held.position)) <= FINGER_PX;
  }

  /** @param {PointerEvent} event @returns {number} of the nearest point */
  #indexUnder(event) {
    const { left, right } = this.#frame();
    return this.#shown ? indexAt(this.#shown.curve, (event.offsetX - left) / (right - left)) : 0;
  }

  /** @returns {Frame} */
  #frame() {
    return frameOf(this.#canvas.clientWidth, this.#canvas.clientHeight);
  }

  /** @type {import('./picture.js').Draw} */
  #draw(context, { width, height }, look) {
    if (!this.#shown) return;
    const { curve, held, before } = this.#shown;
    const frame = frameOf(width, height);
    context.font = `${LABEL_PX}px ${look.font}`;
    drawCurve(context, frame, curve, look);
    drawRates(context, frame, curve, look);
    drawDelays(context, frame, curve, look);
    if (before) drawMark(context, placed(context, frame, before, held), frame, look);
    if (held) drawMark(context, placed(context, frame, held, null), frame, look);
  }
}

/** @param {number} width @param {number} height @returns {Frame} */
function frameOf(width, height) {
  const [left, right, top, bottom] = [INSET_PX, width - INSET_PX, TOP_PX, height - BOTTOM_PX];
  return {
    left, right, top, bottom,
    x: (position) => left + position * (right - left),
    y: (rate) => bottom - rate * (bottom - top),
  };
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Curve} curve @param {Look} look */
function drawCurve(context, frame, curve, look) {
  // The curve ends where the dropouts do; only the base line continues.
  const free = curve.points.findIndex(({ perHour }) => perHour === 0);
  const costly = free < 0 ? curve.points : curve.points.slice(0, free + 1);
  const places = costly.map(({ targetMs, perHour }) => [frame.x(positionOf(curve, targetMs)), frame.y(heightOf(perHour))]);
  const trace = () => {
    for (const [x, y] of places) context.lineTo(/** @type {number} */ (x), /** @type {number} */ (y));
  };
  context.beginPath();
  context.moveTo(frame.left, frame.bottom);
  trace();
  if (free < 0) context.lineTo(frame.right, frame.bottom);
  context.fillStyle = look.faultGround;
  context.fill();
  context.beginPath();
  trace();
  context.strokeStyle = look.fault;
  context.lineWidth = 2;
  context.lineJoin = 'round';
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Curve} curve @param {Look} look */
function drawRates(context, frame, curve, look) {
  // The label stands where the curve leaves room: to the right of the curve, or far below it on the left.
  const onLeft = /** @type {number} */ (curve.points[indexAt(curve, LABELS_FROM)]?.perHour) > 0;
  context.textAlign = onLeft ? 'left' : 'right';
  for (const { perHour, words } of RATE_MARKS) {
    const y = Math.round(frame.y(heightOf(perHour)));
    context.strokeStyle = look.grid;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(frame.left, y + 0.5);
    context.lineTo(frame.right, y + 0.5);
    context.stroke();
    context.fillStyle = look.label;
    const below = onLeft && perHour > 0;
    context.textBaseline = below ? 'top' : 'bottom';
    context.fillText(words, onLeft ? frame.left + 6 : frame.right, below ? y + 4 : y - 2);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Curve} curve @param {Look} look */
function drawDelays(context, frame, curve, look) {
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.fillStyle = look.label;
  for (const { position, words } of delayMarks(curve, TICK_PX / (frame.right - frame.left))) {
    const half = context.measureText(words).width / 2;
    const x = Math.min(frame.right + INSET_PX - half, Math.max(frame.left - INSET_PX + half, frame.x(position)));
    context.fillText(words, x, frame.bottom + 7);
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Mark} mark
 * @param {Mark | null} front a mark in front of this one; then this label uses the second row, on the side without that mark's line
 * @returns {Placed}
 */
function placed(context, frame, { position, height, words }, front) {
  const x = frame.x(position);
  const width = context.measureText(words).width;
  const aside = front === null ? -width / 2 : position < front.position ? -width - 6 : 6;
  const left = Math.min(frame.right + INSET_PX - width, Math.max(frame.left - INSET_PX, x + aside));
  return { x, y: frame.y(height), words, left, labelY: front === null ? 0 : LABEL_PX + 6, isHeld: front === null };
}

/** @param {CanvasRenderingContext2D} context @param {Placed} mark @param {Frame} frame @param {Look} look */
function drawMark(context, { x, y, words, left, labelY, isHeld }, frame, look) {
  context.strokeStyle = isHeld ? look.delay : look.label;
  context.lineWidth = isHeld ? 2 : 1;
  context.setLineDash(isHeld ? [] : [3, 3]);
  context.beginPath();
  context.moveTo(x, isHeld ? LABEL_PX + 5 : labelY);
  context.lineTo(x, frame.bottom);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.arc(x, y, isHeld ? MARK_PX : MARK_PX - 2, 0, 2 * Math.PI);
  context.fillStyle = isHeld ? look.delay : look.ground;
  context.fill();
  context.strokeStyle = isHeld ? look.ground : look.label;
  context.lineWidth = 2;
  context.stroke();
  context.textAlign = 'left';
  context.textBaseline = 'top';
  context.fillStyle = isHeld ? look.text : look.label;
  context.fillText(words, left, labelY + 1);
}
