import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A page of the documents; its path is relative to the repository. */
export interface Page {
  readonly path: string
  readonly text: string
}

export interface CodeBlock {
  readonly language: string
  readonly code: string
  /** Line of the page that the code begins on, from 1. */
  readonly line: number
}

/** The pages that are written or generated here, without those that a tool makes of the docstrings. */
export async function readPages(): Promise<Page[]> {
  const docs = await readdir(`${ROOT}docs`)
  const paths = [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'examples/README.md',
    ...docs.filter(name => name.endsWith('.md')).map(name => `docs/${name}`),
  ]
  return Promise.all(paths.map(async path => ({ path, text: await readFile(`${ROOT}${path}`, 'utf8') })))
}

/** The fenced blocks of a page, in order. */
export function codeBlocks(text: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let open: { language: string; line: number; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(\w*)/.exec(line)
    if (open === undefined) {
      if (fence !== null) open = { language: fence[1] ?? '', line: index + 2, lines: [] }
    } else if (fence === null) open.lines.push(line)
    else {
      blocks.push({ language: open.language, code: open.lines.join('\n'), line: open.line })
      open = undefined
    }
  }
  if (open !== undefined) throw new Error(`the block at line ${open.line} is never closed`)
  return blocks
}

/** A page without its fenced blocks and those indented by four spaces: what is not code. */
export function prose(text: string): string {
  return text.replace(/^```.*?^```$/gms, '').replace(/^ {4}.*$/gm, '')
}

/** The targets of a page's links. */
export function linkTargets(text: string): string[] {
  const withoutCode = prose(text).replace(/`[^`\n]*`/g, 'code')
  return [...withoutCode.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target)
}

/** What a page's headings can be linked by, as GitHub names them. */
export function anchors(text: string): Set<string> {
  const found = new Set<string>()
  for (const [, heading = ''] of prose(text).matchAll(/^#+ (.*)$/gm)) {
    const plain = heading.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, '')
    const anchor = plain.replaceAll(' ', '-')
    let name = anchor
    for (let count = 1; found.has(name); count += 1) name = `${anchor}-${count}`
    found.add(name)
  }
  return found
}
