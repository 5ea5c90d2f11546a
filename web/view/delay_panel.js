/**
 * Short delay or steady sound: the three modes, the what-if curve, and a delay chosen by hand.
 *
 * In: snapshots with their time, and the user's choices. Out: elements; a mode or a target, when chosen. Elsewhere: what the
 * elements show, all from one snapshot (delay_view.js). No clock is read here.
 */

import { delayView, measured, NOTHING_MEASURED } from './delay_view.js';
import { part, write, writeOrHide } from './elements.js';
import { EVIDENCE_S } from './what_if_curve.js';
import { WhatIfPlot } from './what_if_plot.js';

/** @typedef {import('./words.js').Snapshot} Snapshot */
/** @typedef {import('./modes.js').Mode} Mode */
/** @typedef {{mode: (mode: Mode) => void, target: (targetMs: number | null) => void}} Chosen null: back to the mode */

/** Time between two updates while the delay in the status line stays the same: the curve changes slowly. */
const EVERY_MS = 2000;

export class DelayPanel {
  #radios = [...document.querySelectorAll('input[name="mode"]')].map((radio) => /** @type {HTMLInputElement} */ (radio));
  #lowestWords = part('mode-lowest-words', HTMLElement);
  #lowestPromise = this.#lowestWords.textContent ?? '';
  #fixedRow = part('mode-fixed', HTMLElement);
  #fixedWords = part('mode-fixed-words', HTMLElement);
  #empty = part('curve-empty', HTMLElement);
  #picture = part('curve-picture', HTMLElement);
  #slider = part('target', HTMLInputElement);
  #value = part('target-words', HTMLOutputElement);
  #words = part('curve-words', HTMLElement);
  #return = part('return', HTMLButtonElement);
  #plot;
  #chosen;
  /** @type {Mode} */
  #mode;
  /** @type {number | null} */
  #fixedMs = null;
  /** The lead that the mode held before one was chosen by hand. @type {number | null} */
  #modeMs = null;
  /** A point under the finger, not yet chosen. @type {number | null} */
  #previewed = null;
  #measured = NOTHING_MEASURED;
  /** The delay in the status line at the last update. @type {number | null} */
  #delayMs = null;
  #writtenMs = -Infinity;

  /** @param {Mode} mode @param {Chosen} chosen */
  constructor(mode, chosen) {
    this.#mode = mode;
    this.#chosen = chosen;
    this.#plot = new WhatIfPlot(part('curve', HTMLCanvasElement), {
      preview: (index) => this.#preview(index),
      choose: (index) => this.#choose(index),
      cancel: () => this.#preview(null),
    });
    for (const radio of this.#radios) radio.addEventListener('change', () => this.#choseRadio(radio));
    this.#slider.addEventListener('input', () => this.#preview(this.#slider.valueAsNumber));
    this.#slider.addEventListener('change', () => this.#choose(this.#slider.valueAsNumber));
    // The release needs a listener of its own: a slider that is released where it was grabbed sends no change event.
    this.#slider.addEventListener('pointerup', () => {
      this.#previewed = null;
      this.#writtenMs = -Infinity; // not now: a change event may follow, and still needs the slider's value
    });
    this.#slider.addEventListener('blur', () => this.#preview(null));
    this.#return.addEventListener('click', () => this.#returnToMode());
    this.#write();
  }

  /**
   * @param {Snapshot} snapshot @param {number | null} delayMs its delay in the words of the status line, which has just been written
   * @param {number} nowMs
   */
  show(snapshot, delayMs, nowMs) {
    const begins = (this.#measured.curve !== null) !== ((snapshot.what_if_observed_s ?? 0) >= EVIDENCE_S && Boolean(snapshot.what_if));
    if (!begins && delayMs === this.#delayMs && nowMs - this.#writtenMs < EVERY_MS) return;
    this.#writtenMs = nowMs;
    this.#delayMs = delayMs;
    this.#measured = measured(snapshot, delayMs);
    if (this.#fixedMs === null) this.#modeMs = this.#measured.heldMs;
    this.#write();
  }

  /** @param {HTMLInputElement} radio */
  #choseRadio(radio) {
    if (radio.value === 'fixed') return;
    this.#mode = /** @type {Mode} */ (radio.value);
    const wasFixed = this.#fixedMs !== null;
    this.#fixedMs = null;
    this.#writtenMs = -Infinity;
    this.#chosen.mode(this.#mode);
    if (wasFixed) this.#chosen.target(null);
    this.#write();
  }

  /** @param {number | null} index null: the finger is no longer on a point */
  #preview(index) {
    this.#previewed = index;
    this.#write();
  }

  /** @param {number} index */
  #choose(index) {
    this.#previewed = null;
    const targetMs = this.#measured.curve?.points[index]?.targetMs;
    if (targetMs === undefined) return;
    this.#fixedMs = targetMs;
    this.#chosen.target(targetMs);
    this.#write();
  }

  #returnToMode() {
    const hadFocus = document.activeElement === this.#return;
    this.#fixedMs = null;
    this.#writtenMs = -Infinity;
    this.#chosen.target(null);
    this.#write();
    // The button disappears, so move a keyboard user's focus to an element beside it.
    if (hadFocus) this.#radios.find(({ checked }) => checked)?.focus();
  }

  #write() {
    const view = delayView(this.#measured, { mode: this.#mode, fixedMs: this.#fixedMs, modeMs: this.#modeMs, previewed: this.#previewed });
    for (const radio of this.#radios) radio.checked = radio.value === view.state;
    this.#fixedRow.hidden = view.state !== 'fixed';
    if (view.state === 'fixed') write(this.#fixedWords, view.fixedWords);
    write(this.#lowestWords, view.lowestWords ?? this.#lowestPromise);
    this.#return.hidden = view.state !== 'fixed';
    write(this.#return, view.returnWords);
    this.#empty.hidden = view.picture !== null;
    this.#picture.hidden = view.picture === null;
    writeOrHide(this.#words, view.curveWords);
    if (!view.picture) return;
    this.#plot.show(view.picture);
    const { last, index, words } = view.picture.slider;
    this.#slider.max = String(last);
    this.#slider.valueAsNumber = index;
    this.#slider.setAttribute('aria-valuetext', words);
    write(this.#value, words);
  }
}
