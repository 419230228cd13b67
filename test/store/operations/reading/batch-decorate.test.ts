import { describe, expect, it } from '@jest/globals'
import { batchDecorate } from '../../../../lib/store/operations/reading/batch-decorate.ts'
import type { RowAnswer } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, looksFor, ScriptedTransport } from '../../support/store-fixture.ts'

const PLACEHOLDER = bytes32(0xff)
const HASH = new Uint8Array(32)

/** What three reads give: the first and the last are good, the middle one is of the placeholder or of a damaged record. */
async function decorated(
  middle: Uint8Array,
  answer: Partial<RowAnswer> | undefined,
  fields: Parameters<typeof batchDecorate>[2] = ['fee'],
) {
  const transport = new ScriptedTransport(row => {
    if (looksFor(row, middle)) return answer
    const key = row.key.userKey as Uint8Array
    return { bins: { fee: key[0] ?? 0, utxos: [HASH], totalUtxos: 1 } }
  })
  const result = await batchDecorate(
    contextWith(transport),
    [bytes32(1), middle, bytes32(3)],
    fields,
    undefined,
  )
  return result.map(({ data, error }) => error?.code ?? (data === null ? null : (data.fee ?? 'slots')))
}

describe('batchDecorate', () => {
  it.each<[string, Partial<RowAnswer> | undefined]>([
    ['is missing', { status: 2 }],
    ['fails', { status: 9 }],
    ['has no answer', undefined],
    ['is there', { bins: { fee: 5 } }],
    ['is damaged', { bins: { fee: 'x' } }],
  ])(
    'lesson 13: whatever the row of the placeholder says (it %s), it has no data and no error',
    async (_, answer) => {
      expect(await decorated(PLACEHOLDER, answer)).toEqual([1, null, 3])
    },
  )

  it.each<[string, unknown]>([
    ['33 bytes', new Uint8Array(33)],
    ['67 bytes', new Uint8Array(67)],
    ['text', 'x'.repeat(32)],
    ['a number', 0],
  ])('lesson 56: a slot that is %s is damage, of its transaction alone', async (_, slot) => {
    const answer = { bins: { utxos: [slot as never], totalUtxos: 1 } }
    expect(await decorated(bytes32(2), answer, ['utxos'])).toEqual(['slots', 'STORAGE_ERROR', 'slots'])
  })
})
