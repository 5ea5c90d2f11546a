// How the image's tests read the data partition of a card whose power was cut (tools/image/updates.sh): a file system in the middle
// of a file, with a journal that has to be replayed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'synthwire-card-state-'));
after(() => rmSync(folder, { recursive: true }));

/** A card of 8 MiB with a journalled file system in its middle. partx would need a whole partition table. */
const CARD = `
    set -euo pipefail
    work=${folder} card=${folder}/card
    . tools/image/updates.sh
    partx() { echo 2048; }
    warn() { echo "$1"; }
    truncate -s 16M "$work/data"
    mke2fs -q -t ext4 -J size=4 "$work/data"
    {
        echo 'mkdir synthwire'
        for name in authority access leaf settings; do
            printf '{"of_tomorrow":1}' >"$work/$name.json"
            echo "write $work/$name.json synthwire/$name.json"
        done
    } | debugfs -w -f - "$work/data" >/dev/null 2>&1
    # A write that is in the journal alone.
    free=$(debugfs -R 'ffb 1 9000' "$work/data" 2>/dev/null | tr -cd 0-9)
    printf '%s\\n' jo "jw -b $free /dev/zero" jc | debugfs -w -f - "$work/data" >/dev/null 2>&1
    dumpe2fs -h "$work/data" 2>/dev/null | grep -q needs_recovery
    truncate -s 20M "$card"
    dd if="$work/data" of="$card" bs=1M seek=1 conv=notrunc status=none
`;
const bash = (script) => spawnSync('bash', ['-c', CARD + script], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });

test('the state of a card is read after a power cut, repaired and put back', () => {
    const said = bash('is_kept "$card"; dd if="$card" of="$work/after" bs=1M skip=1 count=16 status=none; ! dumpe2fs -h "$work/after" 2>/dev/null | grep needs_recovery');
    assert.equal(said.status, 0, said.stdout + said.stderr);
});

test('a file that is not as it was, or was put aside, is said', () => {
    for (const change of ['rm synthwire/leaf.json', 'write /dev/null synthwire/access.json.damaged']) {
        const said = bash(`change() { debugfs -w -R '${change}' "$1" 2>/dev/null; }; with_state "$card" change; is_kept "$card" && exit 9`);
        assert.equal(said.status, 1, said.stdout + said.stderr);
    }
});
