/**
 * The keys on the page: a form before the sound if listening needs a key, and one for each key under "Access".
 *
 * In: the service's information on keys. Out: typed keys, for the caller to send to the service.
 */

import { offer } from '../core/page/access.js';
import { accessWords, offerWords } from './access_words.js';
import { part, write, writeOrHide } from './elements.js';
import { faultWords } from './fault_words.js';

/** @typedef {import('../core/page/access.js').Access} Access */
/** @typedef {import('../core/page/access.js').Purpose} Purpose */
/** @typedef {import('../core/page/access.js').Offer} Offer */

/** A form with one key in it. */
class KeyForm {
  #form;
  #input;
  #said;

  /** @param {string} id @param {(key: string) => Promise<string>} typed returns '' or why not */
  constructor(id, typed) {
    this.#form = part(id, HTMLFormElement);
    this.#input = part(`${id}-key`, HTMLInputElement);
    this.#said = part(`${id}-said`, HTMLElement);
    this.#form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const why = await typed(this.#input.value);
      write(this.#said, faultWords(why));
      if (why === '') this.#input.value = '';
    });
  }

  /** @param {boolean} wanted @param {{label: string, button: string}} words */
  show(wanted, { label, button }) {
    this.#form.hidden = !wanted;
    write(part(`${this.#form.id}-label`, HTMLElement), label);
    write(part(`${this.#form.id}-button`, HTMLButtonElement), button);
  }
}

export class AccessPanel {
  details = part('access', HTMLDetailsElement);

  #words = part('access-words', HTMLElement);
  /** @type {Access | null} */
  #access = null;
  #door;
  #listening;
  #settings;

  /** @param {(what: Offer, purpose: Purpose, key: string) => Promise<string>} typed returns '' or why not */
  constructor(typed) {
    /** @param {Purpose} purpose */
    const form = (purpose) => new KeyForm(`${purpose}-form`, (key) => typed(this.#access ? offer(this.#access[purpose]) : 'enter', purpose, key));
    this.#door = new KeyForm('door', (key) => typed('enter', 'listening', key));
    this.#listening = form('listening');
    this.#settings = form('settings');
  }

  /** @returns {boolean} whether a key is needed first; if so, the key's field gets the focus */
  asksFirst() {
    const asks = this.#access?.may_listen === false;
    if (asks) part('door-key', HTMLInputElement).focus();
    return asks;
  }

  /** @param {Access | null} access null if the service gave no answer @param {boolean} encrypted */
  show(access, encrypted) {
    this.#access = access;
    writeOrHide(this.#words, access ? accessWords(access, encrypted) : '');
    this.#door.show(access !== null && !access.may_listen, { label: 'A key is needed to listen here', button: 'Enter' });
    for (const [form, purpose] of /** @type {const} */ ([[this.#listening, 'listening'], [this.#settings, 'settings']])) {
      const what = access ? offer(access[purpose]) : 'none';
      // The settings key also permits listening, even if the other key is lost. The listening key has a form of its own, which
      // comes before the sound.
      form.show(what !== 'none' && (purpose === 'settings' || access?.may_listen === true), offerWords(purpose, what));
    }
  }
}
