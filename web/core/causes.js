/**
 * The causes of missing sound: the codes of docs/ref/wire-format.md and the listener's own, and the names used everywhere.
 *
 * The listener's own codes begin at 256 and never travel on the wire.
 */

export const CAUSE_SOURCE_CHANGE = 5;
export const CAUSE_QUEUE_DROP = 6;
export const CAUSE_NETWORK_LATE = 256;
export const CAUSE_RENDER_UNDERRUN = 257;
export const CAUSE_TAB_SUSPENDED = 258;
export const CAUSE_UNEXPLAINED_LOSS = 259;
export const CAUSE_BAD_PACKET = 260;
export const CAUSE_SERVICE_STOPPED = 261;

/** @type {ReadonlyMap<number, string>} */
const NAMES = new Map([
  [1, 'capture_xrun'],
  [2, 'usb_loss'],
  [3, 'device_gone'],
  [4, 'handoff_full'],
  [CAUSE_SOURCE_CHANGE, 'source_change'],
  [CAUSE_QUEUE_DROP, 'queue_drop'],
  [CAUSE_NETWORK_LATE, 'network_late'],
  [CAUSE_RENDER_UNDERRUN, 'render_underrun'],
  [CAUSE_TAB_SUSPENDED, 'tab_suspended'],
  [CAUSE_UNEXPLAINED_LOSS, 'unexplained_loss'],
  [CAUSE_BAD_PACKET, 'bad_packet'],
  [CAUSE_SERVICE_STOPPED, 'service_stopped'],
]);

export const CAUSE_NAMES = Object.freeze([...NAMES.values()]);

/** @param {number} code @returns {string} the cause's name; for the code of a newer service, its number */
export function causeName(code) {
  return NAMES.get(code) ?? `cause_${code}`;
}
