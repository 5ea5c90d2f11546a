/**
 * The elements of web/index.html that have an id, as far as the panels use them, without layout or styles. tests/browser checks
 * how a real browser shows them.
 */

import { readFileSync } from 'node:fs';

const PAGE = readFileSync(new URL('../../../web/index.html', import.meta.url), 'utf8');
/** Tags without an end tag. */
const VOID = new Set(['input', 'link', 'meta', 'br', 'path', 'rect']);

class Element extends EventTarget {
  children = /** @type {Element[]} */ ([]);
  textContent = '';
  value = '';
  checked = false;
  disabled = false;
  open = false;
  /** @type {File[]} */
  files = [];

  /** @param {string} id @param {boolean} hidden @param {Element | null} parent */
  constructor(id = '', hidden = false, parent = null) {
    super();
    this.id = id;
    this.hidden = hidden;
    this.parent = parent;
  }

  /** @param {Element[]} children */
  replaceChildren(...children) {
    this.children = children;
  }

  focus() {
    if (isShown(this)) page.activeElement = this;
  }

  /** A user's click. */
  click() {
    if (this.disabled || !isShown(this)) throw new Error(`#${this.id} cannot be pressed`);
    this.dispatchEvent(new Event('click'));
  }

  showModal() {
    if (this.open) throw new Error(`#${this.id} is open already`);
    this.open = true;
  }

  close() {
    this.open = false;
  }

  reset() {
    for (const field of fields(this)) [field.value, field.files, field.checked] = ['', [], false];
    this.dispatchEvent(new Event('reset'));
  }
}

/** Makes a class for each class name that the panels use. @param {string} name */
const named = (name) => Object.defineProperty(class extends Element {}, 'name', { value: name });

const HTMLElement = Element;
const KINDS = {
  form: named('HTMLFormElement'), input: named('HTMLInputElement'), button: named('HTMLButtonElement'), details: named('HTMLDetailsElement'),
  progress: named('HTMLProgressElement'), ul: named('HTMLUListElement'), dialog: named('HTMLDialogElement'),
};

/** Stands in for the browser's `document`. */
const page = {
  /** @type {Map<string, Element>} */
  parts: new Map(),
  /** @type {Element | null} */
  activeElement: null,
  /** @param {string} id */
  getElementById: (id) => page.parts.get(id) ?? null,
  createElement: () => new Element(),
};

Object.assign(globalThis, { document: page, HTMLElement }, Object.fromEntries(Object.values(KINDS).map((kind) => [kind.name, kind])));

/** Resets the page, so that nothing of an earlier test is left. */
export function openPage() {
  page.parts.clear();
  page.activeElement = null;
  /** @type {{tag: string, element: Element}[]} */
  const above = [];
  for (const [, ending, tag = '', attributes = ''] of PAGE.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    if (ending) {
      while (above.length > 0 && above.pop()?.tag !== tag);
      continue;
    }
    const id = /\bid="([^"]+)"/.exec(attributes)?.[1] ?? '';
    const Kind = KINDS[/** @type {keyof KINDS} */ (tag)] ?? HTMLElement;
    const element = new Kind(id, /\shidden(\s|$)/.test(attributes), above.at(-1)?.element ?? null);
    if (id) page.parts.set(id, element);
    if (!VOID.has(tag) && !attributes.endsWith('/')) above.push({ tag, element });
  }
}

/** @param {string} id @returns {Element} */
export function at(id) {
  const found = page.parts.get(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/** @param {Element | null} element @returns {boolean} whether neither it nor any parent is hidden; a dialog is visible while it is open */
function isShown(element) {
  for (let part = element; part; part = part.parent) {
    if (part.hidden || (part instanceof KINDS.dialog && !part.open)) return false;
  }
  return true;
}

/** @param {string} id @returns {string} its visible text, '' if it is hidden */
export function seen(id) {
  return isShown(at(id)) ? at(id).textContent : '';
}

/** @param {string} id @returns {boolean} */
export function isSeen(id) {
  return isShown(at(id));
}

/** @returns {string} the element with the keyboard focus */
export function focused() {
  return page.activeElement?.id ?? '';
}

/** Submits a form, as a user does. @param {string} id */
export async function submit(id) {
  const event = new Event('submit', { cancelable: true });
  at(id).dispatchEvent(event);
  if (!event.defaultPrevented) throw new Error(`#${id} would leave the page`);
  await settled();
}

/** @param {string} id */
export async function click(id) {
  at(id).click();
  await settled();
}

/** Waits until all started work is done or waits for the test. One turn is enough, because nothing here waits for anything else. */
export function settled() {
  return new Promise((resolve) => { setTimeout(resolve, 0); });
}

/** @param {Element} form @returns {Element[]} */
function fields(form) {
  return [...page.parts.values()].filter((element) => {
    for (let part = element.parent; part; part = part.parent) if (part === form) return true;
    return false;
  });
}
