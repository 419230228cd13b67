import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { LOG_EVENTS } from '../../../lib/store/logging/log-events.ts'

it('every event of the table is logged somewhere; that no other one is, the compiler sees to', () => {
  const folder = new URL('../../../lib/store/', import.meta.url)
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .map(path => readFileSync(new URL(path, folder), 'utf8'))
  const logged = new Set(
    sources.flatMap(text => [...text.matchAll(/\bevent: '(\w+)'/g)].map(match => match[1])),
  )
  expect([...logged].sort()).toEqual(Object.keys(LOG_EVENTS).sort())
})
