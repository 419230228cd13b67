import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { anchors, linkTargets, type Page, prose, ROOT, readPages } from './markdown.ts'

const pages = await readPages()

it.each(pages)('each link of $path leads somewhere', page => {
  expect(linkTargets(page.text).flatMap(target => brokenLink(page, target))).toEqual([])
})

it('finds links, anchors and prose', () => {
  const text =
    '# Where `it` is: "here"\n[a](b.md#c) and `[no](link)`\n```\n# no heading\n```\n## Twice\n## Twice\n'
  expect(linkTargets(text)).toEqual(['b.md#c'])
  expect([...anchors(text)]).toEqual(['where-it-is-here', 'twice', 'twice-1'])
  expect(prose(text)).not.toContain('no heading')
})

/** What is wrong with a link; nothing where it leads somewhere. Other sites are not asked. */
function brokenLink({ path, text }: Page, target: string): string[] {
  if (/^[a-z]+:/.test(target)) return URL.canParse(target) && /^https?:/.test(target) ? [] : [target]
  const [file = '', anchor] = target.split('#')
  const linked = file === '' ? path : join(path, '..', file)
  if (!existsSync(join(ROOT, linked))) return [`${target}: there is no ${linked}`]
  if (anchor === undefined) return []
  const found = anchors(file === '' ? text : readFileSync(join(ROOT, linked), 'utf8'))
  return found.has(anchor) ? [] : [`${target}: ${linked} has ${[...found].join(', ')}`]
}
