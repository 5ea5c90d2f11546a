/**
 * The page: joins the player (sound) to the view (what is seen), and remembers the volume.
 *
 * Belongs here: wiring. Does not: words (view/words.js), elements (view/page.js), audio (player.js).
 */

import { Player } from './player.js';
import { Page } from './view/page.js';
import { ScreenWakeLock } from './view/screen_wake_lock.js';
import { buttonWords } from './view/words.js';

const VOLUME_KEY = 'synthwire.volume';

/** States in which somebody listens, or will again in a moment. */
const LISTENING = new Set(['connecting', 'buffering', 'playing', 'waiting', 'reconnecting']);

const player = new Player();

// Other tools rely on this name from the first moment on (docs: wire-format and the bench).
Object.assign(window, { synthwire: { report: () => player.report() } });

const page = new Page(location);
const wakeLock = new ScreenWakeLock();

/** @param {number} nowMs */
function show(nowMs) {
  const snapshot = player.snapshot();
  page.show(snapshot, nowMs);
  wakeLock.want(LISTENING.has(snapshot.state));
}

/** @param {number} position of the slider, 0 to 1 */
function setVolume(position) {
  player.setVolume(position);
  page.showVolume(position);
}

player.addEventListener('change', (event) => show(event.timeStamp));

page.button.addEventListener('click', () => {
  if (buttonWords(player.report()).starts) player.start();
  else player.stop();
});

page.volume.addEventListener('input', () => {
  setVolume(page.volume.valueAsNumber);
  remember(page.volume.value);
});

page.pair.addEventListener('change', () => player.setPair(Number(page.pair.value)));
page.details.addEventListener('toggle', (event) => show(event.timeStamp));
document.addEventListener('visibilitychange', (event) => show(event.timeStamp));

setVolume(recall());
// Where no press can help, say so at once: without a secure page start() opens nothing, it only names the obstacle.
if (!isSecureContext) player.start();
show(0);

/** @returns {number} the volume of the last visit on this device, full without one */
function recall() {
  try {
    const stored = Number(localStorage.getItem(VOLUME_KEY) ?? 1);
    return stored >= 0 && stored <= 1 ? stored : 1;
  } catch {
    return 1; // storage is forbidden here: the page works without it
  }
}

/** @param {string} position */
function remember(position) {
  try {
    localStorage.setItem(VOLUME_KEY, position);
  } catch {
    // storage is forbidden or full: the next visit starts at full volume
  }
}
