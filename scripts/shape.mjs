// Prints the page's shape for `make check`: its largest scripts, the most imported ones, and circles.
// tests/web/architecture.test.js checks limits.

import { circles, imports, linesOf, median, scripts as readScripts } from '../tests/web/law.js';

const scripts = readScripts();
const sizes = scripts.map(([path, text]) => /** @type {const} */ ([linesOf(text), path]));
const graph = imports(scripts);
const importers = scripts.map(([path]) => /** @type {const} */ ([[...graph.values()].filter((named) => named.has(path)).length, path]));

/** @param {string} title @param {(readonly [number, string])[]} rows */
const show = (title, rows) => {
  const ten = [...rows].sort(([a], [b]) => b - a).slice(0, 10);
  console.log(`${title}\n${ten.map(([count, path]) => `${String(count).padStart(6)}  ${path}`).join('\n')}`);
};

show(`The largest files of web, in lines (median ${median(sizes.map(([lines]) => lines))})`, sizes);
show('What most files of web import', importers);
console.log(`Circles in web: ${circles(graph).map((way) => way.join(' -> ')).join(', ') || 'none'}`);
