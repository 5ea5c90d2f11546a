/** Enforces the rules of docs/ARCHITECTURE.md for the page; tests/architecture.rs does the same for Rust. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { circles, imports, judge, LINES_MAX, linesOf, median, MEDIAN_MAX, readLaw, scripts as readScripts, textOf } from './law.js';

const law = readLaw(textOf('docs/ARCHITECTURE.md'));
const scripts = readScripts();

test('every script keeps the import law', () => {
  const breaches = scripts.flatMap(([path, text]) => judge(law, path, text).map(({ line, says }) => `${path}:${line}: ${says}`));
  assert.ok(scripts.length > 0 && breaches.length === 0, `the law of docs/ARCHITECTURE.md is broken:\n${breaches.join('\n')}`);
});

test('no script imports itself by way of others', () => {
  assert.deepEqual(circles(imports(scripts)).map((way) => way.join(' -> ')), []);
});

test('most scripts are short', () => {
  assert.ok(median(scripts.map(([, text]) => linesOf(text))) <= MEDIAN_MAX);
});

test('the tables name what exists', () => {
  assert.ok(law.page.length > 0 && law.onlyIn.length > 0);
  const places = [...law.page, ...law.onlyIn].flatMap((row) => [...row.names, ...row.allowed]).filter((place) => place.startsWith('web/'));
  assert.deepEqual(places.filter((place) => !existsSync(new URL(`../../${place}`, import.meta.url))), []);
});

// Deliberate violations: the messages that the check must produce, which shows that the check can fail.
const CASES_LAW = readLaw(`
| what | only in |
|---|---|
| \`alsa::\` | \`src/source/alsa.rs\` |
| \`performance.now\` | \`web/worker.js\` |

| file | may import |
|---|---|
| \`web/core/\` | \`web/core/\` |
| \`web/worker.js\` | \`web/core/\` |
| \`web/main.js\` | \`web/view/\` |
`);
const NO_MAIN = 'may not import web/main.js';
const CLOCK = 'performance.now may stand only in web/worker.js';
const noPath = (/** @type {string} */ name) => `'${name}' is no relative path within web: the page has no packages`;

/** @type {[path: string, text: string, found: [line: number, says: string][]][]} */
const CASES = [
  ['web/core/wire.js', "import { a } from '../main.js';", [[1, NO_MAIN]]],
  ['web/core/wire.js', "import './ring.js';\nexport * from \"./x.js\";", []],
  ['web/core/wire.js', "export { a } from '../main.js';", [[1, NO_MAIN]]],
  ['web/worker.js', "// w\nconst m = await import('./main.js');", [[2, NO_MAIN]]],
  ['web/worker.js', "/**\n * @type {import('./main.js').X}\n */", [[2, NO_MAIN]]],
  ['web/worker.js', "/** @param {Map<string, import('./main.js').X>} x */\nfunction f(x) {}", [[1, NO_MAIN]]],
  ['web/worker.js', "const x = /** @type {import('./main.js').X} */ (y);", [[1, NO_MAIN]]],
  ['web/worker.js', "/** @import {X} from './main.js' */", [[1, NO_MAIN]]],
  ['web/worker.js', "/** @typedef {import('./main.js').X} X */", [[1, NO_MAIN]]],
  ['web/worker.js', "const m = await import(name);", [[1, noPath('name')]]],
  ['web/worker.js', "import x from 'lodash';", [[1, noPath('lodash')]]],
  ['web/worker.js', "import x from '/core/wire.js';", [[1, noPath('/core/wire.js')]]],
  ['web/worker.js', "import x from '../src/x.js';", [[1, noPath('../src/x.js')]]],
  ['web/worker.js', "const t = performance.now(); f('import(\"./main.js\")', /from '.\\/main.js'/);", []],
  ['web/main.js', "import { a } from './core/wire.js';", [[1, 'may not import web/core/wire.js']]],
  ['web/main.js', "import {\n  a,\n} from './view/page.js';\nnew Worker('./worker.js');", []],
  ['web/odd.js', '', [[1, "has no row in the page's import table"]]],
  ['web/core/wire.js', '// performance.now\nconst t = performance.now();', [[2, CLOCK]]],
  ['web/core/wire.js', 'const t = `${self.performance\n  ?.now()}`;', [[1, CLOCK]]],
  ['web/core/wire.js', `${'f();\n'.repeat(LINES_MAX)}`, []],
  ['web/core/wire.js', `${'f();\n'.repeat(LINES_MAX)}g();`, [[LINES_MAX + 1, `${LINES_MAX + 1} lines, ${LINES_MAX} at most`]]],
];

test('every breach is found in its line, and nothing else', () => {
  for (const [path, text, found] of CASES) {
    const said = judge(CASES_LAW, path, text).map(({ line, says }) => [line, says.split(' (row')[0]]);
    assert.deepEqual(said, found, `${path}: ${text.slice(-200)}`);
  }
});

test('circles are found and named as a way', () => {
  /** @type {[string, string][]} */
  const files = [
    ['web/a.js', "import './b.js';\nimport './a.js';"],
    ['web/b.js', "/** @type {import('./c.js').C} */\nlet c;"],
    ['web/c.js', "import './a.js';"],
    ['web/d.js', "import './a.js';"],
  ];
  assert.deepEqual(circles(imports(files)), [['web/a.js', 'web/b.js', 'web/c.js']]);
  assert.deepEqual(circles(imports(files.filter(([path]) => path !== 'web/b.js'))), []);
});
