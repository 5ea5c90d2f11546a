/**
 * The page's elements, and the parts of a snapshot that they show.
 *
 * In: snapshots with their time. Out: text, classes and attributes; this module computes only when to write them. Meters move
 * with every snapshot; text changes at most twice a second, or at once after an event. So numbers are readable, and the page
 * costs little beside the sound. No clock is read here.
 */

import { detailRows } from './detail_rows.js';
import { part, write, writeOrHide, writeRows } from './elements.js';
import { milliseconds } from './figures.js';
import { causeRows, glitchTotal } from './glitches.js';
import { History } from './history.js';
import { Meters } from './meters.js';
import { Plot } from './plot.js';
import { steady } from './steady.js';
import { signalPath } from './signal_path.js';
import * as words from './words.js';

/** @typedef {import('./words.js').Snapshot} Snapshot */

const TEXT_EVERY_MS = 500;

/** States in which numbers belong to a running session and stay visible. */
const RUNNING = new Set(['buffering', 'playing', 'waiting', 'reconnecting']);

/** States in which the buffer is in use; in others its last level is out of date. */
const BUFFERED = new Set(['buffering', 'playing']);

export class Page {
  button = part('listen', HTMLButtonElement);
  volume = part('volume', HTMLInputElement);
  pair = part('pair', HTMLSelectElement);
  details = part('details', HTMLDetailsElement);

  #root = document.documentElement;
  #label = part('listen-label', HTMLElement);
  #instrument = part('instrument', HTMLElement);
  #badge = part('badge', HTMLElement);
  #hint = part('hint', HTMLElement);
  #wire = part('wire', HTMLElement);
  #line = part('line', HTMLElement);
  #spoken = part('spoken', HTMLElement);
  #volumeWords = part('volume-words', HTMLOutputElement);
  #pairRow = part('pair-row', HTMLElement);
  #legendDelay = part('legend-delay', HTMLElement);
  #legendLevel = part('legend-level', HTMLElement);
  #legendTarget = part('legend-target', HTMLElement);
  #plotWords = part('plot-words', HTMLElement);
  #numbers = part('numbers', HTMLElement);
  #causes = part('causes', HTMLElement);
  #noCauses = part('no-causes', HTMLElement);

  #history = new History();
  #meters = new Meters([part('meter-left', HTMLElement), part('meter-right', HTMLElement)]);
  #plot = new Plot(part('plot', HTMLCanvasElement), this.#history);
  #place;
  #writtenMs = -Infinity;
  #event = '';
  #pairEvent = '';
  #state = '';
  /** The last source: its name stays when the sound stops. @type {import('./words.js').Source | null} */
  #known = null;
  /** @type {number | null} */
  #delayMs = null;
  /** @type {number | null} */
  #levelMs = null;
  /** @type {number | null} */
  #targetMs = null;

  /** @param {{hostname: string, port: string}} place the page's own address */
  constructor(place) {
    this.#place = place;
    this.#root.classList.add('ready');
  }

  /** The delay as the status line shows it. @returns {number | null} */
  get delayMs() {
    return this.#delayMs;
  }

