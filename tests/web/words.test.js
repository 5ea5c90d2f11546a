/** Every message of the page stands in docs/guide/troubleshooting.md by its exact words; tests/words.rs sees to the service's. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import ts from 'typescript';
import { lineOf, nodes, parse, scriptsOf, textOf } from './law.js';

const GUIDES = ['docs/guide/troubleshooting.md', 'docs/guide/configuration.md'];
/** Words, letters in each, from which a text is a sentence. */
const WORDS_MIN = 3;
/** Scripts whose every sentence is told; of the others only what is the matter, and what to do. */
const SCRIPTS = ['web/api.js', 'web/core/access.js', 'web/core/update.js', 'web/view/report_buttons.js', 'web/view/update_panel.js'];
const TOLD = ['title', 'remedy', 'waiting', 'lost', 'stalled', 'ended'];

/** What a text says, its holes filled with `…`. @param {ts.Node} node */
function said(node) {
  const parts = ts.isTemplateExpression(node) ? [node.head, ...node.templateSpans.map((span) => span.literal)] : [node];
  const words = parts.map((part) => (ts.isStringLiteralLike(part) || ts.isTemplateLiteralToken(part) ? part.text : ''));
  return words.join('…').replace(/\s+/g, ' ').trim();
}

const isText = (/** @type {ts.Node} */ node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);

/** @param {string} text */
const isSentence = (text) => text.split(' ').filter((word) => /^[\p{P}\p{S}]*\p{L}[\p{L}'-]+[\p{P}\p{S}]*$/u.test(word)).length >= WORDS_MIN;

/** Whether a person is told this text: under a key of TOLD, or as what a cause is named. @param {ts.Node} node @returns {boolean} */
function isTold(node) {
  const { parent } = node;
  if (ts.isBinaryExpression(parent) || ts.isConditionalExpression(parent)) return isTold(parent);
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node && TOLD.includes(parent.name.getText());
  return ts.isArrayLiteralExpression(parent) && parent.elements[1] === node && isText(parent.elements[0]);
}

/** @param {string} path @param {string} text */
function sentences(path, text) {
  const texts = [...nodes(parse(path, text))].filter((node) => isText(node) && (SCRIPTS.includes(path) || isTold(node)));
  return texts.map((node) => ({ line: lineOf(node), words: said(node) })).filter(({ words }) => isSentence(words));
}

/** The same words as they are compared: without the marks of a guide's text. @param {string} text */
const compared = (text) => text.replaceAll('\\|', '|').replaceAll('`', '').split(/\s+/).join(' ').trim();

/** @param {string} words */
const core = (words) => compared(words).replace(/^[… :,.]+|[.: …=]+$/g, '');

test('every message stands in the guide by its words', () => {
  const guides = compared(GUIDES.map(textOf).join('\n'));
  const all = scriptsOf('web').flatMap((path) => sentences(path, textOf(path)).map((said) => ({ path, ...said })));
  const lacking = all.filter(({ words }) => !guides.includes(core(words)));
  assert.ok(all.length > 0);
  assert.deepEqual(lacking.map(({ path, line, words }) => `${path}:${line}: | ${words} | what to do |`), [],
    `${GUIDES[0]} lacks these messages: add each as a row of the table of its theme, and say what to do`);
});

test('texts are found where a person is told them', () => {
  const script = `const A = { title: 'This is too old', remedy: \`Use \${other} one instead\` };
    label('Not one of these words');
    /** @type {'Not in a comment'} */
    new Map([['x', 'A cause of many words']])`;
  assert.deepEqual(sentences('web/x.js', script).map(({ words }) => words), ['This is too old', 'Use … one instead', 'A cause of many words']);
  assert.equal(sentences('web/api.js', "label('Every one of these words');").length, 1);
  assert.ok(!isSentence('two words') && !isSentence('a 1 b 2') && isSentence('… is not “known” here.'));
});
