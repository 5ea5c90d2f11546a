/**
 * All numbers of web/core, and of the scripts beside it, that tune something are in the tables of web/core: `constants.js` in each
 * folder. Above each one is a row: `unit | reason | what chose it`. TypeScript's parser reads the tables and the scripts.
 *
 * A number elsewhere, at the top of a script and with a name in capitals, is a violation, unless it tunes nothing:
 * - it follows from others: its value names a constant and contains no numbers except 0, 1 and 2;
 * - it is a position or a kind: one of several declarations that count up by one, or 0 alone;
 * - it is a frozen record of such numbers, whose keys are also in capitals.
 * A value made by `new` either contains strings or follows from others.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';
import { lineOf, nodes, parse, scripts as readScripts } from './law.js';

/** @typedef {{line: number, says: string}} Breach */

const CAPITALS = /^[A-Z][A-Z0-9_]*$/;
const isTable = (/** @type {string} */ path) => /^web\/core\/(.*\/)?constants\.js$/.test(path);
const scripts = readScripts().filter(([path]) => path.startsWith('web/core/') || /^web\/[a-z_]+\.js$/.test(path));

/** The constants at the top of a script. @param {ts.SourceFile} script */
function constants(script) {
  return script.statements.flatMap((statement, place) => {
    if (!ts.isVariableStatement(statement) || !(statement.declarationList.flags & ts.NodeFlags.Const)) return [];
    return statement.declarationList.declarations.flatMap((declaration) => (
      ts.isIdentifier(declaration.name) && CAPITALS.test(declaration.name.text) && declaration.initializer
        ? [{ name: declaration.name.text, value: bare(declaration.initializer), statement, place }] : []));
  });
}

/** Removes brackets, casts and Object.freeze. @param {ts.Expression} value @returns {ts.Expression} */
function bare(value) {
  if (ts.isParenthesizedExpression(value)) return bare(value.expression);
  const [frozen] = ts.isCallExpression(value) && value.expression.getText() === 'Object.freeze' ? value.arguments : [];
  return frozen ? bare(frozen) : value;
}

/** @param {ts.Expression} value @returns {number | null} the value of a literal whole number */
const wholeOf = (value) => (ts.isNumericLiteral(value) && Number.isInteger(Number(value.text)) ? Number(value.text) : null);

/** @param {ts.Expression} value */
const numbersIn = (value) => [...nodes(value, false)].filter(ts.isNumericLiteral).map(({ text }) => Number(text));

/** @param {ts.Expression} value */
function followsFromOthers(value) {
  const namesOne = [...nodes(value, false)].some((node) => ts.isIdentifier(node) && CAPITALS.test(node.text));
  return namesOne && numbersIn(value).every((number) => number <= 2 && Number.isInteger(number));
}

/** @param {ts.Expression} value */
const isRecordOfPlaces = (value) => ts.isObjectLiteralExpression(value)
  && value.properties.every((property) => ts.isPropertyAssignment(property) && CAPITALS.test(property.name.getText()) && wholeOf(property.initializer) !== null);

/** Finds violations in a script that is not a table. @param {string} path @param {string} text @returns {Breach[]} */
function strays(path, text) {
  const all = constants(parse(path, text));
  const placesAt = new Map(all.map(({ place, value }) => [place, wholeOf(value)]));
  const countsOn = (/** @type {number} */ place) => {
    const whole = placesAt.get(place);
    return whole === 0 || (typeof whole === 'number' && (placesAt.get(place - 1) === whole - 1 || placesAt.get(place + 1) === whole + 1));
  };
  const stray = all.filter(({ value, place }) => !ts.isNewExpression(value) && numbersIn(value).length > 0
    && !followsFromOthers(value) && !countsOn(place) && !isRecordOfPlaces(value));
  return stray.map(({ name, statement }) => ({ line: lineOf(statement), says: `${name} belongs in the table, constants.js of its folder` }));
}

