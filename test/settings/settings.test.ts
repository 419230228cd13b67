import { describe, expect, it } from '@jest/globals'
import { resolveSettings, SETTINGS, type SettingsInput } from '../../lib/settings/index.ts'

const rows = Object.entries(SETTINGS)

describe('resolveSettings', () => {
  it.each(rows)('%s has a default that passes its own check', (name, row) => {
    expect(resolveSettings({ [name]: row.default } as SettingsInput)).toEqual(resolveSettings())
  })

  it.each(rows.filter(([, row]) => row.reference !== null))(
    '%s is taken under the name of the reference, too',
    (name, row) => {
      const value = row.kind.type === 'choice' ? row.default : row.kind.minimum + 1
      const settings = resolveSettings({ [row.reference as string]: value } as SettingsInput)
      expect(settings[name as keyof typeof settings]).toBe(value)
    },
  )

  it.each(rows)('%s refuses what is out of its range, naming itself and the value', (name, row) => {
    const outside =
      row.kind.type === 'choice'
        ? ['', 'none', 1]
        : [row.kind.minimum - 1, row.kind.maximum + 1, 1.5, '5', null, Number.NaN]
    for (const value of outside) {
      expect(() => resolveSettings({ [name]: value } as SettingsInput)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', field: `settings.${name}` }),
      )
    }
  })

  it('refuses an unknown name and suggests a near one', () => {
    expect(() => resolveSettings({ getBatchSize: 1 } as SettingsInput)).toThrow(
      /settings\.getBatchSize must be a known setting \(did you mean getBatcherSize/,
    )
  })

  it('refuses a setting that is given under both of its names', () => {
    expect(() => resolveSettings({ getBatcherSize: 1, utxostore_getBatcherSize: 1 })).toThrow(/given once/)
  })

  it('takes undefined for absent', () => {
    expect(resolveSettings({ getBatcherSize: undefined } as unknown as SettingsInput).getBatcherSize).toBe(1)
  })
})
