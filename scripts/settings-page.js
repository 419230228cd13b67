// Writes docs/settings.md from the settings table, so that the page cannot drift: node scripts/settings-page.js
// With --check it only tells whether the page is current (the unit tests do the same).
import { readFileSync, writeFileSync } from 'node:fs'
import { settingsPage } from '../dist/settings/settings-page.js'

const path = new URL('../docs/settings.md', import.meta.url)
const page = settingsPage()
if (!process.argv.includes('--check')) writeFileSync(path, page)
else if (readFileSync(path, 'utf8') !== page) {
  console.error('docs/settings.md is not current: run node scripts/settings-page.js')
  process.exit(1)
}
