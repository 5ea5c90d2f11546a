/**
 * The list of interruptions of the sound, newest first.
 *
 * In: the report's ledger and the time. Out: list items; nothing is written while the ledger is unchanged.
 */

import { part, write, writeOrHide } from './elements.js';
import { ledgerRows, restWords, sinceWords } from './ledger_rows.js';

/** Rows that are always visible; the others are one press away, so that the page stays short on a phone. */
const OPEN_ROWS = 5;

/** The present interruption grows with every update. */
const EVERY_MS = 500;

export class LedgerList {
  #list = part('ledger', HTMLElement);
  #empty = part('ledger-empty', HTMLElement);
  #more = part('ledger-more', HTMLButtonElement);
  #rest = part('ledger-rest', HTMLElement);
  #counts = part('counts', HTMLElement);
  #since = part('counts-since', HTMLElement);
  #said = part('counts-said', HTMLElement);
  #written = '';
  #writtenMs = -Infinity;
  /** @type {number | null} */
  #sinceMs = null;
  #open = false;
  #rows = 0;
  #total = 0;

  /** @param {() => void} reset the user wants counts to begin anew */
  constructor(reset) {
    part('counts-reset', HTMLButtonElement).addEventListener('click', () => {
      reset();
      write(this.#said, 'Glitches and curve begin anew.');
    });
    this.#more.addEventListener('click', () => {
      this.#open = !this.#open;
      this.#fold();
    });
  }

  /**
   * @param {readonly import('./ledger_rows.js').Entry[] | null | undefined} ledger oldest first
   * @param {number | null | undefined} sinceMs since 1970, when counting began @param {number} nowMs since 1970
   */
  show(ledger, sinceMs, nowMs) {
    this.#counts.hidden = typeof sinceMs !== 'number';
    if (typeof sinceMs === 'number') this.#showSince(sinceMs, nowMs);
    const entries = ledger ?? [];
    const [oldest, newest] = [entries[0], entries.at(-1)];
    const event = `${entries.length} ${oldest?.at_ms} ${newest?.at_ms} ${newest?.cause} ${newest?.length_ms}`;
    if (event === this.#written || nowMs - this.#writtenMs < EVERY_MS) return;
    this.#written = event;
    this.#writtenMs = nowMs;
    const rows = ledgerRows(entries, nowMs, zoneMinutes);
    this.#rows = rows.length;
    this.#total = entries.length;
    this.#empty.hidden = rows.length > 0;
    this.#list.hidden = rows.length === 0;
    this.#list.replaceChildren(...rows.map(itemOf));
    this.#fold();
  }

  /** @param {number} sinceMs @param {number} nowMs */
  #showSince(sinceMs, nowMs) {
    if (sinceMs !== this.#sinceMs) write(this.#said, '');
    this.#sinceMs = sinceMs;
    write(this.#since, sinceWords(sinceMs, nowMs, zoneMinutes));
  }

  #fold() {
    const folded = Math.max(0, this.#rows - OPEN_ROWS);
    [...this.#list.children].forEach((item, index) => {
      /** @type {HTMLElement} */ (item).hidden = !this.#open && index >= OPEN_ROWS;
    });
    this.#more.hidden = folded === 0;
    this.#more.setAttribute('aria-expanded', String(this.#open));
    write(this.#more, this.#open ? 'Show fewer' : `Show ${folded} more`);
    writeOrHide(this.#rest, this.#open || folded === 0 ? restWords(this.#total) : '');
  }
}

/** @param {number} atMs @returns {number} how many minutes local time is ahead of UTC then */
export function zoneMinutes(atMs) {
  return -new Date(atMs).getTimezoneOffset();
}

/** @param {import('./ledger_rows.js').Row} row @returns {HTMLElement} */
function itemOf({ time, iso, words, length, intended }) {
  const item = document.createElement('li');
  const when = document.createElement('time');
  when.dateTime = iso;
  when.textContent = time;
  const [cause, duration] = [document.createElement('span'), document.createElement('span')];
  cause.textContent = words;
  cause.className = 'ledger-cause';
  duration.textContent = length;
  duration.className = 'ledger-length';
  if (intended) item.className = 'ledger-intended';
  item.append(when, ' ', cause, ' ', duration);
  return item;
}
