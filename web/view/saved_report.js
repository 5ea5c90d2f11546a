/**
 * The report as a file, for somebody who asks for help: every number, and what kind of browser it comes from.
 *
 * In: the report and facts of the browser. Out: a name and JSON text. Nothing in it says where the page or its listener
 * is: no addresses, no names, nothing stored. Pure.
 */

/**
 * @typedef {object} Circumstances
 * @property {number} nowMs since 1970, UTC
 * @property {number} zoneMinutes minutes that local time is ahead of UTC
 * @property {string} pageAddress of one of the page's modules; only its version is taken from it
 * @property {string} userAgent
 * @property {boolean} isolated whether memory may be shared between threads
 * @property {number} cores 0 when unknown
 * @property {string} visibility 'visible' or 'hidden'
 */

/** @param {object} report @param {Circumstances} circumstances @returns {{name: string, text: string}} */
export function savedReport(report, circumstances) {
  const { nowMs, zoneMinutes, pageAddress, userAgent, isolated, cores, visibility } = circumstances;
  const local = new Date(nowMs + zoneMinutes * 60_000).toISOString();
  const saved = {
    saved_at: new Date(nowMs).toISOString(),
    saved_at_ms: Math.round(nowMs),
    zone_minutes: zoneMinutes,
    page_version: pageVersion(pageAddress),
    browser: { user_agent: userAgent, cross_origin_isolated: isolated, cores: cores || null, visibility },
    report,
  };
  return {
    name: `synthwire-report-${local.slice(0, 10)}-${local.slice(11, 19).replaceAll(':', '')}.json`,
    text: `${JSON.stringify(saved, null, 2)}\n`,
  };
}

/** @param {string} address "http://host/v/1a2b3c4d/main.js" @returns {string | null} the stamp the service gave the page's files, null without one */
function pageVersion(address) {
  return /\/v\/([0-9a-f]{8})\//.exec(address)?.[1] ?? null;
}
