import { describe, expect, it } from '@jest/globals'
import { resolveSettings, SETTINGS, type SettingsInput } from '../../lib/settings/index.ts'
import type { SettingRow } from '../../lib/settings/settings-table.ts'
import { otherValue } from './other-value.ts'

const rows: [string, SettingRow][] = Object.entries(SETTINGS)

function valuesOutside({ kind }: SettingRow): unknown[] {
  if (kind.type === 'choice') return ['', 'none', 1, null, ...(kind.takesBoolean === true ? [] : [true])]
  if (kind.type === 'boolean') return ['true', 1, 0, null]
  if (kind.type === 'text') return ['', 'a b', 'x'.repeat(kind.bytesMax + 1), 1, null]
  const outside = [kind.minimum - 1, kind.maximum + 1, '5', null]
  if (kind.type !== 'number') return [...outside, Number.NaN, 1.5]
  return kind.takesNaN === true ? outside : [...outside, Number.NaN]
}

describe('resolveSettings', () => {
  it.each(rows)('%s has a default that passes its own check', (name, row) => {
    expect(resolveSettings({ [name]: row.default } as SettingsInput)).toEqual(resolveSettings())
  })

  it.each(rows.filter(([, row]) => row.reference !== null))(
    '%s is taken under the name of the reference, too',
    (name, row) => {
      const value = otherValue(row)
      const settings = resolveSettings({ [row.reference as string]: value } as SettingsInput)
      expect(settings[name as keyof typeof settings]).toBe(value)
    },
  )

  it.each(rows)('%s refuses what is out of its range, naming itself and the value', (name, row) => {
    const outside = valuesOutside(row)
    for (const value of outside) {
      expect(() => resolveSettings({ [name]: value } as SettingsInput)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', field: `settings.${name}` }),
      )
    }
  })

  it.each([
    ['enableSpendFilterExpressions', 'enableSpendFilterExpressions'],
    ['aerospike_enable_spend_filter_expressions', 'enableSpendFilterExpressions'],
    ['aerospike_enable_setmined_filter_expressions', 'enableSetMinedFilterExpressions'],
  ] as const)('%s takes booleans, as the reference has them', (given, name) => {
    const chosen = (value: boolean) => resolveSettings({ [given]: value } as SettingsInput)[name]
    expect([chosen(true), chosen(false)]).toEqual(['on', 'off'])
  })

  it('refuses an unknown name and suggests a near one', () => {
    expect(() => resolveSettings({ getBatchSize: 1 } as SettingsInput)).toThrow(
      /settings\.getBatchSize must be a known setting \(did you mean getBatcherSize/,
    )
  })

  it('refuses a setting that is given under both of its names', () => {
    expect(() => resolveSettings({ getBatcherSize: 1, utxostore_getBatcherSize: 1 })).toThrow(/given once/)
  })

  it.each(['store', 'get', 'spend', 'outpoint', 'increment', 'setDAH', 'locked'])(
    'refuses drain mode together with ticks for the %s batcher (semantics 4.1)',
    pool => {
      const drain = { [`${pool}BatcherDrainMode`]: true }
      const tick = { [`${pool}BatcherTickerIntervalMillis`]: 5 }
      expect(() => resolveSettings({ ...drain, ...tick } as SettingsInput)).toThrow(
        expect.objectContaining({ field: `settings.${pool}BatcherTickerIntervalMillis` }),
      )
      expect(() => resolveSettings(drain as SettingsInput)).not.toThrow()
      expect(() => resolveSettings(tick as SettingsInput)).not.toThrow()
    },
  )

  it('takes undefined for absent', () => {
    expect(resolveSettings({ getBatcherSize: undefined } as unknown as SettingsInput).getBatcherSize).toBe(1)
  })
})
