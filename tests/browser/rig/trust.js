/**
 * The steps that a user takes once so that a browser trusts the service: fetch its certificate from its page and put it in the
 * browser's store.
 */

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** @param {URL} address of the service @returns {Promise<Buffer>} the certificate of its authority, DER */
export async function authorityOf(address) {
  const answer = await fetch(new URL('/trust/synthwire.crt', address));
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}

/**
 * @param {string} folder
 * @param {Buffer} der
 * @returns {string} a home folder in which Chromium finds the certificate among the user's authorities
 */
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
  certutil('-A', '-n', 'Synthwire', '-t', 'C,,', '-i', file); // trusted to sign certificates of web servers
}
