/**
 * Every message of the page appears word for word in docs/guide/troubleshooting.md; tests/words.rs checks the service's messages.
 *
 * A message is a text of three words or more in the page's scripts, except texts about faults of the script itself
 * (`RangeError`); and texts that the page shows without or beside scripts. `…` stands for inserted values.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import ts from 'typescript';
import { filesOf, lineOf, nodes, parse, textOf } from './law.js';

const GUIDES = ['docs/guide/troubleshooting.md', 'docs/ref/configuration.md'];
/** Minimum number of words with letters in a sentence. */
const WORDS_MIN = 3;

/** Files without messages, and why. */
const SILENT = new Map([
  ['web/view/detail_rows.js', 'names of numbers, explained in docs/guide/report.md'],
  ['web/view/client_words.js', 'who listens, and since when'],
  ['web/view/what_if_curve.js', "the curve's words, explained in docs/guide/listening.md"],
  ['web/view/modes.js', 'the delay somebody has chosen, explained in docs/guide/listening.md'],
]);

/** Texts that are not messages: their beginnings, each with its file. */
const NO_MESSAGES = [
  ['web/first-contact/page.js', 'It worked: this browser'],
  ['web/first-contact/page.js', 'This page has come over HTTPS'],
  ['web/view/ledger_rows.js', 'The newest … of'],
  ['web/view/words.js', 'The last minute appears here'],
  ['web/view/words.js', 'Playing the demo'],
];

/** The text of a literal, with `…` for inserted values. @param {ts.Node} node */
function said(node) {
  const parts = ts.isTemplateExpression(node) ? [node.head, ...node.templateSpans.map((span) => span.literal)] : [node];
  const words = parts.map((part) => (ts.isStringLiteralLike(part) || ts.isTemplateLiteralToken(part) ? part.text : ''));
  return words.join('…').replace(/\s+/g, ' ').trim();
}

/** @param {string} text */
const isSentence = (text) => text.split(/\s+/).filter((word) => /^[\p{P}\p{S}]*\p{L}[\p{L}'-]+[\p{P}\p{S}]*$/u.test(word)).length >= WORDS_MIN;

/** Returns whether the text is about a fault of the script itself. @param {ts.Node} node @returns {boolean} */
const isForDevelopers = (node) => !!node && ((ts.isNewExpression(node) && node.expression.getText() === 'RangeError') || isForDevelopers(node.parent));

/** @param {string} text */
function scriptMessages(text) {
  const texts = [...nodes(parse('x.js', text), false)].filter((node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node));
  return texts.filter((node) => !isForDevelopers(node)).map((node) => ({ line: lineOf(node), words: said(node) }));
}

/** The page's texts for browsers without scripts, and its questions before steps that cannot be undone. @param {string} text */
function pageMessages(text) {
  let asks = false;
  return text.split('\n').flatMap((line, at) => {
    asks = (asks || line.includes('<dialog')) && !line.includes('</dialog');
    const [, head, words] = /<p([^>]*)>(.*?)(?:<\/p>|$)/.exec(line) ?? [];
    return words && (asks || head.includes('boot-words')) ? [{ line: at + 1, words }] : [];
  });
}

/** @param {string} path */
function messages(path) {
  const found = path.endsWith('.html') ? pageMessages(textOf(path)) : scriptMessages(textOf(path));
  return found.filter(({ words }) => isSentence(words));
}

/** Normalizes words for comparison: removes the markup of a guide's text. @param {string} text */
const compared = (text) => text.replaceAll('\\|', '|').replaceAll('`', '').split(/\s+/).join(' ').trim();

/** Removes punctuation at both ends. @param {string} words */
const core = (words) => compared(words).replace(/^[… :,.]+|[.: …=]+$/g, '');

test('every message stands in the guide by its words', () => {
  const guides = compared(GUIDES.map(textOf).join('\n'));
  const isKnown = (/** @type {string} */ path, /** @type {string} */ words) =>
    SILENT.has(path) || guides.includes(core(words)) || NO_MESSAGES.some(([file, beginning]) => file === path && words.startsWith(beginning));
  const all = filesOf('web', /\.(js|html)$/).flatMap((path) => messages(path).map((message) => ({ path, ...message })));
  const lacking = all.filter(({ path, words }) => !isKnown(path, words)).map(({ path, line, words }) => `${path}:${line}: | ${words} | what to do |`);
  assert.ok(all.length > 0);
  assert.equal(lacking.join('\n'), '', `${GUIDES[0]} lacks these messages: add each as a row of the table of its theme, and say what to do`);
});

test('what is told to be no message exists', () => {
  for (const [path, beginning] of NO_MESSAGES) {
    assert.ok(messages(path).some(({ words }) => words.startsWith(beginning)), `${path} no longer says '${beginning}': take it out`);
  }
  for (const path of SILENT.keys()) textOf(path);
});

test('texts are found wherever they stand, and developers are left alone', () => {
  const script = `const A = { title: 'This is too old', remedy: \`Use \${other} one instead\` }; // not these words here
    label('two words');
    /** @type {'not in a comment'} */
    new Map([['x', "A cause of words"]]);
    throw new RangeError(\`a developer's own \${words}\`); f('one more of them');`;
  const found = scriptMessages(script).map(({ words }) => words).filter(isSentence);
  assert.deepEqual(found, ['This is too old', 'Use … one instead', 'A cause of words', 'one more of them']);
  const page = '<noscript><p class="boot-words">Nothing runs in here.</p></noscript>\n<p>All is well here.</p>\n'
    + '<dialog>\n<p>Are you quite sure?</p>\n</dialog>\n<p id="x">All is well there.</p>';
  assert.deepEqual(pageMessages(page), [{ line: 1, words: 'Nothing runs in here.' }, { line: 4, words: 'Are you quite sure?' }]);
});
