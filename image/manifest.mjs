// Lists the contents of the image from Debian's own files: names, versions and licences of the packages, and the crates in the
// program.
//
// node image/manifest.mjs SYSTEM UNPACKED NAME SECONDS PACKAGES SPDX <(cargo metadata)
// In: the system's file tree, the folder of unpacked packages, the image's name and date, cargo's metadata on the standard
// input. Out: a table (name, version, licences) and an SPDX 2.3 document. The same input gives the same bytes.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

const [system, unpacked, image, seconds, tableFile, spdxFile] = process.argv.slice(2);

/** The fields of one control paragraph. @param {string} text */
const fields = (text) => new Map([...text.matchAll(/^([A-Za-z-]+): *(.*)$/gm)].map(([, key, value]) => [key, value]));

/** Short licence names from a machine-readable copyright file; the whole file if it is prose. @param {string} name */
function licencesOf(name) {
    const file = [`${system}/usr/share/doc/${name}/copyright`, `${unpacked}/tree/usr/share/doc/${name}/copyright`].find(existsSync);
    if (!file) return [];
    const names = [...readFileSync(file, 'latin1').matchAll(/^License: *(\S.*)$/gm)].map(([, value]) => value.trim());
    return names.length > 0 ? [...new Set(names)].sort() : [`see /usr/share/doc/${name}/copyright`];
}

const paragraphs = [
    ...readFileSync(`${system}/var/lib/dpkg/status`, 'utf8').split(/\n\n+/),
    ...readdirSync(`${unpacked}/control`).filter((name) => !name.endsWith('.list'))
        .map((name) => readFileSync(`${unpacked}/control/${name}`, 'utf8')),
].filter((text) => text.trim() !== '').map(fields);

/** The source from which a package was built. @param {Map<string, string>} about */
const sourceOf = (about) => (about.get('Source') ?? about.get('Package') ?? '').split(' ')[0];

/** A package's licences. If its folder only points to that of another package of the same source, those of that package.
 * @param {Map<string, string>} about */
function licences(about) {
    const own = licencesOf(about.get('Package') ?? '');
    if (own.length > 0) return own;
    const siblings = paragraphs.filter((other) => sourceOf(other) === sourceOf(about)).map((other) => licencesOf(other.get('Package') ?? ''));
    return siblings.find((names) => names.length > 0) ?? [];
}

const packages = paragraphs.map((about) => {
    const name = about.get('Package') ?? '';
    return {
        name, version: about.get('Version') ?? '', architecture: about.get('Architecture') ?? '', licences: licences(about),
        purl: `pkg:deb/debian/${name}@${encodeURIComponent(about.get('Version') ?? '')}?arch=${about.get('Architecture')}`,
    };
}).sort((one, other) => (one.name < other.name ? -1 : 1));

const crates = JSON.parse(readFileSync(0, 'utf8')).packages
    .filter((/** @type {any} */ crate) => crate.source)
    .map((/** @type {any} */ crate) => ({
        name: crate.name, version: crate.version, architecture: 'rust', licences: crate.license ? [crate.license] : [],
        purl: `pkg:cargo/${crate.name}@${crate.version}`,
    })).sort((/** @type {any} */ one, /** @type {any} */ other) => (one.purl < other.purl ? -1 : 1));

const all = [...packages, ...crates];
const missing = all.filter((part) => part.licences.length === 0).map((part) => part.name);
if (missing.length > 0) throw new Error(`no licence is known of: ${missing.join(', ')}`);

writeFileSync(tableFile, all.map((part) => `${part.name}\t${part.version}\t${part.architecture}\t${part.licences.join(', ')}\n`).join(''));

/** SPDX identifiers allow only certain characters. @param {string} kind @param {{name: string, version: string}} part */
const identifier = (kind, part) => `SPDXRef-${kind}-${`${part.name}-${part.version}`.replace(/[^A-Za-z0-9.-]/g, '-')}`;
const digest = createHash('sha256').update(readFileSync(tableFile)).digest('hex');
const root = 'SPDXRef-Image';
const described = all.map((part) => ({
    SPDXID: identifier(part.architecture === 'rust' ? 'Crate' : 'Package', part),
    name: part.name, versionInfo: part.version, downloadLocation: 'NOASSERTION', filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    // Crates state SPDX expressions. Debian's short names are not SPDX's, so they go unchanged into the comment.
    licenseDeclared: part.architecture === 'rust' ? part.licences[0].replaceAll('/', ' OR ') : 'NOASSERTION',
    licenseComments: part.licences.join(', '), copyrightText: 'NOASSERTION',
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: part.purl }],
}));
writeFileSync(spdxFile, `${JSON.stringify({
    spdxVersion: 'SPDX-2.3', dataLicense: 'CC0-1.0', SPDXID: 'SPDXRef-DOCUMENT', name: image,
    documentNamespace: `https://synthwire.invalid/spdx/${image}-${digest.slice(0, 16)}`,
    creationInfo: { created: new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z'), creators: ['Tool: synthwire image/manifest.mjs'] },
    packages: [{
        SPDXID: root, name: image, downloadLocation: 'NOASSERTION', filesAnalyzed: false, licenseConcluded: 'NOASSERTION',
        licenseDeclared: 'NOASSERTION', copyrightText: 'NOASSERTION',
    }, ...described],
    relationships: [
        { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: root },
        ...described.map((part) => ({ spdxElementId: root, relationshipType: 'CONTAINS', relatedSpdxElement: part.SPDXID })),
    ],
}, undefined, 1)}\n`);
