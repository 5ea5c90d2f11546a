/** What a person does once so that a browser trusts the service: its certificate, fetched from its page, in a store of the browser's. */

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** @param {URL} address of the service @returns {Promise<Buffer>} its authority's certificate, DER */
export async function authorityOf(address) {
  const answer = await fetch(new URL('/trust/synthwire.crt', address));
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** @param {string} folder @param {Buffer} der @returns {string} a home folder where Chromium finds it among its user's authorities */
export function trustingHome(folder, der) {
  const home = mkdtempSync(join(folder, 'home-'));
  trustIn(join(home, '.pki', 'nssdb'), der);
  return home;
}

/** @param {string} database Chromium's or Firefox's @param {Buffer} der */
export function trustIn(database, der) {
  mkdirSync(database, { recursive: true });
  const file = join(database, 'authority.crt');
  writeFileSync(file, der);
  const certutil = (/** @type {string[]} */ ...words) => {
    const done = spawnSync('certutil', ['-d', `sql:${database}`, ...words], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`certutil ${words.join(' ')}: ${done.stderr}`);
  };
  certutil('-N', '--empty-password');
  certutil('-A', '-n', 'Synthwire', '-t', 'C,,', '-i', file); // trusted to vouch for web servers
}
