import assert from 'node:assert/strict';
import test from 'node:test';

import { savedReport } from '../../../web/view/saved_report.js';

const CIRCUMSTANCES = {
  nowMs: Date.UTC(2025, 0, 2, 23, 30, 5), zoneMinutes: 60, pageAddress: 'https://stage.local:8443/v/1a2b3c4d/main.js',
  userAgent: 'Mozilla/5.0 (Linux; Android 15; SM-S921B Build/anna) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.7103.60 Mobile Safari/537.36', isolated: true, cores: 8, visibility: 'visible',
};

test('the file has the report as it is, and whose browser it was', () => {
  const { name, text } = savedReport({ state: 'playing', ledger: [{ at_ms: 1, cause: 'usb_loss', length_ms: null }] }, CIRCUMSTANCES);
  assert.equal(name, 'synthwire-report-2025-01-03-003005.json');
  assert.deepEqual(JSON.parse(text), {
    saved_at: '2025-01-02T23:30:05.000Z', saved_at_ms: CIRCUMSTANCES.nowMs, zone_minutes: 60, page_version: '1a2b3c4d',
    browser: { user_agent: 'Chrome 136, Android 15', cross_origin_isolated: true, cores: 8, visibility: 'visible' },
    report: { state: 'playing', ledger: [{ at_ms: 1, cause: 'usb_loss', length_ms: null }] },
  });
});

test('of the page\'s address only the version is kept', () => {
  assert.doesNotMatch(savedReport({}, CIRCUMSTANCES).text, /stage|8443|http/);
  const unversioned = JSON.parse(savedReport({}, { ...CIRCUMSTANCES, pageAddress: 'http://127.0.0.1:8080/main.js', cores: 0 }).text);
  assert.deepEqual([unversioned.page_version, unversioned.browser.cores], [null, null]);
});

test('browsers are known by name, version and system alone', () => {
  for (const [agent, words] of [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 'Firefox 153, Linux'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.2 Mobile/15E148 Safari/604.1', 'Safari 27, iPhone 18'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/157.0.0.0 Safari/537.36 Edg/157.0.0.0', 'Edge 157, Windows 10'],
    ['annas-browser hunter2', 'unknown'],
  ]) {
    assert.equal(JSON.parse(savedReport({}, { ...CIRCUMSTANCES, userAgent: agent }).text).browser.user_agent, words);
  }
});

test('whatever is text in the report and not our own is left out, wherever it stands', () => {
  const secrets = ['hunter2', 'dc:a6:32:01:02:03', '192.168.178.20', 'fd00::7', 'annas-studio', 'synth.fritz.box', 'anna@example.org', '/home/anna/x.wav',
    'Annas MONTAGE', 'Bearer abc', 'synthwire_settings=abc', 'a7f3c1de-1b2c-4d5e-8f90-123456789abc', 'https://x/?token=abc', 'anna', '10000000a1b2c3d4',
    'the record at byte 7 is of anna', '$argon2id$v=19$abc', 'ssh-ed25519 AAAA', '+49 170 1234567', 'cause_anna'];
  for (const secret of secrets) {
    const report = { state: secret, problem: secret, last_refusal: secret, server_version: secret, chunk_why: secret, latency_hint: secret,
      glitches: { [secret]: 1, usb_loss: 2 }, ledger: [{ at_ms: 1, cause: secret, length_ms: 2 }], what_if: [{ deep: [secret] }] };
    const { text } = savedReport(report, { ...CIRCUMSTANCES, pageAddress: `https://${secret}/main.js`, userAgent: `Chrome/1 (${secret})` });
    assert.ok(!text.includes(secret), `${secret}: ${text}`);
    assert.equal(JSON.parse(text).report.glitches.usb_loss, 2);
  }
});

test('what helps stays: states, causes, versions, what was wrong with a message', () => {
  const report = { state: 'reconnecting', problem: 'server_unreachable', last_refusal: 'the record at byte 1024 is cut short', server_version: '0.1.0',
    latency_hint: 'interactive', output_clock: 'stamp', mode: 'auto', transport: 'sab', chunk_why: 'service_busy', glitches: { tab_suspended: 1 }, seq: 7 };
  assert.deepEqual(JSON.parse(savedReport(report, CIRCUMSTANCES).text).report, report);
});
