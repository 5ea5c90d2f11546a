/** The service's notices about the device itself: a board that is not supported, weak power, mistakes on its card. */

import { part } from './elements.js';

/**
 * @param {readonly string[]} notices plain sentences; without any the list is hidden. Only changes are written, because they are
 *   read aloud
 */
export function showDeviceNotices(notices) {
  const list = part('device-notices', HTMLUListElement);
  const isSame = list.children.length === notices.length && notices.every((notice, at) => list.children[at]?.textContent === notice);
  if (isSame) return;
  list.hidden = notices.length === 0;
  list.replaceChildren(...notices.map((notice) => {
    const item = document.createElement('li');
    item.textContent = notice;
    return item;
  }));
}
