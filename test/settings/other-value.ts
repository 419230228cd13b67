import type { SettingRow } from '../../lib/settings/settings-table.ts'

/** A valid value that is not the default. */
export function otherValue({ kind, default: standard }: SettingRow): number | string | boolean {
  if (kind.type === 'boolean') return !standard
  if (kind.type === 'choice') {
    const other = kind.of.find(choice => choice !== standard)
    if (other === undefined) throw new Error('a choice of one is no setting')
    return other
  }
  if (kind.type === 'text') return `${standard}_other`
  return standard === kind.minimum + 1 ? kind.minimum + 2 : kind.minimum + 1
}
