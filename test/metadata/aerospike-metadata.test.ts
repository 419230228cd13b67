import { describe, expect, it, jest } from '@jest/globals'
import { AerospikeMetadata, type AerospikeMetadataOptions } from '../../lib/metadata/aerospike-metadata.ts'
import { CoalescingMetadata } from '../../lib/metadata/coalescing-metadata.ts'
import type { MetadataBatch } from '../../lib/metadata/metadata-store.ts'
import { RESULT_CODES, type RowAnswer, type Transport } from '../../lib/transport/index.ts'

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

it.each<[string, unknown]>([
  ['batch', null],
  ['batch', 5],
  ['batch.puts', { puts: {}, deletes: [] }],
  ['batch.puts', { deletes: [] }],
  ['batch.deletes', { puts: new Map(), deletes: 'abc' }],
  ['batch.deletes', { puts: new Map() }],
])('refuses a wrong %s: %j', async (field, batch) => {
  const base = metadataWith({})
  for (const metadata of [base, new CoalescingMetadata(base, { logger: { error() {} } })])
    await expect(metadata.batchMetadata(batch as MetadataBatch)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field,
    })
})

const UNKEPT = [
  '',
  'é'.repeat(129),
  'a\0b',
  '\0',
  '__proto__',
  '\ud800',
  'a\udc00b',
  '\udc00\ud800',
  7,
  undefined,
]

describe.each(UNKEPT)('the key %p', given => {
  const key = given as string
  it.each<[string, (metadata: AerospikeMetadata) => Promise<unknown>]>([
    ['reading', metadata => metadata.getMetadata(key)],
    ['writing', metadata => metadata.setMetadata(key, new Uint8Array(1))],
    ['deleting', metadata => metadata.deleteMetadata(key)],
    ['a batch', metadata => metadata.batchMetadata({ puts: new Map(), deletes: ['good', key] })],
  ])('is refused for %s', async (_name, call) => {
    await expect(call(metadataWith({}))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'metadata key',
    })
  })
})

it.each([undefined, null, 'text', [1]])('refuses the value %p', async value => {
  await expect(metadataWith({}).setMetadata('key', value as unknown as Uint8Array)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    field: 'metadata value',
  })
})

it.each(['😀', 'proto', '__proto__s', 'constructor', '1', ' '])('takes the key %p', async key => {
  await expect(metadataWith({}).setMetadata(key, new Uint8Array(1))).rejects.toThrow('nothing is to be sent')
})

describe('a batch against writers that are quicker', () => {
  /** The number that another writer has reached goes up with each claim; after so many claims it stays. */
  function contended(claimsLost: number): { transport: Transport; claims: () => number } {
    let claims = 0
    const answer = (changes: Partial<RowAnswer>): RowAnswer[] => [
      { index: 0, status: RESULT_CODES.OK, inDoubt: false, bins: undefined, ...changes },
    ]
    const batchOperate: Transport['batchOperate'] = async ([row]) => {
      if (row?.kind === 'read') return answer({ bins: { sequence: claims, writer: new Uint8Array(16) } })
      claims += 1
      return answer(claims > claimsLost ? {} : { status: RESULT_CODES.FILTERED_OUT })
    }
    return { transport: { batchOperate }, claims: () => claims }
  }

  it('goes on until it is written', async () => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(0)
    try {
      const { transport, claims } = contended(40)
      await metadataWith({ transport }).setMetadata('key', new Uint8Array(1))
      expect(claims()).toBe(41)
    } finally {
      random.mockRestore()
    }
  })

  it('pauses longer and longer, and gives up after the time of one operation', async () => {
    const { transport, claims } = contended(Number.POSITIVE_INFINITY)
    const from = performance.now()
    const written = metadataWith({ transport, timeoutMs: 300 }).setMetadata('key', new Uint8Array(1))
    await expect(written).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(performance.now() - from).toBeGreaterThanOrEqual(299)
    // 31 ms for the first five on average, 32 ms for each of the others.
    expect(claims()).toBeGreaterThanOrEqual(3)
    expect(claims()).toBeLessThan(60)
  })
})
