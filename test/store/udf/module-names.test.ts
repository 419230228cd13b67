import { describe, expect, it } from '@jest/globals'
import { resolveSettings, type SettingsInput } from '../../../lib/settings/index.ts'
import { ModuleNames } from '../../../lib/store/udf/module-names.ts'
import { bytes32 } from '../support/store-fixture.ts'

const namesWith = (settings: SettingsInput): ModuleNames => new ModuleNames('m', resolveSettings(settings))

describe('names of the UDF module (semantics 2.1)', () => {
  it('is one by default', () => {
    const names = namesWith({})
    expect(names.all).toEqual(['m'])
    expect([names.main, names.setMined, names.forSpendsOf(bytes32(255))]).toEqual(['m', 'm', 'm'])
  })

  it('has one of its own for setMined', () => {
    const names = namesWith({ aerospike_use_separate_udf_mined_module: true })
    expect(names.all).toEqual(['m', 'm_mined'])
    expect([names.main, names.setMined, names.forSpendsOf(bytes32(1))]).toEqual(['m', 'm_mined', 'm'])
  })

  it('spreads spends by the first byte of the txid', () => {
    const names = namesWith({ aerospike_separate_udf_spend_module_count: 2 })
    expect(names.all).toEqual(['m', 'm_0', 'm_1'])
    expect([0, 1, 2, 255].map(first => names.forSpendsOf(bytes32(first)))).toEqual([
      'm_0',
      'm_1',
      'm_0',
      'm_1',
    ])
    expect(names.setMined).toBe('m')
  })

  it('reaches every copy, also the last of the most', () => {
    const names = namesWith({ separateUdfSpendModuleCount: 255 })
    const used = new Set(Array.from({ length: 256 }, (_, first) => names.forSpendsOf(bytes32(first))))
    expect(used.size).toBe(255)
    expect(names.all.length).toBe(256)
  })
})
