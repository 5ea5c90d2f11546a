// The programs that run inside the emulated machines look for messages of the service. Those machines take long and are rarely
// started, so this finds at once an expected message that nobody says any more.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const EXPECTING = [
    ...['update', 'systemd'].map((kind) => `tests/${kind}/proof`),
    ...['proof', 'threads'].map((program) => `tools/image/overlay/test/${program}`),
    ...['image.sh', 'image/machine.sh', 'image/updates.sh', 'image/damage.sh'].map((script) => `tools/${script}`),
];
/** The commands that look for a message, and the message: three words or more, in quotes of either kind. */
const EXPECTED = /(?:refuses \w+|is_told|status_says|log_says|grep (?:-\S+ )+)\s*["']([A-Za-z]+(?: [A-Za-z',]+){2,})["']/g;

/** @returns {string[]} the files in a folder and below */
const files = (folder) => readdirSync(folder).map((name) => join(folder, name)).flatMap((path) => (statSync(path).isDirectory() ? files(path) : [path]));

test('every message that the tests in emulated machines expect is one that is said', () => {
    const said = ['src', 'image/overlay', 'image/initramfs'].flatMap(files).map((file) => readFileSync(file, 'utf8'));
    const expected = EXPECTING.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(EXPECTED)].map(([, text]) => `${file}: ${text}`));
    assert.ok(expected.length >= 6, expected.join('\n'));
    // The code may put a message together from its clauses.
    const isSaid = (line) => line.slice(line.indexOf(': ') + 2).split(', ').every((clause) => said.some((source) => source.includes(clause)));
    assert.deepEqual(expected.filter((line) => !isSaid(line)), []);
});
