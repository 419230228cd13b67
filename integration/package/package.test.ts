import { execFile } from 'node:child_process'
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NAME = 'aerospike-utxo-store'

interface Manifest {
  readonly name: string
  readonly type: string
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

/** A project that has nothing but the packed package, and what its package.json asks for. */
let project: string
let files: string[]
let manifest: Manifest

const inPackage = (path: string): string => join(project, 'node_modules', NAME, path)

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'packed-'))
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--silent', '--pack-destination', project],
    { cwd: ROOT, maxBuffer: 1 << 26 },
  )
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
  files = packed?.files.map(({ path }) => path) ?? []
  await mkdir(inPackage('.'), { recursive: true })
  await run('tar', [
    '-xzf',
    join(project, packed?.filename ?? ''),
    '--strip-components=1',
    '-C',
    inPackage('.'),
  ])
  manifest = JSON.parse(await readFile(inPackage('package.json'), 'utf8')) as Manifest
  for (const dependency of Object.keys(manifest.dependencies)) await provide(dependency)
  await writeFile(join(project, 'package.json'), '{ "private": true }\n')
})

afterAll(async () => {
  await rm(project, { recursive: true, force: true })
})

/** As `npm install` would, but from this repository's node_modules, so that no registry is needed. */
async function provide(dependency: string): Promise<void> {
  const link = join(project, 'node_modules', dependency)
  await mkdir(dirname(link), { recursive: true })
  await symlink(join(ROOT, 'node_modules', dependency), link)
}

async function inProject(file: string, text: string): Promise<string> {
  await writeFile(join(project, file), text)
  const { stdout } = await run(process.execPath, [file], { cwd: project })
  return stdout
}

describe('the packed package', () => {
  it('has what a user needs, and nothing else', async () => {
    const kinds =
      /^(dist\/.+\.(js|d\.ts)|lua\/.+\.(lua|json)|docs\/.+|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/
    expect(files.filter(path => !kinds.test(path))).toEqual([])
    expect(files.filter(path => /\.test\.|fixtures|\.tsbuildinfo/.test(path))).toEqual([])
    expect(files).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'LICENSE', 'package.json']))
    // What was built from a source that is gone, or of a source that was not built.
    const sources = (await readdir(join(ROOT, 'lib'), { recursive: true })).filter(path =>
      path.endsWith('.ts'),
    )
    const built = (end: string): string[] =>
      files
        .filter(path => path.startsWith('dist/') && path.endsWith(end))
        .map(path => `${path.slice('dist/'.length, -end.length)}.ts`)
        .sort()
    expect(built('.js')).toEqual(sources.sort())
    expect(built('.d.ts')).toEqual(sources.sort())
  })

  it('has every module that its entry points, its command and the server-side code need', async () => {
    const targets = [
      ...Object.values(manifest.exports).flatMap(target =>
        typeof target === 'string' ? [target] : Object.values(target),
      ),
      ...Object.values(manifest.bin),
    ].map(path => path.replace(/^\.\//, ''))
    expect(targets.length).toBeGreaterThan(5)
    expect(targets.filter(path => !files.includes(path))).toEqual([])
    const lua = (await readdir(join(ROOT, 'lua'), { recursive: true })).filter(path => path.endsWith('.lua'))
    expect(lua.filter(path => !files.includes(`lua/${path}`))).toEqual([])
  })

  it('has the pages that its README links to', async () => {
    const readme = await readFile(inPackage('README.md'), 'utf8')
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => path)
    const pages = [...new Set(links)].filter(path => path.startsWith('docs/'))
    expect(pages.length).toBeGreaterThan(0)
    for (const page of pages) await access(inPackage(page))
  })
})

describe('in an empty project', () => {
  it('every entry point can be imported, from ESM and from CommonJS', async () => {
    const entries = Object.keys(manifest.exports).filter(entry => !entry.endsWith('.json'))
    const specifiers = JSON.stringify(entries.map(entry => `${NAME}${entry.slice(1)}`))
    const print = 'names.map(name => Object.keys(name).length > 0)'
    const esm = `const names = await Promise.all(${specifiers}.map(each => import(each)))\nconsole.log(${print})\n`
    const cjs = `Promise.all(${specifiers}.map(each => import(each))).then(names => console.log(${print}))\n`
    const expected = `[ ${entries.map(() => 'true').join(', ')} ]\n`
    expect(await inProject('entries.mjs', esm)).toBe(expected)
    expect(await inProject('entries.cjs', cjs)).toBe(expected)
  })

  it('the command runs', async () => {
    const bin = inPackage(manifest.bin['utxo-store'] ?? '')
    const { stdout } = await run(process.execPath, [bin, 'doctor', '--store', 'embedded:?set=packed'], {
      cwd: project,
    })
    expect(stdout).toMatch(/0 failures\n$/)
    expect(await readFile(bin, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  it('the README’s quick start prints what the README says, from ESM and from CommonJS', async () => {
    const { code, printed } = quickStart(await readFile(inPackage('README.md'), 'utf8'))
    expect(await inProject('quickstart.mjs', code)).toBe(printed)
    const imports = /^import (\{[^}]+\}) from ('[^']+')$/gm
    const required = code.replace(imports, 'const $1 = await import($2)')
    expect(required).not.toBe(code)
    expect(await inProject('quickstart.cjs', `(async () => {\n${required}\n})()\n`)).toBe(printed)
  })

  it('its types satisfy a strict compiler that checks libraries too', async () => {
    for (const tool of ['typescript', '@types/node']) await provide(tool)
    await copyFile(new URL('public-types.ts', import.meta.url), join(project, 'public-types.mts'))
    await writeFile(
      join(project, 'from-commonjs.cts'),
      `export async function open(url: string): Promise<number> {
  const { UtxoStore } = await import('${NAME}')
  await using store = await UtxoStore.open(url)
  return store.blockState.height
}
`,
    )
    const options = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      module: 'NodeNext',
      target: 'ES2023',
      lib: ['ES2023', 'ESNext.Disposable'],
      types: ['node'],
    }
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['public-types.mts', 'from-commonjs.cts'] }),
    )
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    const compiled = await run(process.execPath, [tsc, '-p', project], { cwd: project }).catch(
      (failed: { stdout: string }) => failed,
    )
    expect(compiled.stdout).toBe('')
  })
})

/** The program under the heading, and what the text says that it prints. */
function quickStart(readme: string): { code: string; printed: string } {
  const [, section = ''] = readme.split('\n## Quick start\n')
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(section) ?? []
  const [, printed = ''] = /It prints:\n\n```\n([\s\S]*?)```/.exec(section) ?? []
  return { code, printed }
}

it('docs/licences.md is current, and every licence has been looked at', async () => {
  const checked = await run(process.execPath, ['scripts/licences.js', '--check'], { cwd: ROOT }).catch(
    (failed: { stderr: string }) => failed,
  )
  expect(checked.stderr).toBe('')
})
