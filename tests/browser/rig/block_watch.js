/**
 * When Chromium's audio thread really rendered each block, and from where it read: what a simulation needs to render the same blocks.
 *
 * The worklet that ships runs unchanged. Its file is served with a few lines before it, which hand on each call of process() and
 * write down when it was; the page hands them the memory to write to. Temporal is the one fine clock of an audio thread (0.1 ms).
 */

import { Buffer } from 'node:buffer';

/** Ten minutes of blocks of 128 frames at 48 kHz. */
const BLOCKS = 225_000;
/** Of a block: its first frame, when (ms since 1970), the reader's position, 1 where sound was played as it came. */
const FIELDS = 4;

/** Before the worklet's own lines, in its module. */
const WATCH = `
import { FRACTION_ONE as watchedOne, PLAYOUT as watchedState, WORD as watchedWord } from './core/controls.js';
import { controlWords as watchedWords } from './core/ring.js';
const register = globalThis.registerProcessor;
globalThis.registerProcessor = (name, Processor) => register(name, class extends Processor {
  constructor(options) {
    super(options);
    this.watched = options.processorOptions.blocks;
    this.words = watchedWords(options.processorOptions.memory);
  }
  process(inputs, outputs) {
    const { watched, words } = this;
    const at = 1 + ${FIELDS} * watched[0];
    if (at + ${FIELDS} > watched.length) return super.process(inputs, outputs);
    const now = Number(Temporal.Now.instant().epochNanoseconds / 1000n) / 1000;
    const missing = words[watchedWord.MISSING_FRAMES];
    const running = super.process(inputs, outputs);
    watched[at] = currentFrame;
    watched[at + 1] = now;
    watched[at + 2] = words[watchedWord.READ_POSITION] + words[watchedWord.READ_FRACTION] / watchedOne;
    watched[at + 3] = words[watchedWord.PLAYOUT_STATE] === watchedState.SOUNDING && words[watchedWord.MISSING_FRAMES] === missing ? 1 : 0;
    watched[0] += 1;
    return running;
  }
});
`;

/** In the page, before it makes its worklet. */
const HAND_OVER = `
window.watchedBlocks = new Float64Array(new SharedArrayBuffer(${8 * (1 + FIELDS * BLOCKS)}));
{
  const Node = window.AudioWorkletNode;
  window.AudioWorkletNode = class extends Node {
    constructor(context, name, options) {
      super(context, name, { ...options, processorOptions: { ...options.processorOptions, blocks: window.watchedBlocks } });
    }
  };
}
`;

/** As text: a thousand blocks are a small part of what CDP carries at once as numbers. */
const READ = `(() => {
  const bytes = new Uint8Array(window.watchedBlocks.slice(0, 1 + ${FIELDS} * window.watchedBlocks[0]).buffer);
  let text = '';
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
})()`;

/** @typedef {{frame: number, epoch_ms: number, position: number, isSounding: boolean}} WatchedBlock */

/** @param {string} worklet source @returns {string} */
export function watched(worklet) {
  return WATCH + worklet;
}

/** Before the click. @param {import('./chromium_page.js').ChromiumPage} page */
export async function watchBlocks(page) {
  await page.evaluate(HAND_OVER);
}

/** @param {import('./chromium_page.js').ChromiumPage} page @returns {Promise<WatchedBlock[]>} */
export async function watchedBlocks(page) {
  const bytes = Buffer.from(await page.evaluate(READ), 'base64');
  const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return Array.from({ length: /** @type {number} */ (numbers[0]) }, (_, block) => {
    const [frame, epochMs, position, isSounding] = numbers.subarray(1 + FIELDS * block, 1 + FIELDS * (block + 1));
    return { frame, epoch_ms: epochMs, position, isSounding: isSounding === 1 };
  });
}
