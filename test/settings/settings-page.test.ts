import { readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { settingsPage } from '../../lib/settings/settings-page.ts'

it('docs/settings.md is current: every setting with its default, range and meaning', () => {
  expect(readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8')).toBe(settingsPage())
})
