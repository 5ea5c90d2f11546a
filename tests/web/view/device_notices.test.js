import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { at, isSeen, openPage } from '../sim/page_elements.js';
import { showDeviceNotices } from '../../../web/view/device_notices.js';

beforeEach(openPage);

const told = () => at('device-notices').children.map(({ textContent }) => textContent);

const POWER = 'The power supply is too weak at this moment: sound may be lost. Use the Raspberry Pi\'s own supply, with its own cable.';
const SETTINGS = 'The settings chosen on this page are lost: settings.json in the state folder is damaged (it is empty).';

test('each notice is an item of its own, by the service\'s own words and in its order', () => {
  showDeviceNotices([POWER, SETTINGS]);
  assert.deepEqual(told(), [POWER, SETTINGS]);
  assert.ok(isSeen('device-notices'));
});

test('where there is nothing to say nothing is shown, and what is over goes', () => {
  showDeviceNotices([]);
  assert.ok(!isSeen('device-notices'));
  showDeviceNotices([POWER, SETTINGS]);
  showDeviceNotices([SETTINGS]);
  assert.deepEqual(told(), [SETTINGS]);
  showDeviceNotices([]);
  assert.deepEqual([told(), isSeen('device-notices')], [[], false]);
});

test('the same notices are not written again: they would be read aloud again', () => {
  showDeviceNotices([POWER, SETTINGS]);
  const before = [...at('device-notices').children];
  showDeviceNotices([POWER, SETTINGS]);
  assert.ok(before.every((item, index) => item === at('device-notices').children[index]));
  showDeviceNotices([SETTINGS, POWER]);
  assert.deepEqual(told(), [SETTINGS, POWER]);
});

test('words from outside are words, whatever they look like', () => {
  showDeviceNotices(['<b>A name</b> of the card']);
  assert.deepEqual(told(), ['<b>A name</b> of the card']);
});
