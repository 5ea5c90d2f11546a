/**
 * Keeps the screen on while sound plays: a phone on a music stand must not fall asleep in the middle of a song.
 *
 * If the browser has no wake lock, or refuses it (low battery), the page does nothing and shows no message.
 */

export class ScreenWakeLock {
  #wanted = false;
  #asking = false;
  /** @type {WakeLockSentinel | null} */
  #held = null;

  constructor() {
    // The browser releases the lock when the page is hidden, and does not acquire it again.
    document.addEventListener('visibilitychange', () => void this.#settle());
  }

  /** @param {boolean} wanted */
  want(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    void this.#settle();
  }

  async #settle() {
    if (this.#asking || !('wakeLock' in navigator)) return;
    this.#asking = true;
    try {
      if (this.#wanted && !document.hidden && (this.#held === null || this.#held.released)) {
        this.#held = await navigator.wakeLock.request('screen');
      }
      if (!this.#wanted && this.#held) {
        await this.#held.release();
        this.#held = null;
      }
    } catch {
      this.#held = null; // refused: the screen may sleep, the sound goes on
    } finally {
      this.#asking = false;
    }
  }
}
