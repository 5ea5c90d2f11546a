/** What the service says of the device itself: a board that is not supported, weak power, mistakes on its card. */

import { part } from './elements.js';

/** @param {readonly string[]} notices plain sentences; none hides the list. Written only where they differ: they are read aloud */
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
