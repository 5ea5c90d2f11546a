/**
 * The page: connects the player (sound) and the view (elements), and stores volume and mode.
 *
 * Wiring belongs here. Elsewhere: words (view/words.js), elements (view/page.js), audio (player.js).
 */

import { askAccess, askClients, askDevice, askUpdate, enterKey, replaceAuthority, restartIntoUpdate, sendUpdate, setKey } from './api.js';
import { CLIENTS_EVERY_MS, DEVICE_EVERY_MS, UPDATE_EVERY_MS } from './core/page/constants.js';
import { Player } from './player.js';
import { AccessPanel } from './view/access_panel.js';
import { AuthorityPanel } from './view/authority_panel.js';
import { ClientsList } from './view/clients_list.js';
import { showDeviceNotices } from './view/device_notices.js';
import { DelayPanel } from './view/delay_panel.js';
import { LedgerList, zoneMinutes } from './view/ledger_list.js';
import { modeFrom } from './view/modes.js';
import { Page } from './view/page.js';
import { ReportButtons } from './view/report_buttons.js';
import { savedReport } from './view/saved_report.js';
import { ScreenWakeLock } from './view/screen_wake_lock.js';
import { UpdatePanel } from './view/update_panel.js';
import { buttonWords } from './view/words.js';

const VOLUME_KEY = 'synthwire.volume';
const MODE_KEY = 'synthwire.mode';
/** Storage key of the player's knowledge about this device: its clocks, and the output delay that works. */
const MEMORY_KEY = 'synthwire.device';

/** States in which the user listens, or will listen again in a moment. */
const LISTENING = new Set(['connecting', 'buffering', 'playing', 'waiting', 'reconnecting']);

const player = new Player({ memory: memoryFrom(recall(MEMORY_KEY)), remember: (memory) => remember(MEMORY_KEY, JSON.stringify(memory)) });

// Other tools rely on this name from the first moment on (docs: wire-format and the bench).
Object.assign(window, { synthwire: { report: () => player.report() } });

const mode = modeFrom(recall(MODE_KEY));
player.setMode(mode);

const page = new Page(location);
const ledger = new LedgerList(() => player.resetCounts());
const wakeLock = new ScreenWakeLock();
// A delay chosen by hand suits one network on one day, so it is not stored, unlike the mode.
const delay = new DelayPanel(mode, {
  mode: (chosen) => {
    player.setMode(chosen);
    remember(MODE_KEY, chosen);
  },
  target: (targetMs) => player.setTarget(targetMs),
});
const clients = new ClientsList();
let deviceAskedMs = -Infinity;
let authorityLacking = false;
const access = new AccessPanel(async (what, purpose, key) => {
  const why = what === 'enter' ? '' : await setKey(purpose, key);
  const said = why || await enterKey(purpose, key); // the user who sets a key knows it
  await showAccess();
  return said;
});
const authority = new AuthorityPanel(async () => {
  const why = await replaceAuthority();
  deviceAskedMs = -Infinity;
  await showAccess();
  return why;
});
const update = new UpdatePanel({ send: sendUpdate, restart: restartIntoUpdate });
new ReportButtons(reportFile, () => player.trace());

/** @param {number} nowMs */
function show(nowMs) {
  /** @type {import('./view/words.js').Snapshot} */
  const snapshot = player.snapshot();
  // Text and panel show the same snapshot, so that no number stands beside another one of the same thing.
  if (page.show(snapshot, nowMs)) delay.show(snapshot, page.delayMs, nowMs);
  wakeLock.want(LISTENING.has(snapshot.state));
  if (document.hidden) return;
  ledger.show(snapshot.ledger, snapshot.counted_since_ms, Date.now());
}

/** Shows who may do what, and who listens while that list is open. */
async function showAccess() {
  const may = await askAccess();
  if (!may) return; // without an answer, the display stays, and so does text that is being typed
  access.show(may, location.protocol === 'https:');
  // Check after half the interval, because a timer that fires slightly early must not skip a turn.
  if (may.may_listen && performance.now() - deviceAskedMs >= DEVICE_EVERY_MS / 2) {
    deviceAskedMs = performance.now();
    const device = await askDevice();
    if (device) {
      showDeviceNotices(device.notices);
      authorityLacking = device.authority_lacking;
    }
  }
  authority.show(authorityLacking, may.may_change_settings);
  const looking = access.details.open && !document.hidden;
  if (looking) {
    clients.show(may.may_change_settings ? /** @type {import('./view/client_words.js').Client[] | null} */ (await askClients()) : null);
  }
}

async function showUpdate() {
  update.show(await askUpdate());
}

/** @returns {{name: string, text: string}} */
function reportFile() {
  const nowMs = Date.now();
  return savedReport(player.report(), {
    nowMs,
    zoneMinutes: zoneMinutes(nowMs),
    pageAddress: import.meta.url,
    userAgent: navigator.userAgent,
    isolated: crossOriginIsolated,
    cores: navigator.hardwareConcurrency ?? 0,
    visibility: document.visibilityState,
  });
}

/** @param {number} position of the slider, 0 to 1 */
function setVolume(position) {
  player.setVolume(position);
  page.showVolume(position);
}

player.addEventListener('change', (event) => show(event.timeStamp));

page.button.addEventListener('click', () => {
  if (!buttonWords(player.report()).starts) player.stop();
  else if (!access.asksFirst()) player.start();
});

page.volume.addEventListener('input', () => {
  setVolume(page.volume.valueAsNumber);
  remember(VOLUME_KEY, page.volume.value);
});

page.pair.addEventListener('change', () => player.setPair(Number(page.pair.value)));
access.details.addEventListener('toggle', () => showAccess());
update.details.addEventListener('toggle', () => showUpdate());
page.details.addEventListener('toggle', (event) => show(event.timeStamp));
document.addEventListener('visibilitychange', (event) => show(event.timeStamp));

setVolume(volumeFrom(recall(VOLUME_KEY)));
// If a press cannot help, say so at once: on an insecure page start() opens nothing and only reports the obstacle.
if (!isSecureContext) player.start();
show(0);
showAccess();
showUpdate();
setInterval(() => {
  if (!document.hidden) showAccess();
}, DEVICE_EVERY_MS);
setInterval(() => {
  if (update.details.open && !document.hidden) showUpdate();
}, UPDATE_EVERY_MS);
setInterval(() => {
  if (access.details.open && !document.hidden) showAccess();
}, CLIENTS_EVERY_MS);

/** @param {string | null} stored @returns {number} the volume of the last visit on this device, full if there is none */
function volumeFrom(stored) {
  const volume = Number(stored ?? 1);
  return volume >= 0 && volume <= 1 ? volume : 1;
}

/** @param {string | null} stored @returns {import('./player.js').Memory} an empty memory if it is missing or damaged */
function memoryFrom(stored) {
  try {
    const { clocks, output } = JSON.parse(stored ?? '{}');
    const isClocks = Number.isFinite(clocks?.stream_ppm) && Number.isFinite(clocks?.context_ppm);
    return { clocks: isClocks ? clocks : null, output: Number(output) || 0 };
  } catch {
    return { clocks: null, output: 0 };
  }
}

/** @param {string} key @returns {string | null} */
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is forbidden here: the page works without it
  }
}

/** @param {string} key @param {string} value */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Ignore the error: if storage is forbidden or full, the next visit starts like the first one.
  }
}
