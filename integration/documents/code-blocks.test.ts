import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { codeBlocks, ROOT, readPages } from './markdown.ts'

const run = promisify(execFile)
const TSC = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc')

/** A project of a user: the package and what it may be used with in node_modules, and nothing else. */
let project: string

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'utxo-store-documents-'))
  await mkdir(join(project, 'node_modules'))
  await symlink(ROOT, join(project, 'node_modules/aerospike-utxo-store'))
  for (const name of await readdir(join(ROOT, 'node_modules')))
    if (!name.startsWith('.'))
      await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name))
})

afterAll(() => rm(project, { recursive: true, force: true }))

it('every block of ts and js compiles against the built types, in strict mode', async () => {
  const sources = await writeSources()
  await writeGlobals()
  await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }))
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }))
  const { stdout } = await run(process.execPath, [TSC, '-p', project], { cwd: project }).catch(
    (failure: { stdout: string }) => failure,
  )
  expect(
    stdout
      .split('\n')
      .filter(line => line !== '')
      .map(inPage),
  ).toEqual([])
  // Of this very project: an extraction that finds nothing would compile, too.
  expect(sources).toBeGreaterThan(5)
})

it('the quick start of README prints what README says', async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const [code, printed] = codeBlocks(readme.slice(readme.indexOf('## Quick start')))
  await writeFile(join(project, 'quickstart.mjs'), code?.code ?? '')
  const { stdout } = await run(process.execPath, ['quickstart.mjs'], { cwd: project, timeout: 50_000 })
  expect(stdout.trimEnd()).toBe(printed?.code)
})

const COMPILER_OPTIONS = {
  module: 'NodeNext',
  target: 'ES2023',
  lib: ['ES2023', 'ESNext.Disposable'],
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
}

/** Each block is a module, on the lines that it has in its page. Returns how many there are. */
async function writeSources(): Promise<number> {
  let count = 0
  for (const { path, text } of await readPages()) {
    for (const { language, code, line } of codeBlocks(text)) {
      if (language !== 'ts' && language !== 'js') continue
      count += 1
      const name = `${path.replaceAll('/', '__')}-${line}.ts`
      await writeFile(join(project, name), `${'\n'.repeat(line - 1)}${code}\nexport {}\n`)
    }
  }
  return count
}

/** The names of the prelude, as globals: a block that declares one of them itself hides it. */
async function writeGlobals(): Promise<void> {
  const prelude = await readFile(new URL('prelude.ts', import.meta.url), 'utf8')
  const names = [...prelude.matchAll(/^export declare (?:const|function) (\w+)/gm)].map(([, name]) => name)
  const globals = names.map(name => `  const ${name}: typeof prelude.${name}`).join('\n')
  await writeFile(join(project, 'prelude.ts'), prelude)
  await writeFile(
    join(project, 'globals.d.ts'),
    `import type * as prelude from './prelude.ts'\ndeclare global {\n${globals}\n}\n`,
  )
}

/** `docs__x.md-12.ts(14,3): error …` as `docs/x.md:14: error …`. */
function inPage(line: string): string {
  return line.replace(
    /^(\S+\.md)-\d+\.ts\((\d+),\d+\)/,
    (_, name: string, at: string) => `${name.replaceAll('__', '/')}:${at}`,
  )
}
