// Tests what packages.sh does when apt refuses. It uses its own apt with packages made here, and does not touch this machine's
// packages.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

const run = (program, ...words) => execFileSync(program, words, { encoding: 'utf8' });
const folder = mkdtempSync(join(tmpdir(), 'synthwire-packages-'));
after(() => rmSync(folder, { recursive: true }));
const architecture = run('dpkg', '--print-architecture').trim();
const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Makes a package with `files`, copied from the same paths on this machine. @returns its paragraph of a Packages file */
function make(suite, name, version, relations, files = {}) {
    const tree = join(folder, 'tree');
    rmSync(tree, { recursive: true, force: true });
    for (const [to, from] of Object.entries(files)) {
        mkdirSync(dirname(join(tree, to)), { recursive: true });
        cpSync(from, join(tree, to), { dereference: true });
    }
    const head = `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\nMaintainer: test <test@example.org>\nDescription: test\n${relations}`;
    mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
    writeFileSync(join(tree, 'DEBIAN/control'), head);
    const file = join(folder, suite, `${name}_${version}_${architecture}.deb`);
    mkdirSync(dirname(file), { recursive: true });
    run('dpkg-deb', '--root-owner-group', '--build', tree, file);
    return `${head}Filename: ${name}_${version}_${architecture}.deb\nSize: ${statSync(file).size}\nSHA256: ${sha256(file)}\n\n`;
}

/** Writes a suite that apt can read. */
function publish(suite, release, packages) {
    const list = join(folder, suite, 'Packages');
    writeFileSync(list, packages);
    writeFileSync(join(folder, suite, 'Release'), `Codename: ${suite}\n${release}Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n ${sha256(list)} ${statSync(list).size} Packages\n`);
    bash('apt-get --quiet=2 update');
}

/** A program with its own loader and C library, as the dependencies of a package install them. */
const program = '/usr/bin/printf';
const libraries = run('ldd', program).match(/\/\S+/g).map((path) => [`/lib/here-linux-gnu/${path.split('/').pop()}`, path]);

/** Makes version `version` of the program as in the stable suite. */
const stable = (version) =>
    publish('stable', '', make('stable', 'tool', version, `Depends: tool-library (= ${version})\n`, { '/usr/bin/tool': program })
        + make('stable', 'tool-library', version, '', Object.fromEntries(libraries)));

function bash(script) {
    const { status, stdout, stderr } = spawnSync('bash', ['-c', `set -euo pipefail; . scripts/unpacked.sh; ${script}`], {
        encoding: 'utf8',
        env: { ...process.env, APT_CONFIG: join(folder, 'apt.conf'), CARGO_TARGET_DIR: join(folder, 'target') },
    });
    return { status, said: stdout + stderr };
}

for (const path of ['etc/apt.conf.d', 'etc/preferences.d', 'etc/trusted.gpg.d', 'state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, path), { recursive: true });
}
writeFileSync(join(folder, 'etc/sources.list'), ['stable', 'backports'].map((suite) => `deb [trusted=yes] file:${folder}/${suite} ./\n`).join(''));
writeFileSync(join(folder, 'apt.conf'), `Dir::Etc "${folder}/etc";\nDir::State "${folder}/state";\nDir::State::status "${folder}/status";
Dir::Cache "${folder}/cache";\nAPT::Architecture "${architecture}";\nAPT::Architectures { "${architecture}"; };\nAPT::Sandbox::User "root";\n`);
// The conflicting package, which was installed from another suite.
const installed = `Package: tool-utils\nStatus: install ok installed\nVersion: 2.0~bpo\nArchitecture: ${architecture}
Maintainer: test <test@example.org>\nDescription: test\nBreaks: tool (<< 2.0~)\n`;
writeFileSync(join(folder, 'status'), installed);
mkdirSync(join(folder, 'backports'));
publish('backports', 'NotAutomatic: yes\n', '');

test('a program that apt refuses to install runs from its own tree, with its own loader and libraries', () => {
    stable('1.0');
    assert.equal(bash('apt_plan tool-library').status, 0);
    const plan = bash('apt_plan tool');
    assert.notEqual(plan.status, 0, plan.said);
    assert.notEqual(bash('suite_that_fits tool').status, 0);
    const unpacked = bash('unpack tool');
    assert.equal(unpacked.status, 0, unpacked.said);
    assert.equal(bash('tool "%s-" a "b c"').said, 'a-b c-');
    assert.match(readFileSync(join(folder, 'target/unpacked/bin/tool'), 'utf8'), /tree\/lib\/here-linux-gnu\/ld-/);
    assert.equal(readFileSync(join(folder, 'status'), 'utf8'), installed, 'nothing was installed or removed');
});

test('the tree is of one moment: where a package of it is newer, it is made anew', () => {
    writeFileSync(join(folder, 'target/unpacked/tree/of-before'), '');
    assert.equal(bash('unpack tool').status, 0);
    assert.ok(statSync(join(folder, 'target/unpacked/tree/of-before')), 'nothing is newer');
    stable('1.1');
    assert.equal(bash('unpack tool').status, 0);
    assert.throws(() => statSync(join(folder, 'target/unpacked/tree/of-before')));
    assert.match(readFileSync(join(folder, 'target/unpacked/packages'), 'utf8'), /^tool-library=1\.1\ntool=1\.1\n$/);
    assert.equal(bash('tool again').said, 'again');
});

test('a suite that apt knows and whose package goes with what is installed is taken instead', () => {
    publish('backports', 'NotAutomatic: yes\n', make('backports', 'tool', '2.0~bpo', '', { '/usr/bin/tool': program }));
    assert.equal(bash('suite_that_fits tool').said, 'backports\n');
});

test('what no suite has is an error, in words of apt', () => {
    const refused = bash('unpack no-such-tool');
    assert.notEqual(refused.status, 0);
    assert.match(refused.said, /Unable to locate package no-such-tool/);
    assert.equal(bash('tool still').said, 'still', 'and what was unpacked stays');
});

test('a package with a daemon is unpacked, also where apt would install it', () => {
    publish('stable', '', make('stable', 'server', '1.0', `Depends: server-library\n`, { '/usr/sbin/server': program })
        + make('stable', 'server-library', '1.0', '', Object.fromEntries(libraries)));
    assert.equal(bash('apt_plan server').status, 0, 'apt would');
    const scripts = join(folder, 'sources/scripts');
    cpSync('scripts', scripts, { recursive: true });
    const script = join(scripts, 'packages.sh');
    writeFileSync(script, readFileSync(script, 'utf8').replace('needs_run() {', "needs_daemon() { need_apart server 'serves' command -v server; }\n$&"));
    // No password is needed, and no apt asks to become root.
    writeFileSync(join(folder, 'sudo'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const { status, stdout, stderr } = spawnSync('bash', [script, 'daemon'], {
        encoding: 'utf8',
        env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, APT_CONFIG: join(folder, 'apt.conf'), CARGO_TARGET_DIR: join(folder, 'target') },
    });
    assert.equal(status, 0, stdout + stderr);
    assert.doesNotMatch(stdout + stderr, /Installing them with apt/);
    assert.equal(bash('server here').said, 'here');
    assert.equal(readFileSync(join(folder, 'status'), 'utf8'), installed, 'nothing was installed or removed');
});
