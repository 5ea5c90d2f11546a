/**
 * The listeners and the quality of their sound, for users who may see it.
 *
 * In: the answer of /api/clients. Out: one row each; nothing if the list may not be seen.
 */

import { clientName, clientWords, countWords } from './client_words.js';
import { part, write, writeRows } from './elements.js';

/** Maximum number of rows; further listeners are only counted. */
const ROWS_MAX = 50;

export class ClientsList {
  #section = part('clients-section', HTMLElement);
  #words = part('clients-words', HTMLElement);
  #list = part('clients', HTMLElement);

  /** @param {readonly import('./client_words.js').Client[] | null} clients null for users who may not see them */
  show(clients) {
    this.#section.hidden = clients === null;
    if (!clients) return;
    write(this.#words, countWords(clients.length));
    writeRows(this.#list, clients.slice(0, ROWS_MAX).map((client) => [clientName(client), clientWords(client)]));
  }
}
