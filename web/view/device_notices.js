/** What the service says of the device itself: a board that is not supported, mistakes on its card. */

import { part } from './elements.js';

/** @param {readonly string[]} notices plain sentences; none hides the list */
export function showDeviceNotices(notices) {
  const list = part('device-notices', HTMLUListElement);
  list.hidden = notices.length === 0;
  list.replaceChildren(...notices.map((notice) => {
    const item = document.createElement('li');
    item.textContent = notice;
    return item;
  }));
}
