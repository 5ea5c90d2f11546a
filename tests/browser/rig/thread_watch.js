/**
 * Records what Chromium's threads did, and when: the audio thread rendered a block, the Worker checked its progress, a message
 * arrived. A simulation needs these times to do the same.
 *
 * The shipped worklet and Worker run unchanged. A few lines are served before their files; these lines pass on each call, and
 * write its time to memory that the page provides. Temporal is the only fine clock of an audio thread (0.1 ms).
 */

import { Buffer } from 'node:buffer';

/** Room for ten minutes of blocks of 128 frames at 48 kHz. */
const ENTRIES_MAX = 225_000;
/**
 * Number of fields of an entry. Of a block: first frame, time, end of the arrived sound, the reader's position, 1 if sound was
 * played unchanged. Of the others: time.
 */
const FIELDS = Object.freeze({ blocks: 5, looks: 1, arrivals: 1 });
/** @typedef {keyof typeof FIELDS} Kind */

/** Prepended to the worklet's module. */
const WATCHED_WORKLET = `
import { FRACTION_ONE as watchedOne } from './core/playout/constants.js';
import { PLAYOUT as watchedState, WORD as watchedWord } from './core/playout/controls.js';
import { controlWords as watchedWords } from './core/playout/ring.js';
const register = globalThis.registerProcessor;
globalThis.registerProcessor = (name, Processor) => register(name, class extends Processor {
  constructor(options) {
    super(options);
    this.watched = options.processorOptions.watched;
    this.words = watchedWords(options.processorOptions.memory);
  }
  process(inputs, outputs) {
    const { watched, words } = this;
    const at = 1 + ${FIELDS.blocks} * watched[0];
    if (at + ${FIELDS.blocks} > watched.length) return super.process(inputs, outputs);
    const now = Number(Temporal.Now.instant().epochNanoseconds / 1000n) / 1000;
    const missing = words[watchedWord.MISSING_FRAMES];
    const written = words[watchedWord.WRITE];
    const running = super.process(inputs, outputs);
    watched[at] = currentFrame;
    watched[at + 1] = now;
    watched[at + 2] = written;
    watched[at + 3] = words[watchedWord.READ_POSITION] + words[watchedWord.READ_FRACTION] / watchedOne;
    watched[at + 4] = words[watchedWord.PLAYOUT_STATE] === watchedState.SOUNDING && words[watchedWord.MISSING_FRAMES] === missing ? 1 : 0;
    watched[0] += 1;
    return running;
  }
});
`;

/** Prepended to the Worker's script. A look counts only if no message triggered it. */
const WATCHED_WORKER = `
import { Receiver as Watched } from './core/net/receiver.js';
let watched = null;
let isReceiving = false;
const { receive, noteRendered } = Watched.prototype;
const note = (list, nowMs) => {
  if (list[0] + 1 < list.length) list[list[0] += 1] = nowMs;
};
Watched.prototype.receive = function (message, nowMs) {
  if (watched) note(watched.arrivals, nowMs);
  isReceiving = true;
  receive.call(this, message, nowMs);
  isReceiving = false;
};
Watched.prototype.noteRendered = function (nowMs) {
  if (watched && !isReceiving) note(watched.looks, nowMs);
  noteRendered.call(this, nowMs);
};
self.addEventListener('message', ({ data }) => { watched ??= data.watched ?? null; });
`;

/** Runs in the page before it creates its threads. */
const HAND_OVER = `
window.watched = {};
for (const [kind, fields] of Object.entries(${JSON.stringify(FIELDS)})) {
  window.watched[kind] = new Float64Array(new SharedArrayBuffer(8 * (1 + fields * ${ENTRIES_MAX})));
}
window.AudioWorkletNode = class extends window.AudioWorkletNode {
  constructor(context, name, options) {
    super(context, name, { ...options, processorOptions: { ...options.processorOptions, watched: window.watched.blocks } });
  }
};
window.Worker = class extends window.Worker {
  constructor(...words) {
    super(...words);
    this.postMessage({ watched: window.watched });
  }
};
`;

/** Read as text: as numbers, a thousand blocks would take much of what CDP carries at once. @param {Kind} kind */
const read = (kind) => `(() => {
  const list = window.watched.${kind};
  const bytes = new Uint8Array(list.slice(0, 1 + ${FIELDS[kind]} * list[0]).buffer);
  let text = '';
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
})()`;

/** Files that are served with such lines before them, in the folder of any page version. @type {Readonly<Record<string, string>>} */
const WATCHES = Object.freeze({ 'worklet.js': WATCHED_WORKLET, 'worker.js': WATCHED_WORKER });

/** @param {string} path of a file of the page @returns {string | null} the lines before its own */
export function watchOf(path) {
  return WATCHES[path.slice(path.lastIndexOf('/') + 1)] ?? null;
}

/** Call before the click. @param {import('./chromium_page.js').ChromiumPage} page */
export async function watchThreads(page) {
  await page.evaluate(HAND_OVER);
}

/** @typedef {{frame: number, ms: number, written: number, position: number, isSounding: boolean}} WatchedBlock */

/**
 * @param {import('./chromium_page.js').ChromiumPage} page
 * @returns {Promise<{blocks: WatchedBlock[], looks: number[], arrivals: number[]}>} ms since 1970
 */
export async function watchedThreads(page) {
  const blocks = (await entries(page, 'blocks')).map(([frame, ms, written, position, isSounding]) => (
    /** @type {WatchedBlock} */ ({ frame, ms, written, position, isSounding: isSounding === 1 })));
  const looks = (await entries(page, 'looks')).map(([ms]) => /** @type {number} */ (ms));
  const arrivals = (await entries(page, 'arrivals')).map(([ms]) => /** @type {number} */ (ms));
  return { blocks, looks, arrivals };
}

/** @param {import('./chromium_page.js').ChromiumPage} page @param {Kind} kind @returns {Promise<number[][]>} the fields of each */
async function entries(page, kind) {
  const bytes = Buffer.from(await page.evaluate(read(kind)), 'base64');
  const numbers = [...new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))];
  const fields = FIELDS[kind];
  return Array.from({ length: numbers[0] ?? 0 }, (_, entry) => numbers.slice(1 + fields * entry, 1 + fields * (entry + 1)));
}
