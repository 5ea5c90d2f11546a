/**
 * Updates: the progress of one, sending a file, and restarting into the new version.
 *
 * In: the service's report on updates. Out: a file, or a request to restart, for the caller to send to the service.
 */

import { LENGTH_BYTES } from '../core/page/constants.js';
import { beginsAsUpdate, signatureBytes, versionIn } from '../core/page/update.js';
import { part, write, writeOrHide } from './elements.js';
import { faultWords } from './fault_words.js';
import { fileFaultWords, olderWords, updateView } from './update_words.js';

/** @typedef {import('../core/page/update.js').Update} Update */
/** @typedef {(file: File, anyAge: 'any' | 'newer', sent: (share: number) => void) => Promise<string>} Send returns '' or why not */

export class UpdatePanel {
  details = part('update', HTMLDetailsElement);

  #words = part('update-words', HTMLElement);
  #form = part('update-form', HTMLFormElement);
  #file = part('update-file', HTMLInputElement);
  #said = part('update-said', HTMLElement);
  #restart = part('update-restart', HTMLButtonElement);
  #older = part('update-older', HTMLElement);
  #olderWish = part('update-older-wish', HTMLInputElement);
  #bytesMax = 0;
  #running = '';
  #isLocked = false;
  /** Share of a file that this page has sent, percent; null while it sends none. @type {number | null} */
  #sentPercent = null;

  /** @param {{send: Send, restart: () => Promise<string>}} service */
  constructor({ send, restart }) {
    this.#form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const file = this.#file.files?.[0];
      if (!file || this.#isLocked) return;
      this.#lock(true);
      await this.#offer(file, send);
      this.#lock(false);
    });
    this.#form.addEventListener('reset', () => this.#showOlder(false));
    this.#file.addEventListener('change', () => {
      this.#showOlder(false);
      write(this.#said, '');
    });
    this.#restart.addEventListener('click', async () => write(this.#said, faultWords(await restart())));
  }

  /** @param {Update | null} update null if there is no update, or the service does not answer */
  show(update) {
    // A device that restarts does not answer; keep the display meanwhile.
    if (!update) return;
    const shown = updateView(update);
    this.#bytesMax = update.bytes_max;
    this.#running = update.running;
    this.details.hidden = false;
    write(part('update-summary', HTMLElement), shown.summary);
    // A screen reader would read every percent aloud; the bar shows them.
    write(this.#words, shown.percent === null ? shown.words : 'An update is under way. Do not switch off.');
    this.#form.hidden = !shown.may_send && this.#sentPercent === null;
    this.#restart.hidden = !shown.may_restart;
    part('update-restart-words', HTMLElement).hidden = !shown.may_restart;
    this.#bar(this.#sentPercent ?? shown.percent, this.#sentPercent === null ? shown.words : 'Sending');
  }

  /** @param {File} file @param {Send} send */
  async #offer(file, send) {
    // A file moved or changed since it was chosen can no longer be read.
    const why = fileFaultWords(file.size, this.#bytesMax) || (await this.#asksFirst(file).catch(() => 'This file cannot be read: choose it again.'));
    write(this.#said, why || 'Sending it. Stay on this page until it has arrived.');
    if (why) return;
    this.#sending(0);
    const refusal = await send(file, this.#olderWish.checked ? 'any' : 'newer', (share) => this.#sending(Math.round(share * 100)));
    this.#sending(null);
    write(this.#said, faultWords(refusal));
    if (refusal === '') this.#form.reset();
  }

  /** Accepts one file at a time: ignores presses until the current one is done. @param {boolean} locked */
  #lock(locked) {
    this.#isLocked = locked;
    part('update-button', HTMLButtonElement).disabled = locked;
    this.#file.disabled = locked;
  }

  /** @param {File} file @returns {Promise<string>} a reason to ask first, '' if it can be sent */
  async #asksFirst(file) {
    if (!beginsAsUpdate(await bytes(file, 0, 4))) return 'This file is no update.';
    const signature = signatureBytes(await bytes(file, file.size - LENGTH_BYTES, file.size));
    const end = file.size - LENGTH_BYTES;
    const words = olderWords(versionIn(await bytes(file, end - signature, end)), this.#running);
    if (words === '' || this.#olderWish.checked) return '';
    this.#showOlder(true);
    return words;
  }

  /** @param {boolean} shown */
  #showOlder(shown) {
    this.#older.hidden = !shown;
    this.#olderWish.checked = false;
  }

  /** @param {number | null} percent */
  #sending(percent) {
    this.#sentPercent = percent;
    this.#bar(percent, 'Sending');
  }

  /** @param {number | null} percent @param {string} words */
  #bar(percent, words) {
    part('update-progress', HTMLElement).hidden = percent === null;
    part('update-bar', HTMLProgressElement).value = percent ?? 0;
    writeOrHide(part('update-bar-words', HTMLElement), words);
  }
}

/** @param {File} file @param {number} from @param {number} to @returns {Promise<Uint8Array>} */
async function bytes(file, from, to) {
  return new Uint8Array(await file.slice(Math.max(0, from), Math.max(0, to)).arrayBuffer());
}
