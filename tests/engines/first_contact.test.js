/**
 * First contact in the other engines: past Firefox's real warning, and in both engines without a warning where the device is
 * trusted.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { after } from 'node:test';
import test from 'node:test';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { need } from '../browser/rig/needs.js';
import { Speakers } from '../browser/rig/pulse.js';
import { Service } from '../browser/rig/service.js';
import { authorityOf, trustIn } from '../browser/rig/trust.js';
import { until } from '../browser/rig/until.js';
import { find, Firefox } from './rig/firefox.js';
import { WebKit } from './rig/webkit.js';

/** Maximum number of clicks from the typed name to sound. */
const CLICKS_MAX = { untrusted: 4, trusted: 2 };
/** The parts of Firefox's warning page, as of version 153. */
const WARNING = { title: 'net-error-card >>> #error-title', advanced: 'net-error-card >>> #advanced-button', proceed: 'net-error-card >>> #exception-button' };
/** The files where Debian's programs look up authorities and names. */
const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
const HOSTS = '/etc/hosts';

need('firefox-esr', 'certutil', 'WebKitWebDriver', 'Xvfb', 'unshare');
/** @type {(() => Promise<void>)[]} */
const closings = [];
after(async () => {
  for (const close of closings.reverse()) await close();
});
const speakers = await Speakers.open(2);
closings.push(() => speakers.close());
const state = mkdtempSync(join(tmpdir(), 'synthwire-state-'));
process.on('exit', () => rmSync(state, { recursive: true, force: true }));
const service = await Service.start(['--source', 'exact:noise', '--listen-tls', '127.0.0.1:0', '--state', state]);
closings.push(() => service.stop());
const host = `${hostname().split('.')[0]?.toLowerCase()}.local`;
const { http, https } = await service.addresses(host);
const authority = await authorityOf(service.address);

test('past Firefox\'s real warning there is sound in at most four clicks, and the page foretells them', async (t) => {
  const firefox = await Firefox.start(speakers, { host });
  t.after(() => firefox.close());
  await firefox.load(http);
  assert.equal(await checked(firefox), 'no');
  const foretold = await firefox.evaluate('["title", "keys .press", "link"].map((part) => document.querySelector(`.warning.firefox .warning-${part}`).innerText)');
  await firefox.click('#go');
  const text = (/** @type {string} */ part) => until(`${part} is there`, () => firefox.evaluate(`${find(part)}?.textContent.trim() ?? ""`).catch(() => ''));
  const warning = [await text(WARNING.title), await text(WARNING.advanced)];
  await firefox.click(WARNING.advanced);
  warning.push(await text(WARNING.proceed));
  t.diagnostic(`${firefox.name} warns: ${warning.join(' | ')}`);
  assert.deepEqual(foretold, warning, 'the page shows another warning than the browser');
  await firefox.click(WARNING.proceed);
  await assertPlays(t, firefox, CLICKS_MAX.untrusted);
});

test('where Firefox trusts the device there is no warning, and sound in at most two clicks', async (t) => {
  const firefox = await Firefox.start(speakers, { host, prepare: (profile) => trustIn(profile, authority) });
  t.after(() => firefox.close());
  await firefox.load(http);
  assert.equal(await checked(firefox), 'yes');
  await firefox.click('#go');
  await assertPlays(t, firefox, CLICKS_MAX.trusted);
});

test('where WebKit trusts the device there is no warning, and sound in at most two clicks', async (t) => {
  // WebKit uses the system's certificate bundle and host names, so the browser gets its own copies of both.
  const folder = mkdtempSync(join(speakers.folder, 'surroundings-'));
  const [bundle, hosts] = [join(folder, 'bundle'), join(folder, 'hosts')];
  writeFileSync(bundle, readFileSync(BUNDLE, 'utf8') + new X509Certificate(authority).toString());
  writeFileSync(hosts, `127.0.0.1 localhost ${host}\n`);
  const webkit = await WebKit.start(speakers, { JSC_useSharedArrayBuffer: '1' },
    ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" "$1" && mount --bind "$2" "$3" && shift 3 && exec "$@"', bundle, BUNDLE, hosts, HOSTS]);
  t.after(() => webkit.close());
  await webkit.load(http);
  assert.equal(await checked(webkit), 'yes');
  await webkit.click('#go');
  await assertPlays(t, webkit, CLICKS_MAX.trusted);
});

/** @typedef {{name: string, clicks: number, evaluate: (expression: string) => Promise<any>, click: (selector: string) => Promise<number>}} Engine */

/** @param {Engine} engine @returns {Promise<string>} the result of the page's own check */
function checked(engine) {
  return until('the check has ended', async () => /yes|no$/.exec(await engine.evaluate('document.querySelector("#checked").dataset.trusted'))?.[0]);
}

/** @param {import('node:test').TestContext} t @param {Engine} engine @param {number} clicksMax */
async function assertPlays(t, engine, clicksMax) {
  await until('the page has begun', () => engine.evaluate('typeof window.synthwire === "object"').catch(() => false));
  assert.equal(await engine.evaluate('location.href'), https.href);
  const recording = speakers.record();
  t.after(() => recording.stop());
  await engine.click('#listen');
  const report = () => engine.evaluate('window.synthwire.report()');
  await until('the page is playing', async () => (await report()).state === 'playing', report);
  await until('something is heard', () => recording.soFar().firstHeard() !== null, () => 'silence');
  t.diagnostic(`${engine.name}: ${engine.clicks} clicks from ${http} to sound over ${https}`);
  assert.ok(engine.clicks <= clicksMax, `${engine.clicks} clicks`);
}