  /** @param {Snapshot} snapshot @param {number} nowMs @returns {boolean} whether the text shows this snapshot now */
  show(snapshot, nowMs) {
    this.#record(snapshot, nowMs);
    if (document.hidden) {
      writeTitle(snapshot);
      return false;
    }
    if (snapshot.state === 'playing') this.#meters.step(snapshot.peaks, nowMs);
    if (RUNNING.has(snapshot.state)) this.#plot.step(nowMs);
    const event = eventOf(snapshot, this.details.open);
    if (event === this.#event && nowMs - this.#writtenMs < TEXT_EVERY_MS) return false;
    this.#event = event;
    this.#writtenMs = nowMs;
    this.#write(snapshot, nowMs);
    return true;
  }

  /** @param {number} position of the slider, 0 to 1 */
  showVolume(position) {
    const percent = `${Math.round(position * 100)}%`;
    this.volume.value = String(position);
    this.volume.style.setProperty('--filled', percent);
    this.volume.setAttribute('aria-valuetext', percent);
    write(this.#volumeWords, percent);
  }

  /** @param {Snapshot} snapshot @param {number} nowMs */
  #record(snapshot, nowMs) {
    const { state } = snapshot;
    if (state !== this.#state) {
      if (!RUNNING.has(this.#state) && state !== 'idle' && state !== 'failed') this.#history.clear();
      if (state !== 'playing') this.#meters.rest();
      this.#state = state;
    }
    if (RUNNING.has(state)) {
      const { levelMs, targetMs } = bufferOf(snapshot);
      this.#history.push(nowMs, snapshot.delay_ms, levelMs, targetMs, glitchTotal(snapshot.glitches));
    }
  }

  /** @param {Snapshot} snapshot @param {number} nowMs */
  #write(snapshot, nowMs) {
    this.#known = snapshot.source ?? this.#known;
    this.#delayMs = steady(this.#delayMs, snapshot.delay_ms);
    const { levelMs, targetMs } = bufferOf(snapshot);
    this.#levelMs = steady(this.#levelMs, levelMs);
    this.#targetMs = steady(this.#targetMs, targetMs);
    this.#root.dataset['state'] = snapshot.state;
    writeTitle(snapshot);
    const button = words.buttonWords(snapshot);
    this.button.disabled = !button.useful;
    write(this.#label, button.label);
    write(this.#instrument, words.instrumentName(this.#known));
    writeOrHide(this.#badge, words.instrumentBadge(this.#known));
    writeClauses(this.#line, words.statusLine({ ...snapshot, delay_ms: this.#delayMs }));
    const halves = signalPath(snapshot);
    this.#wire.dataset['synth'] = halves.synth;
    this.#wire.dataset['speaker'] = halves.speaker;
    const notice = words.notice(snapshot, this.#place);
    writeNotice(notice);
    writeOrHide(this.#hint, notice ? '' : words.instrumentHint(this.#known));
    write(this.#spoken, notice ? `${notice.title}. ${notice.remedy}` : words.statusWords(snapshot));
    this.#writePair(snapshot);
    write(this.#legendDelay, milliseconds(this.#delayMs));
    write(this.#legendLevel, milliseconds(this.#levelMs));
    write(this.#legendTarget, milliseconds(this.#targetMs));
    write(this.#plotWords, words.plotWords(this.#history.summary(nowMs)));
    if (this.details.open) this.#writeDetails(snapshot);
  }

  /** @param {Snapshot} snapshot */
  #writePair({ source, problem }) {
    const choices = source ? words.pairChoices(source.channels, source.first_channel) : [];
    this.#pairRow.hidden = choices.length < 2;
    // Written only after a change; otherwise an open list would jump under the finger.
    const pairEvent = `${source?.channels} ${source?.first_channel} ${problem === 'refused'}`;
    if (pairEvent === this.#pairEvent || !source) return;
    this.#pairEvent = pairEvent;
    this.pair.replaceChildren(...choices.map(({ first, words: text }) => new Option(text, String(first))));
    this.pair.value = String(source.first_channel);
  }

  /** @param {Snapshot} snapshot */
  #writeDetails(snapshot) {
    writeRows(this.#numbers, detailRows(snapshot).map(({ label, value }) => [label, value]));
    const causes = causeRows(snapshot.glitches);
    this.#noCauses.hidden = causes.length > 0;
    writeRows(this.#causes, causes.map(({ count, words: text }) => [text, count]));
  }
}

/** @param {Snapshot} snapshot @returns {{levelMs: number | null, targetMs: number | null}} */
function bufferOf({ state, level_ms: levelMs, target_ms: targetMs }) {
  return BUFFERED.has(state) ? { levelMs, targetMs } : { levelMs: null, targetMs: null };
}

/** @param {Snapshot} snapshot @param {boolean} open @returns {string} changes with every event that must be shown at once */
function eventOf({ state, problem, problem_detail: detail, source, glitches }, open) {
  return JSON.stringify([state, problem, detail, source, glitchTotal(glitches), open]);
}

/** @param {Snapshot} snapshot */
function writeTitle(snapshot) {
  const title = words.pageTitle(snapshot);
  if (document.title !== title) document.title = title;
}

/** @param {import('./words.js').Notice | null} notice */
function writeNotice(notice) {
  const box = part('notice', HTMLElement);
  box.hidden = notice === null;
  if (!notice) return;
  box.dataset['tone'] = notice.tone;
  write(part('notice-title', HTMLElement), notice.title);
  writeOrHide(part('notice-remedy', HTMLElement), notice.remedy);
  writeOrHide(part('notice-detail', HTMLElement), notice.detail);
  part('notice-reload', HTMLElement).hidden = !notice.reload;
}

/** @param {HTMLElement} element @param {string} sentence a narrow screen breaks it between its clauses, not inside "41 ms" */
function writeClauses(element, sentence) {
  if (element.textContent === sentence) return;
  const clauses = words.clauses(sentence).map((text) => {
    const clause = document.createElement('span');
    clause.textContent = text;
    return clause;
  });
  element.replaceChildren(...clauses.flatMap((clause, index) => (index === 0 ? [clause] : [' ', clause])));
}