/** @param {string} cell @returns {string | null} the error in a row's third column (what chose the value) */
function wrongOrigin(cell) {
  if (cell === 'not measured') return null;
  const given = /^given: (\S.*)$/.exec(cell)?.[1];
  const paths = (given ?? cell).split(', ').filter((path) => given === undefined || /^[a-z]+\/\S+$/.test(path));
  const lacking = paths.filter((path) => /\.\.|^\//.test(path) || !/\.\w+$/.test(path) || !existsSync(new URL(`../../${path}`, import.meta.url)));
  return lacking.length > 0 ? `'${lacking.join(', ')}' is no file here, nor 'given: …', nor 'not measured'` : null;
}

/** @param {ts.Node} node @param {string} name @returns {Breach[]} */
function wrongRow(node, name) {
  const text = node.getSourceFile().text;
  const comment = (ts.getLeadingCommentRanges(text, node.pos) ?? []).at(-1);
  const words = comment ? text.slice(comment.pos, comment.end).replace(/^\/\*\*|\*\/$/g, '').replaceAll(/\s+/g, ' ').trim() : '';
  const cells = words.split(' | ').map((cell) => cell.trim());
  const line = lineOf(node);
  if (cells.length !== 3 || cells.some((cell) => cell === '')) return [{ line, says: `${name} needs a row: unit | reason | what chose it` }];
  const says = wrongOrigin(/** @type {string} */ (cells[2]));
  return says ? [{ line, says: `${name}: ${says}` }] : [];
}

/** Finds violations in a table; adds the table's names to `taken`. @param {string} path @param {string} text @param {Set<string>} taken @returns {Breach[]} */
function judgeTable(path, text, taken) {
  return constants(parse(path, text)).flatMap(({ name, value, statement }) => {
    /** @type {Breach[]} */
    const twice = taken.has(name) ? [{ line: lineOf(statement), says: `${name} stands in a table twice` }] : [];
    taken.add(name);
    const parts = ts.isObjectLiteralExpression(value) ? value.properties : [];
    const rows = parts.length > 0 ? parts.flatMap((part) => wrongRow(part, `${name}.${part.name?.getText()}`)) : wrongRow(statement, name);
    return [...twice, ...rows];
  });
}

/** @param {[path: string, text: string][]} files */
function breaches(files) {
  const taken = new Set();
  return files.flatMap(([path, text]) => (isTable(path) ? judgeTable(path, text, taken) : strays(path, text)).map(({ line, says }) => `${path}:${line}: ${says}`));
}

test('every number that could be another stands in a table, with unit, reason and what chose it', () => {
  assert.ok(scripts.filter(([path]) => isTable(path)).length >= 6);
  assert.deepEqual(breaches(scripts), []);
});

const TABLE = 'web/core/net/constants.js';
/** @type {[path: string, text: string, found: string[]][]} */
const CASES = [
  [TABLE, '/** ms | why | not measured */\nexport const A_MS = 5;', []],
  [TABLE, '/** ms | why\n    | given: RFC 6455, 7.4.1 */\nexport const A_MS = 5;', []],
  [TABLE, '/** ms | why | tests/web/law.js, tests/words.rs */\nexport const A_MS = 5;', []],
  [TABLE, '/** ms | why | tests/web/gone.js */\nexport const A_MS = 5;', ["2: A_MS: 'tests/web/gone.js' is no file here, nor 'given: …', nor 'not measured'"]],
  [TABLE, '/** ms | why | given: docs/gone.md */\nexport const A_MS = 5;', ["2: A_MS: 'docs/gone.md' is no file here, nor 'given: …', nor 'not measured'"]],
  [TABLE, '/** ms | why | measured */\nexport const A_MS = 5;', ["2: A_MS: 'measured' is no file here, nor 'given: …', nor 'not measured'"]],
  [TABLE, '/** ms | why */\nexport const A_MS = 5;', ['2: A_MS needs a row: unit | reason | what chose it']],
  [TABLE, '/** ms |  | not measured */\nexport const A_MS = 5;', ['2: A_MS needs a row: unit | reason | what chose it']],
  [TABLE, 'export const A_MS = 5;', ['1: A_MS needs a row: unit | reason | what chose it']],
  [TABLE, '/** ms | why | not measured */\nexport const A = 5;\n/** ms | why | not measured */\nexport const A = 6;', ['4: A stands in a table twice']],
  [TABLE, 'export const A = {\n  /** ms | why | not measured */\n  b: 5,\n  c: 6,\n};', ['4: A.c needs a row: unit | reason | what chose it']],
  ['web/core/net/wire.js', 'const A_MS = 5;', ['1: A_MS belongs in the table, constants.js of its folder']],
  ['web/core/net/wire.js', 'f();\nexport const A = framesOf(10);', ['2: A belongs in the table, constants.js of its folder']],
  ['web/core/net/wire.js', 'const A = 1.5 * OTHER;', ['1: A belongs in the table, constants.js of its folder']],
  ['web/core/net/wire.js', 'const A = Object.freeze([44_100]);', ['1: A belongs in the table, constants.js of its folder']],
  ['web/core/net/wire.js', 'const A = { price: 5 };', ['1: A belongs in the table, constants.js of its folder']],
  ['web/core/net/wire.js', 'const A = 1;\nf();\nconst B = 2;', ['1: A belongs in the table, constants.js of its folder', '3: B belongs in the table, constants.js of its folder']],
  ['web/core/net/wire.js', "const A = 2 * OTHER + 1;\nconst B = 0;\nconst C = 1;\nf();\nconst D = Object.freeze({ ONE: 1, OTHER: 7 });\nconst E = new Map([[1, 'a']]);\nconst F = 'words';", []],
  ['web/core/net/wire.js', 'function f() {\n  const A_MS = 5;\n}', []],
];

test('what is wrong is found in its line, and nothing else', () => {
  for (const [path, text, found] of CASES) assert.deepEqual(breaches([[path, text]]), found.map((says) => `${path}:${says}`), text);
});
