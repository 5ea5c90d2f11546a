/**
 * A new certificate for this device, if the one that phones and computers trusted can no longer be used.
 *
 * In: whether a certificate is lacking, and whether this user may change settings. Out: a request for a new one, for the caller
 * to send to the service. The request takes two presses, and the second answers a question.
 */

import { part, write } from './elements.js';
import { faultWords } from './fault_words.js';

const WORDS = {
  offered: 'No browser trusts the certificate that this device shows now, and it lasts until the next restart.',
  locked: 'No browser trusts the certificate that this device shows now. Enter the settings key here to have a new one made.',
  made: 'This device has a new certificate. Install it on each phone and computer that is to trust it, then reload this page, which may warn once more.',
};

export class AuthorityPanel {
  #section = part('authority', HTMLElement);
  #words = part('authority-words', HTMLElement);
  #steps = part('authority-steps', HTMLElement);
  #button = part('authority-button', HTMLButtonElement);
  #asks = part('authority-asks', HTMLDialogElement);
  #make = part('authority-make', HTMLButtonElement);
  #said = part('authority-asks-said', HTMLElement);
  #isMade = false;

  /** @param {() => Promise<string>} make returns '' or why not */
  constructor(make) {
    this.#button.addEventListener('click', () => {
      write(this.#said, '');
      this.#asks.showModal();
    });
    part('authority-keep', HTMLButtonElement).addEventListener('click', () => this.#asks.close());
    this.#make.addEventListener('click', async () => {
      this.#make.disabled = true;
      const why = await make();
      this.#make.disabled = false;
      write(this.#said, faultWords(why));
      if (why === '') this.#done();
      else if (!this.#asks.open) this.#asks.showModal(); // closed meanwhile: shows the reason anyway
    });
  }

  /** @param {boolean} lacking @param {boolean} mayChange */
  show(lacking, mayChange) {
    // The result stays visible until there is something to do again.
    this.#isMade &&= !lacking;
    this.#section.hidden = !lacking && !this.#isMade;
    this.#button.hidden = !lacking || !mayChange;
    this.#steps.hidden = !this.#isMade;
    if (!this.#isMade) write(this.#words, mayChange ? WORDS.offered : WORDS.locked);
  }

  /** The button disappears: the focus moves to the result. */
  #done() {
    this.#isMade = true;
    this.#asks.close();
    write(this.#words, WORDS.made);
    this.show(false, true);
    this.#words.focus();
  }
}
