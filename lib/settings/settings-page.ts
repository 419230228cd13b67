import { SETTINGS, type SettingKind, type SettingRow } from './settings-table.ts'

/** The page docs/settings.md, made from the settings table. */
export function settingsPage(): string {
  const rows = (Object.entries(SETTINGS) as [string, SettingRow][]).map(
    ([name, { reference, kind, default: standard, meaning }]) =>
      `| \`${name}\` | ${standard} | ${range(kind)} | ${reference === null ? '' : `\`${reference}\``} | ${meaning} |`,
  )
  return [
    '# Settings',
    '',
    'Given as `UtxoStore.open(url, { settings: { … } })`, under their own name or the reference system’s. Unknown',
    'names and values outside their range are refused. Durations are milliseconds, heights are blocks.',
    '',
    'This page is made from the settings table by `npm run build && node scripts/settings-page.js`.',
    '',
    '| name | default | range | name in the reference | meaning |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function range(kind: SettingKind): string {
  if (kind.type === 'boolean') return 'true, false'
  if (kind.type === 'text') return `up to ${kind.bytesMax} bytes`
  if (kind.type === 'number' && kind.takesNaN === true) return `${kind.minimum} … ${kind.maximum}, NaN`
  if (kind.type !== 'choice') return `${kind.minimum} … ${kind.maximum}`
  const choices = kind.of.join(', ')
  return kind.takesBoolean === true ? `${choices}; true is on, false is off` : choices
}
