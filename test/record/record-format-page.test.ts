import { readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { BIN_TABLE } from '../../lib/record/bins.ts'

const page = readFileSync(new URL('../../docs/record-format.md', import.meta.url), 'utf8')

it.each(Object.values(BIN_TABLE))(
  'docs/record-format.md has bin $bin as the table does',
  ({ bin, on, meaning }) => {
    const place = on === 'all' ? 'master and pages' : on
    expect(page).toContain(`| \`${bin}\` | ${place} | ${meaning} |`)
  },
)
