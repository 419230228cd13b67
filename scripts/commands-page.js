// Writes docs/commands.md from what each command says with --help, so that the page cannot drift:
// npm run build && node scripts/commands-page.js
// With --check it only tells whether the page is current (the integration tests do the same).
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const path = new URL('../docs/commands.md', import.meta.url)

const INTRODUCTION = `# Commands

What each command says with \`--help\`. All take \`--json\` for one document on stdout; progress and logs go to stderr. They exit
with 0 on success, 1 when the job failed, and 2 for wrong usage.

This page is made from the program itself by \`npm run build && node scripts/commands-page.js\`.
`

async function help(...args) {
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args, '--help'])
  return stdout.trimEnd()
}

/** The names that the program lists; `help` is commander's own. */
function namesIn(overview) {
  const [, list = ''] = /^Commands:\n((?: {2}.*\n?)+)/m.exec(overview) ?? []
  return [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name).filter(name => name !== 'help')
}

/** What stands at the end of every command's help, and once on the page. */
function withoutShared(text, shared) {
  return text.replace(shared, '').trimEnd()
}

const overview = await help()
const shared = overview.slice(overview.indexOf('Store URLs:'))
const names = namesIn(overview)
const texts = await Promise.all(names.map(name => help(name)))
const sections = names.map(
  (name, index) => `## ${name}\n\n\`\`\`text\n${withoutShared(texts[index], shared)}\n\`\`\`\n`,
)
const page = [INTRODUCTION, `\`\`\`text\n${overview}\n\`\`\`\n`, ...sections].join('\n')

if (!process.argv.includes('--check')) writeFileSync(path, page)
else if (readFileSync(path, 'utf8') !== page) {
  console.error('docs/commands.md is not current: run npm run build && node scripts/commands-page.js')
  process.exit(1)
}
