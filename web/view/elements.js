/**
 * Elements of index.html by name. The helpers write only changes, to avoid needless layout and announcements.
 */

/**
 * @template {HTMLElement} T
 * @param {string} id @param {{new (): T, prototype: T}} type
 * @returns {T}
 */
export function part(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

/** @param {HTMLElement} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLElement} element @param {string} text */
export function writeOrHide(element, text) {
  element.hidden = text === '';
  write(element, text);
}

/** @param {HTMLElement} list a <dl> @param {string[][]} rows term and description; rows are reused, so a selection survives */
export function writeRows(list, rows) {
  while (list.children.length > rows.length) list.lastElementChild?.remove();
  rows.forEach((texts, index) => {
    const row = list.children[index] ?? list.appendChild(emptyRow());
    texts.forEach((text, column) => write(/** @type {HTMLElement} */ (row.children[column]), text));
  });
}

/** @returns {HTMLElement} */
function emptyRow() {
  const row = document.createElement('div');
  row.append(document.createElement('dt'), document.createElement('dd'));
  return row;
}
