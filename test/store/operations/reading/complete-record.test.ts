import { describe, expect, it } from '@jest/globals'
import { BINS } from '../../../../lib/record/index.ts'
import { completeRecord } from '../../../../lib/store/operations/reading/complete-record.ts'
import { bytes32, contextWith, type Script, ScriptedTransport } from '../../support/store-fixture.ts'

/** The slots of a transaction of three outputs, of which the master holds one and its page the others. */
async function slots(script: Script): Promise<number | undefined> {
  const metadata = {
    utxos: [{ state: 'unspent', utxoHash: bytes32(7) }],
    totalExtraRecs: 1,
    totalUtxos: 3,
  } as const
  const context = contextWith(new ScriptedTransport(script))
  const complete = await completeRecord(context, bytes32(1), metadata, ['utxos'], undefined)
  return complete.utxos?.length
}

const page = (outputs: number): Script => {
  return () => ({ bins: { [BINS.utxos]: Array.from({ length: outputs }, () => bytes32(8)) } })
}

describe('completeRecord', () => {
  it('adds the slots of the pages', async () => {
    expect(await slots(page(2))).toBe(3)
  })

  it.each<[string, Script, RegExp]>([
    ['a page without an answer', () => undefined, /no answer for this row/],
    ['a page that is missing', () => ({ status: 2 }), /reading page 1 of .*: Aerospike answered/],
    ['a page with too few slots', page(1), /has 2 slots for 3 outputs/],
    ['a page with too many slots', page(3), /has 4 slots for 3 outputs/],
    ['a page without slots', () => ({ bins: {} }), /has no bin utxos/],
    ['a slot of 67 bytes', () => ({ bins: { [BINS.utxos]: [new Uint8Array(67)] } }), /67/],
    ['a slot that is text', () => ({ bins: { [BINS.utxos]: ['x'.repeat(32)] } }), /utxos/],
  ])('lesson 56: %s is damage', async (_, script, message) => {
    await expect(slots(script)).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
      message: expect.stringMatching(message),
    })
  })
})
