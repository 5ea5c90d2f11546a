/**
 * The place for updates: how one fares, a file to send, a restart into what was installed.
 *
 * In: what the service says of updates. Out: a file, or the wish to restart, to whoever joins this panel to the service.
 */

import { notAnUpdate, shownUpdate } from '../core/update.js';
import { part, write, writeOrHide } from './elements.js';

/** @typedef {import('../core/update.js').Update} Update */
/** @typedef {(file: File, sent: (share: number) => void) => Promise<string>} Send gives '' or why not */

export class UpdatePanel {
  details = part('update', HTMLDetailsElement);

  #words = part('update-words', HTMLElement);
  #form = part('update-form', HTMLFormElement);
  #file = part('update-file', HTMLInputElement);
  #said = part('update-said', HTMLElement);
  #restart = part('update-restart', HTMLButtonElement);
  #bytesMax = 0;
  /** How much of a file this page has sent; null while it sends none. @type {number | null} */
  #sentPercent = null;

  /** @param {{send: Send, restart: () => Promise<string>}} service */
  constructor({ send, restart }) {
    this.#form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const file = this.#file.files?.[0];
      if (!file) return;
      const why = notAnUpdate(file.size, this.#bytesMax);
      write(this.#said, why || 'Sending it. Stay on this page until it has arrived.');
      if (why) return;
      this.#sending(0);
      const refusal = await send(file, (share) => this.#sending(Math.round(share * 100)));
      this.#sending(null);
      write(this.#said, refusal);
      if (refusal === '') this.#form.reset();
    });
    this.#restart.addEventListener('click', async () => write(this.#said, await restart()));
  }

  /** @param {Update | null} update null where there is none, or the service does not answer */
  show(update) {
    // A device that restarts does not answer: what was there stays there.
    if (!update) return;
    const shown = shownUpdate(update);
    this.#bytesMax = update.bytes_max;
    this.details.hidden = false;
    write(part('update-summary', HTMLElement), shown.summary);
    // Every percent would be read aloud: the bar says those.
    write(this.#words, shown.percent === null ? shown.words : 'An update is under way. Do not switch off.');
    this.#form.hidden = !shown.may_send && this.#sentPercent === null;
    this.#restart.hidden = !shown.may_restart;
    part('update-restart-words', HTMLElement).hidden = !shown.may_restart;
    this.#bar(this.#sentPercent ?? shown.percent, this.#sentPercent === null ? shown.words : 'Sending');
  }

  /** @param {number | null} percent */
  #sending(percent) {
    this.#sentPercent = percent;
    part('update-button', HTMLButtonElement).disabled = percent !== null;
    this.#file.disabled = percent !== null;
    this.#bar(percent, 'Sending');
  }

  /** @param {number | null} percent @param {string} words */
  #bar(percent, words) {
    part('update-progress', HTMLElement).hidden = percent === null;
    part('update-bar', HTMLProgressElement).value = percent ?? 0;
    writeOrHide(part('update-bar-words', HTMLElement), words);
  }
}
