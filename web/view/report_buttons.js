/**
 * Save report, Save network log, and Copy if the browser has a clipboard for pages.
 *
 * In: functions that return the report and the arrivals. Out: a download, or text on the clipboard, and a short confirmation.
 */

import { part, write } from './elements.js';

/** Time after which every browser has fetched the file. */
const FORGET_AFTER_MS = 60_000;

export class ReportButtons {
  #said = part('report-said', HTMLElement);

  /**
   * @param {(event: Event) => {name: string, text: string}} compose
   * @param {() => Promise<string | null>} arrivals CSV of the last minutes, null if there are none
   */
  constructor(compose, arrivals) {
    part('report-save', HTMLButtonElement).addEventListener('click', (event) => this.#save(compose(event), 'application/json'));
    part('arrivals-save', HTMLButtonElement).addEventListener('click', () => void this.#saveArrivals(arrivals));
    const copy = part('report-copy', HTMLButtonElement);
    // Missing on insecure pages, although the types say otherwise.
    copy.hidden = typeof navigator.clipboard?.writeText !== 'function';
    copy.addEventListener('click', (event) => void this.#copy(compose(event).text));
  }

  /** @param {() => Promise<string | null>} arrivals */
  async #saveArrivals(arrivals) {
    const csv = await arrivals();
    if (csv) this.#save({ name: 'synthwire-arrivals.csv', text: csv }, 'text/csv');
    else write(this.#said, 'Nothing to save yet: press Listen first.');
  }

  /** @param {{name: string, text: string}} file @param {string} type */
  #save({ name, text }, type) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), FORGET_AFTER_MS);
    write(this.#said, `Saved as ${name}`);
  }

  /** @param {string} text */
  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      write(this.#said, 'Copied');
    } catch {
      write(this.#said, 'The browser did not allow copying. Save report works without asking.');
    }
  }
}
