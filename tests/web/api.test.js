/** Every endpoint that the page uses exists: docs/ref/openapi.json gets its paths from the service's own table. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

/** @param {string} path */
const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('every address that the page asks for is one of the service, by the right method', () => {
  const { paths } = JSON.parse(read('docs/ref/openapi.json'));
  const text = read('web/api.js');
  const named = [...text.matchAll(/['`](api\/[a-z/]+)/g)].map(([, path]) => `/${path}`);
  assert.ok(named.length >= 8, 'the page asks');
  for (const path of named) assert.ok(paths[path], path);
  for (const [, how, path] of text.matchAll(/\b(ask|write)\('(api\/[a-z/]+)/g)) {
    const method = how === 'ask' ? 'get' : 'post';
    assert.ok(paths[`/${path}`][method], `${method} /${path}`);
  }
});
