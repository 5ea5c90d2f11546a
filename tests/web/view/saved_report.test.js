import assert from 'node:assert/strict';
import test from 'node:test';

import { savedReport } from '../../../web/view/saved_report.js';

const CIRCUMSTANCES = {
  nowMs: Date.UTC(2025, 0, 2, 23, 30, 5), zoneMinutes: 60, pageAddress: 'https://stage.local:8443/v/1a2b3c4d/main.js',
  userAgent: 'Browser/1', isolated: true, cores: 8, visibility: 'visible',
};

test('the file has the report as it is, and whose browser it was', () => {
  const { name, text } = savedReport({ state: 'playing', ledger: [{ at_ms: 1, cause: 'usb_loss', length_ms: null }] }, CIRCUMSTANCES);
  assert.equal(name, 'synthwire-report-2025-01-03-003005.json');
  assert.deepEqual(JSON.parse(text), {
    saved_at: '2025-01-02T23:30:05.000Z', saved_at_ms: CIRCUMSTANCES.nowMs, zone_minutes: 60, page_version: '1a2b3c4d',
    browser: { user_agent: 'Browser/1', cross_origin_isolated: true, cores: 8, visibility: 'visible' },
    report: { state: 'playing', ledger: [{ at_ms: 1, cause: 'usb_loss', length_ms: null }] },
  });
});

test('of the page\'s address only the version is kept', () => {
  assert.doesNotMatch(savedReport({}, CIRCUMSTANCES).text, /stage|8443|http/);
  const unversioned = JSON.parse(savedReport({}, { ...CIRCUMSTANCES, pageAddress: 'http://127.0.0.1:8080/main.js', cores: 0 }).text);
  assert.deepEqual([unversioned.page_version, unversioned.browser.cores], [null, null]);
});
