/**
 * From typing the device's name to sound, for a user who knows nothing about certificates: past the browser's real warning,
 * and without a warning where the device is trusted. The test counts every mouse click, and no switch suppresses the warning.
 */

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Chromium } from './rig/chromium.js';
import { need } from './rig/needs.js';
import { openTwoClockStage } from './rig/stage.js';
import { authorityOf, trustingHome } from './rig/trust.js';
import { until } from './rig/until.js';

/** Maximum number of clicks from the typed name to sound. */
const CLICKS_MAX = { untrusted: 4, trusted: 2 };

need('certutil');
const state = mkdtempSync(join(tmpdir(), 'synthwire-state-'));
process.on('exit', () => rmSync(state, { recursive: true, force: true }));
const stage = await openTwoClockStage('--source', 'exact:noise', '--listen-tls', '127.0.0.1:0', '--state', state);
const host = `${hostname().split('.')[0]?.toLowerCase()}.local`;
const { http, https } = await stage.service.addresses(host);

/** @typedef {import('./rig/chromium_page.js').ChromiumPage} Page */

test('past the real warning there is sound in at most four clicks, and the page foretells them', async (t) => {
  const page = await stage.chromium.open(http);
  t.after(() => page.close());
  const checked = 'document.querySelector("#checked").dataset.trusted';
  assert.equal(await until('the check has ended', async () => /yes|no$/.exec(await page.evaluate(checked))?.[0]), 'no');
  assert.match(await page.text('#checked'), /^Not yet/);
  const [title, keys, link] = await Promise.all(['.warning.chrome .warning-title', '.warning.chrome .press', '.warning.chrome .warning-link'].map((part) => page.text(part)));
  assert.equal(await page.text('.warning.firefox'), '', 'another browser\'s words are shown');

  await page.click('#go');
  await until('the warning is there', () => page.evaluate('document.querySelector("#details-button") !== null'));
  const warning = await page.evaluate('[document.title, document.querySelector("h1").innerText, document.querySelector("#details-button").innerText]');
  t.diagnostic(`Chromium warns: ${warning.join(' | ')}`);
  assert.deepEqual([warning[1], warning[2]], [title, keys], 'the page shows another warning than the browser');
  await page.click('#details-button');
  assert.equal(await page.text('#proceed-link'), link);
  await page.click('#proceed-link');
  await assertPlays(t, page, CLICKS_MAX.untrusted);
});

test('where the device is trusted there is no warning, and sound in at most two clicks', async (t) => {
  const chromium = await Chromium.start(stage.speakers, { HOME: trustingHome(stage.speakers.folder, await authorityOf(stage.service.address)) });
  t.after(() => chromium.close());
  const page = await chromium.open(http);
  await until('the page says that it worked', async () => /It worked/.test(await page.text('#checked')), () => page.text('#checked'));
  assert.equal(await page.text('.warning.chrome'), '', 'a warning is foretold that will not come');
  await page.click('#go');
  await assertPlays(t, page, CLICKS_MAX.trusted);
  assert.deepEqual(page.complaints.filter((words) => /Content Security Policy|certificate/i.test(words)), []);
});

