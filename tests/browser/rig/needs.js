/**
 * The programs that the tests need. A missing package makes them fail with its name; no test is skipped.
 */

import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The Debian package that contains each program. */
const PACKAGES = new Map([
  ['pulseaudio', 'pulseaudio'],
  ['pactl', 'pulseaudio-utils'],
  ['parec', 'pulseaudio-utils'],
  ['chromium', 'chromium'],
  ['firefox-esr', 'firefox-esr'],
  ['WebKitWebDriver', 'webkit2gtk-driver'],
  ['Xvfb', 'xvfb'],
  ['certutil', 'libnss3-tools'],
  ['openssl', 'openssl'],
  ['chrt', 'util-linux'],
  ['setpriv', 'util-linux'],
  ['taskset', 'util-linux'],
  ['unshare', 'util-linux'],
]);

/**
 * @param {string[]} programs
 * @throws with the command that installs the missing packages
 */
export function need(...programs) {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = new Set(missing.map((program) => PACKAGES.get(program) ?? program));
  throw new Error(`Not installed: ${missing.join(', ')}. As root: apt install ${[...packages].join(' ')}`);
}

/** @returns {string} the path of WebKitGTK's browser shell, which lies beside its library and is not on the PATH */
export function miniBrowser() {
  for (const folder of ['/usr/lib', '/usr/libexec', ...foldersIn('/usr/lib')]) {
    for (const version of ['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0']) {
      const path = join(folder, version, 'MiniBrowser');
      if (isExecutable(path)) return path;
    }
  }
  throw new Error('Not installed: WebKit\'s MiniBrowser. As root: apt install webkit2gtk-driver libwebkit2gtk-4.1-0');
}

/** @param {string} program @returns {boolean} */
function isInstalled(program) {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

/** @param {string} path @returns {boolean} */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} folder @returns {string[]} */
function foldersIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}
