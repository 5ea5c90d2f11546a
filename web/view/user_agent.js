/**
 * The browser and the system that a user agent names.
 *
 * In: a user agent. Out: a name that users recognise, and the main version if the user agent tells it. Pure.
 */

/** @typedef {{name: string, version: string}} Named version: '' if the user agent does not tell it */

/** The more specific ones first, because every Chrome calls itself Safari as well. @type {readonly [RegExp, string][]} */
const BROWSERS = [
  [/\bEdg(?:A|iOS)?\/(\d{1,4})?/, 'Edge'],
  [/\bSamsungBrowser\/(\d{1,4})?/, 'Samsung Internet'],
  [/\b(?:OPR|Opera)\/(\d{1,4})?/, 'Opera'],
  [/\b(?:Firefox|FxiOS)\/(\d{1,4})?/, 'Firefox'],
  [/(?:Chrome|Chromium|CriOS)\/(\d{1,4})?/, 'Chrome'],
  [/(?:\bVersion\/(\d{1,4})[\d.]* (?:Mobile\/\w{1,8} )?)?\bSafari\//, 'Safari'],
];

/** An iPhone's user agent names the device before the version. @type {readonly [RegExp, string][]} */
const SYSTEMS = [
  [/\biPhone\b(?:.*?\biPhone OS (\d{1,3}))?/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b(?: (\d{1,3}))?/, 'Android'],
  [/\bWindows\b(?: NT (\d{1,3}))?/, 'Windows'],
  [/\bMac OS X\b(?: (\d{1,3}))?/, 'Mac'],
  [/\bCrOS\b/, 'Chromebook'],
  [/\bLinux\b/, 'Linux'],
];

/** @param {readonly [RegExp, string][]} list @param {string} agent @returns {Named[]} none or one */
function named(list, agent) {
  for (const [pattern, name] of list) {
    const found = pattern.exec(agent);
    if (found) return [{ name, version: found[1] ?? '' }];
  }
  return [];
}

/** @param {string} agent @returns {Named[]} the browser and the system, as far as they are known */
export function programs(agent) {
  return [BROWSERS, SYSTEMS].flatMap((list) => named(list, agent));
}