test('what is to be installed is what the service shows, in both wrappings, and bounded', async (t) => {
  const der = await authorityOf(stage.service.address);
  const authority = new X509Certificate(der);
  assert.equal(authority.ca, true);
  assert.ok(authority.verify(authority.publicKey), 'it has not signed itself');
  const answer = await fetch(new URL('/trust/synthwire.mobileconfig', stage.service.address));
  assert.equal(answer.headers.get('content-type'), 'application/x-apple-aspen-config');
  const profile = plist(await answer.text());
  t.diagnostic(`profile: ${profile.PayloadDisplayName}, ${profile.PayloadIdentifier}`);
  // The keys that every dictionary must have by Apple's reference, and their types.
  for (const payload of [profile, ...profile.PayloadContent]) {
    for (const key of ['PayloadType', 'PayloadIdentifier', 'PayloadUUID', 'PayloadDisplayName']) assert.equal(typeof payload[key], 'string', key);
    assert.equal(payload.PayloadVersion, 1);
    assert.match(payload.PayloadUUID, /^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
  }
  assert.equal(profile.PayloadType, 'Configuration');
  const [root] = profile.PayloadContent;
  assert.equal(root.PayloadType, 'com.apple.security.root');
  assert.notEqual(root.PayloadUUID, profile.PayloadUUID);
  assert.deepEqual(root.PayloadContent, der, 'the profile holds another certificate');
  const page = await (await fetch(new URL('/trust', stage.service.address))).text();
  const fingerprint = createHash('sha256').update(der).digest('hex').toUpperCase().replace(/(....)(?!$)/g, '$1 ');
  assert.ok(page.includes(fingerprint), 'the page shows another fingerprint');
});

test('over plain HTTP this machine itself gets the page that plays, everybody else the way to it', async () => {
  for (const [name, expected] of [['localhost', 'main.js'], ['127.0.0.1', 'main.js'], [host, 'first-contact/page.js'], ['192.168.1.7', 'first-contact/page.js']]) {
    const page = await pageFor(`${name}:${http.port}`);
    assert.deepEqual([...page.matchAll(/<script [^>]*src="v\/[0-9a-f]+\/([^"]+)"/g)].map((match) => match[1]), [expected], name);
    assert.ok(!page.includes('{{'), 'a mark was left unfilled');
    if (expected === 'main.js') continue;
    assert.ok(page.includes(`href="https://${name}:${https.port}/"`), 'without scripts there is no way on');
    for (const address of [http.href, https.href]) assert.ok(page.includes(new URL(address).port), address);
  }
});

/** @param {string} authority @returns {Promise<string>} the page at / when the service is called by this name */
async function pageFor(authority) {
  const request = get({ host: '127.0.0.1', port: http.port, path: '/', headers: { host: authority } });
  const [answer] = await once(request, 'response');
  return (await answer.toArray()).join('');
}

/** @param {import('node:test').TestContext} t @param {Page} page @param {number} clicksMax */
async function assertPlays(t, page, clicksMax) {
  await until('the page has begun', () => page.evaluate('typeof window.synthwire === "object"'));
  const recording = stage.speakers.record();
  t.after(() => recording.stop());
  await page.click('#listen');
  await page.reaches('playing');
  await until('something is heard', () => recording.soFar().firstHeard() !== null, () => 'silence');
  const socket = await page.evaluate('performance.getEntriesByType("navigation")[0].name');
  assert.equal(socket, https.href);
  assert.equal((await page.report()).transport, 'sab', 'the page is not isolated over HTTPS');
  t.diagnostic(`${page.clicks} clicks from ${http} to sound over ${https}`);
  assert.ok(page.clicks <= clicksMax, `${page.clicks} clicks`);
}

/**
 * Parses the property lists that Apple's tools read: dictionaries, arrays, strings, integers, booleans and data.
 *
 * @param {string} text @returns {any}
 */
function plist(text) {
  const tokens = [...text.slice(text.indexOf('<plist')).matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>([^<]*)/g)].map(([, closes, name, empty, content]) => ({ closes: closes === '/', name, empty: empty === '/', content: content ?? '' }));
  let next = 0;
  const value = () => {
    const token = tokens[next++];
    if (!token || token.closes) throw new Error(`a value is missing before ${JSON.stringify(token)}`);
    if (token.empty) return token.name === 'true';
    /** @type {any} */
    let result;
    if (token.name === 'plist' || token.name === 'array' || token.name === 'dict') {
      /** @type {any[]} */
      const items = [];
      while (tokens[next] && !tokens[next]?.closes) items.push(value());
      result = token.name === 'plist' ? items[0] : token.name === 'array' ? items : Object.fromEntries(pairs(items));
    } else if (token.name === 'data') {
      result = Buffer.from(token.content, 'base64');
    } else if (token.name === 'integer') {
      result = Number(token.content);
    } else if (token.name === 'string' || token.name === 'key') {
      result = token.content;
    } else {
      throw new Error(`<${token.name}> is no type of a property list`);
    }
    const end = tokens[next++];
    if (!end?.closes || end.name !== token.name) throw new Error(`<${token.name}> is not closed`);
    return result;
  };
  return value();
}

/** @param {any[]} items @returns {[string, any][]} */
function pairs(items) {
  return items.flatMap((item, place) => (place % 2 === 0 ? [/** @type {[string, any]} */ ([item, items[place + 1]])] : []));
}
