import { expect, it } from '@jest/globals'
import { AerospikeMetadata, type AerospikeMetadataOptions } from '../../lib/metadata/aerospike-metadata.ts'

const transport = { batchOperate: () => Promise.reject(new Error('nothing is to be sent')) }

const metadataWith = (options: object): AerospikeMetadata =>
  new AerospikeMetadata({ transport, set: 'metadata', ...options } as AerospikeMetadataOptions)

it.each([
  ['set', undefined],
  ['set', ''],
  ['set', 'é'.repeat(32)],
  ['record', ''],
  ['record', 7],
  ['record', 'r'.repeat(1_025)],
  ['timeoutMs', 0],
  ['timeoutMs', 1.5],
  ['timeoutMs', Number.NaN],
  ['timeoutMs', '5000'],
  ['timeoutMs', 2 ** 31],
])('refuses %s %p', (field, value) => {
  expect(() => metadataWith({ [field]: value })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
  )
})

it('takes what is in range', () => {
  for (const options of [{ set: 's'.repeat(63) }, { record: 'other' }, { timeoutMs: 1 }])
    expect(() => metadataWith(options)).not.toThrow()
})
