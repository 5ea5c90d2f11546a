/**
 * The rules of docs/ARCHITECTURE.md for the page: reads their tables, and finds in a script the facts to which they
 * refer. TypeScript's parser reads the scripts.
 */

import ts from 'typescript';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @typedef {{ names: string[], allowed: string[], line: number }} Row */
/** @typedef {{ line: number, says: string }} Breach */

/** The maximum number of lines of a script, and the maximum of the median. */
export const LINES_MAX = 400;
export const MEDIAN_MAX = 130;
const TOP = fileURLToPath(new URL('../../', import.meta.url));

/** @param {string} path from the top folder */
export const textOf = (path) => readFileSync(TOP + path, 'utf8');

/** Path (from the top folder) of every file under a folder whose name matches. @param {string} folder @param {RegExp} name */
export function filesOf(folder, name) {
  const names = readdirSync(TOP + folder, { recursive: true, encoding: 'utf8' });
  return names.filter((found) => name.test(found)).map((found) => `${folder}/${found}`).sort();
}

/** Path and text of every script of the page. @returns {[path: string, text: string][]} */
export const scripts = () => filesOf('web', /\.m?js$/).map((path) => [path, textOf(path)]);

/** Returns the rows of the table with this head. @param {string} document @param {string} head */
export function table(document, head) {
  const lines = document.split('\n');
  const from = lines.indexOf(head) + 2;
  const until = lines.findIndex((line, at) => at >= from && !line.startsWith('|'));
  return lines.slice(from, until < 0 ? undefined : until).map((line, at) => {
    const [names, allowed] = line.split('|').slice(1).map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((word) => word[1]));
    return { names, allowed, line: from + at + 1 };
  });
}

/** @param {string} document */
export const readLaw = (document) => ({
  page: table(document, '| file | may import |'),
  onlyIn: table(document, '| what | only in |').filter((row) => row.allowed.some((place) => place.startsWith('web/'))),
});

/** @param {string} path @param {string} text */
export const parse = (path, text) => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);

/**
 * Yields every node of a script, including those of the types in its comments.
 *
 * @param {ts.Node} node @param {boolean} [comments] @returns {Generator<ts.Node>}
 */
export function* nodes(node, comments = true) {
  yield node;
  for (const child of node.getChildren()) if (comments || !ts.isJSDoc(child)) yield* nodes(child, comments);
}

/** @param {ts.Node} node counted from 1 */
export const lineOf = (node) => node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;

/** The modules that a script imports, in code and in types within comments. @param {ts.SourceFile} script */
export function specifiers(script) {
  const found = [];
  for (const node of nodes(script)) {
    /** @type {ts.Node | undefined} */
    let named;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isJSDocImportTag(node)) named = node.moduleSpecifier;
    else if (ts.isImportTypeNode(node)) named = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) named = node.arguments[0];
    if (named) found.push({ specifier: ts.isStringLiteralLike(named) ? named.text : named.getText(), line: lineOf(named) });
  }
  return found;
}

/**
 * The path from the top folder; null if the specifier is not relative, or leaves web/.
 *
 * @param {string} path @param {string} specifier
 */
export function resolve(path, specifier) {
  if (!/^\.\.?\//.test(specifier)) return null;
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
  return target.startsWith('web/') ? target : null;
}

/** @param {string} text */
export const linesOf = (text) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

/** @param {number[]} numbers */
export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/**
 * Returns whether `path` is `place`, or lies in it if `place` ends in a slash (then it is a folder).
 *
 * @param {string} path @param {string} place
 */
const within = (path, place) => path === place || (place.endsWith('/') && path.startsWith(place));

/** Finds all violations in one script. @param {ReturnType<typeof readLaw>} law @param {string} path @param {string} text */
export function judge(law, path, text) {
  const script = parse(path, text);
  /** @type {Breach[]} */
  const breaches = [];
  const lines = linesOf(text);
  if (lines > LINES_MAX) breaches.push({ line: lines, says: `${lines} lines, ${LINES_MAX} at most` });
  const row = law.page.find((row) => row.names.some((place) => within(path, place)));
  if (!row) return [...breaches, { line: 1, says: "has no row in the page's import table" }];
  for (const { specifier, line } of specifiers(script)) {
    const target = resolve(path, specifier);
    if (target === null) breaches.push({ line, says: `'${specifier}' is no relative path within web: the page has no packages` });
    else if (!row.allowed.some((place) => within(target, place))) breaches.push({ line, says: `may not import ${target} (row at line ${row.line})` });
  }
  for (const { names, allowed, line } of law.onlyIn.filter((row) => !row.allowed.some((place) => within(path, place)))) {
    for (const node of nodes(script)) {
      const said = ts.isPropertyAccessExpression(node) ? node.getText().replaceAll(/[\s?]/g, '') : '';
      const word = names.find((name) => said === name || said.endsWith(`.${name}`));
      if (word) breaches.push({ line: lineOf(node), says: `${word} may stand only in ${allowed.join(', ')} (row at line ${line})` });
    }
  }
  return breaches;
}

/** The scripts that each script imports. @param {[path: string, text: string][]} scripts @returns {Map<string, Set<string>>} */
export function imports(scripts) {
  const of = (/** @type {[string, string]} */ [path, text]) =>
    specifiers(parse(path, text)).map(({ specifier }) => resolve(path, specifier) ?? '').filter((target) => target !== path);
  return new Map(scripts.map((script) => [script[0], new Set(of(script))]));
}

/** Finds all circles, each as the shortest way from its first script back to it. @param {Map<string, Set<string>>} imports */
export function circles(imports) {
  /** @type {Set<string>} */
  const told = new Set();
  return [...imports.keys()].flatMap((file) => {
    const way = told.has(file) ? null : wayBack(imports, file);
    way?.forEach((step) => told.add(step));
    return way ? [way] : [];
  });
}

/** @param {Map<string, Set<string>>} imports @param {string} start */
function wayBack(imports, start) {
  const seen = new Set();
  for (let ways = [[start]]; ways.length > 0; ) {
    const longer = [];
    for (const way of ways) {
      for (const next of imports.get(way[way.length - 1]) ?? []) {
        if (next === start) return way;
        if (!seen.has(next)) longer.push([...way, next]);
        seen.add(next);
      }
    }
    ways = longer;
  }
  return null;
}
