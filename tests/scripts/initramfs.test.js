// The programs of the card's initramfs. The image and `make test-update` boot with them, so both take them from one function.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'synthwire-initramfs-'));
after(() => rmSync(folder, { recursive: true }));

test('the first program finds everything it sources, and the signature of the disk', () => {
    execFileSync('bash', ['-euc', '. image/initramfs.sh; initramfs_programs "$1" /bin/true', '-', folder]);
    const init = readFileSync(join(folder, 'init'), 'utf8');
    const sourced = [...init.matchAll(/^\. (\/\S+)/gm)].map(([, path]) => path);
    assert.ok(sourced.length > 0);
    for (const path of sourced) assert.ok(existsSync(join(folder, path)), `${path} is missing`);
    assert.match(init, /= 53594e57 \]/);
});

test('nothing else makes an initramfs of the card', () => {
    const scripts = ['scripts', 'image', 'image/update', 'tools', 'tools/image', 'tests/image'].flatMap((place) =>
        readdirSync(place).filter((name) => name.endsWith('.sh')).map((name) => join(place, name)));
    assert.ok(scripts.includes('scripts/test_update.sh'));
    const copies = scripts.filter((script) => /^[^#\n]*image\/initramfs\//m.test(readFileSync(script, 'utf8')));
    assert.deepEqual(copies, ['image/initramfs.sh']);
});
