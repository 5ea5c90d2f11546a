/**
 * Short delay or steady sound: the three modes, the what-if curve, and a delay chosen by hand.
 *
 * In: snapshots with their time, and the user's choices. Out: elements; a mode or a target, when chosen.
 * Everything here changes slowly: it is updated every two seconds, or at once after a choice. No clock is read here.
 */

import { part, write, writeOrHide } from './elements.js';
import { fixedWords, modeName } from './modes.js';
import { curveOf, curveWords, delayAt, EVIDENCE_S, indexOf, valueWords } from './what_if_curve.js';
import { WhatIfPlot } from './what_if_plot.js';

/** @typedef {import('./words.js').Snapshot} Snapshot */
/** @typedef {import('./modes.js').Mode} Mode */
/** @typedef {{mode: (mode: Mode) => void, target: (targetMs: number | null) => void}} Chosen null: back to the mode */

const EVERY_MS = 2000;

export class DelayPanel {
  #radios = [...document.querySelectorAll('input[name="mode"]')].map((radio) => /** @type {HTMLInputElement} */ (radio));
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
  /** The mode's target before one was chosen by hand. @type {number | null} */
  #modeMs = null;
  /** A point under the finger, not yet chosen. @type {number | null} */
  #previewed = null;
  /** @type {import('./what_if_curve.js').Curve | null} */
  #curve = null;
  /** @type {number | null} */
  #targetMs = null;
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
    this.#slider.addEventListener('pointerup', () => (this.#previewed = null));
    this.#slider.addEventListener('blur', () => this.#preview(null));
    this.#return.addEventListener('click', () => this.#returnToMode());
    this.#write();
  }

  /** @param {Snapshot} snapshot @param {number} nowMs */
  show(snapshot, nowMs) {
    const watchedS = snapshot.what_if_observed_s ?? 0;
    const begins = (this.#curve !== null) !== (watchedS >= EVIDENCE_S && Boolean(snapshot.what_if));
    if (!begins && nowMs - this.#writtenMs < EVERY_MS) return;
    this.#writtenMs = nowMs;
    this.#curve = curveOf(snapshot.what_if, watchedS);
    this.#targetMs = snapshot.target_ms;
    if (this.#fixedMs === null) this.#modeMs = snapshot.target_ms;
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
    const targetMs = this.#curve?.points[index]?.targetMs;
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
    const [curve, fixedMs] = [this.#curve, this.#fixedMs];
    const state = fixedMs === null ? this.#mode : 'fixed';
    for (const radio of this.#radios) radio.checked = radio.value === state;
    this.#fixedRow.hidden = fixedMs === null;
    if (fixedMs !== null) write(this.#fixedWords, fixedWords(curve?.truth === 'delay' ? delayAt(curve, fixedMs) : null, fixedMs));
    this.#return.hidden = fixedMs === null;
    write(this.#return, `Return to ${modeName(this.#mode)}`);
    this.#empty.hidden = curve !== null;
    this.#picture.hidden = curve === null;
    const heldMs = fixedMs ?? this.#targetMs;
    writeOrHide(this.#words, curve ? curveWords(curve) : '');
    if (curve) this.#writeCurve(curve, heldMs);
  }

  /** @param {import('./what_if_curve.js').Curve} curve @param {number | null} heldMs */
  #writeCurve(curve, heldMs) {
    const previewedMs = this.#previewed === null ? null : curve.points[this.#previewed]?.targetMs ?? null;
    const shownMs = previewedMs ?? heldMs;
    const byHand = previewedMs !== null || this.#fixedMs !== null;
    this.#plot.show({
      curve,
      heldMs: shownMs,
      heldName: byHand ? 'You' : modeName(this.#mode),
      modeMs: byHand ? this.#modeMs : null,
      modeName: modeName(this.#mode),
    });
    const last = curve.points.length - 1;
    const index = shownMs === null ? 0 : indexOf(curve, shownMs);
    const words = shownMs === null ? '' : valueWords(curve, shownMs);
    this.#slider.max = String(last);
    this.#slider.valueAsNumber = index;
    this.#slider.setAttribute('aria-valuetext', words);
    write(this.#value, words);
  }
}
