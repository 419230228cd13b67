import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { prose, ROOT, readPages } from './markdown.ts'

/** Pages that a script makes are current or fail their own test; and what was true may name what is gone. */
const NOT_BY_HAND = /^(CHANGELOG\.md|docs\/(settings|commands|metrics|licences)\.md)$/

/** Of other systems, or put together from parts in the sources. */
const FOREIGN_NAMES = new Set([
  'batch_sub_write_error',
  'batch_sub_write_filtered_out',
  'client_write',
  'client_udf',
  'entries_per_',
  'getByKeyList',
  'GLIBC_TUNABLES',
  'transparent_hugepage',
])

const pages = (await readPages()).filter(({ path }) => !NOT_BY_HAND.test(path))

describe.each(pages)('what $path names exists', ({ text }) => {
  it('paths of the repository', () => {
    const paths = [...text.matchAll(/(?<![\w/.-])((?:lib|lua|test|integration|bench|scripts)\/[\w./-]*\w)/g)]
    expect(paths.map(([path]) => path).filter(path => !existsSync(join(ROOT, path)))).toEqual([])
  })

  it('npm scripts', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
    const names = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name)
    expect(names.filter(name => !Object.hasOwn(scripts, name))).toEqual([])
  })

  it('calls, settings, metrics, log events, codes and bins', () => {
    const known = wordsOfSources()
    const names = [...prose(text).matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => namesIn(code))
    expect(names.filter(name => !known.has(name) && !FOREIGN_NAMES.has(name))).toEqual([])
  })
})

/** Words that can only be names: of several parts, joined by case or by underscores. */
function namesIn(code: string): string[] {
  return [...code.matchAll(/(?<![\w-])(?:[a-z]+[A-Z]\w*|[a-z]+_\w+|[A-Z]+_[A-Z_]+)\b/g)].map(([name]) => name)
}

let words: Set<string> | undefined

function wordsOfSources(): Set<string> {
  if (words !== undefined) return words
  words = new Set()
  for (const folder of ['lib', 'lua', 'integration', 'docs/aerospike']) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true }) as string[]) {
      if (!/\.(ts|js|lua|conf)$/.test(name)) continue
      for (const [word] of readFileSync(join(ROOT, folder, name), 'utf8').matchAll(/\w+/g)) words.add(word)
    }
  }
  return words
}
