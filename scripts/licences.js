// Writes docs/licences.md, the licences of what an installation brings along: node scripts/licences.js
// With --check it only tells whether the page is current, and fails for a licence that nobody has looked at.
// From package-lock.json; where a package tells its licence in the old form only, from its package.json.
import { readFileSync, writeFileSync } from 'node:fs'

const root = new URL('..', import.meta.url)
const page = new URL('docs/licences.md', root)

/** Looked at: all of them let their packages be used and passed on with their notices. */
const LOOKED_AT = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC-BY-3.0',
  'CC0-1.0',
  'ISC',
  'MIT',
])

const readJson = path => JSON.parse(readFileSync(new URL(path, root), 'utf8'))
const own = readJson('package.json')
const lock = readJson('package-lock.json')

function licenceOf(path, entry) {
  if (typeof entry.license === 'string') return entry.license
  const { license, licenses = [] } = readJson(`${path}/package.json`)
  return license?.type ?? license ?? (licenses.map(each => each.type).join(' OR ') || 'not told')
}

/** One entry for each version of each package that is installed with this one. */
function installed() {
  const found = new Map()
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || entry.dev || entry.devOptional) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    found.set(`${name}@${entry.version}`, {
      name,
      version: entry.version,
      licence: licenceOf(path, entry),
      isDirect: path === `node_modules/${name}` && name in own.dependencies,
    })
  }
  const order = (a, b) => (a < b ? -1 : Number(a > b))
  return [...found.values()].sort((a, b) => order(a.name, b.name) || order(a.version, b.version))
}

function row({ name, version, licence }) {
  return `| ${name} | ${version} | ${licence} |`
}

function render(packages) {
  const byLicence = group(packages)
  const counts = [...byLicence].sort(([, a], [, b]) => b.length - a.length)
  const head = ['| package | version | licence |', '|---|---|---|']
  return [
    '# Licences',
    '',
    `This package is under ${own.license} ([LICENSE](../LICENSE)). Installing it installs ${packages.length} others, in the versions of`,
    'package-lock.json or later ones; it contains none of them. Tools of this repository, and the optional',
    `${Object.keys(own.peerDependencies).join(', ')}, are not among them.`,
    '',
    'This page is made by `node scripts/licences.js`.',
    '',
    counts.map(([licence, { length }]) => `${licence}: ${length}`).join(' · '),
    '',
    '## What it depends on itself',
    '',
    ...head,
    ...packages.filter(({ isDirect }) => isDirect).map(row),
    '',
    '## What those bring along',
    '',
    'Most of it belongs to the build tools that the npm client lists as its dependencies.',
    '',
    ...head,
    ...packages.filter(({ isDirect }) => !isDirect).map(row),
    '',
  ].join('\n')
}

function group(packages) {
  const groups = new Map()
  for (const each of packages) groups.set(each.licence, [...(groups.get(each.licence) ?? []), each])
  return groups
}

const packages = installed()
const text = render(packages)
const unknown = packages.filter(({ licence }) => !LOOKED_AT.has(licence))
for (const each of unknown) console.error(`${each.name} ${each.version}: licence ${each.licence}`)
if (unknown.length > 0) process.exitCode = 1
if (!process.argv.includes('--check')) writeFileSync(page, text)
else if (readFileSync(page, 'utf8') !== text) {
  console.error('docs/licences.md is not current: run node scripts/licences.js')
  process.exitCode = 1
}
