import { describe, expect, it } from '@jest/globals'
import { encodeTransaction, txidToHex } from '../../../../lib/bitcoin/index.ts'
import type { StoreError } from '../../../../lib/errors/index.ts'
import { encodePartialOutputs } from '../../../../lib/record/index.ts'
import { readExternalBody } from '../../../../lib/store/operations/reading/external-body.ts'
import { sampleTransaction } from '../../support/sample-transaction.ts'
import { contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const tx = sampleTransaction({ mark: 1, outputs: 2 })
const other = sampleTransaction({ mark: 2, outputs: 2 })
const hex = txidToHex(tx.txid)
const body = encodeTransaction(tx)

const outputsOf = ({ txid, outputs }: typeof tx) =>
  encodePartialOutputs({ txid, blockHeight: 1, isCoinbase: false, outputs: [...outputs] })

/** One satoshi more in an output: still a transaction, only not this one. */
function tampered(): Uint8Array {
  const [first, ...rest] = tx.outputs
  if (first === undefined) throw new RangeError('no output')
  return encodeTransaction({ ...tx, outputs: [{ ...first, satoshis: first.satoshis + 1n }, ...rest] })
}

async function read(type: 'tx' | 'outputs', bytes: Uint8Array | undefined) {
  const context = contextWith(new ScriptedTransport(() => ({})))
  if (bytes !== undefined) await context.external.set(hex, type, bytes)
  return readExternalBody(context, tx.txid)
}

describe('lesson 55: a body that is not the one its name promises', () => {
  it.each<[string, 'tx' | 'outputs', Uint8Array | undefined]>([
    ['of another transaction', 'tx', encodeTransaction(other)],
    ['with an output changed', 'tx', tampered()],
    ['cut short', 'tx', body.subarray(0, -1)],
    ['with bytes behind it', 'tx', Buffer.concat([body, Uint8Array.of(0)])],
    ['empty', 'tx', new Uint8Array()],
    ['with the outputs of another transaction', 'outputs', outputsOf(other)],
    ['with outputs cut short', 'outputs', outputsOf(tx).subarray(0, -1)],
    ['that is missing', 'tx', undefined],
  ])('%s, is damage of ours', async (_, type, bytes) => {
    const error = await read(type, bytes).catch((thrown: StoreError) => thrown)
    expect(error).toMatchObject({ code: 'STORAGE_ERROR', message: expect.stringContaining(hex) })
  })

  it('is told from the right one', async () => {
    expect(await read('tx', body)).toMatchObject({ kind: 'transaction', tx: { txid: tx.txid } })
    expect(await read('outputs', outputsOf(tx))).toMatchObject({
      kind: 'outputs',
      outputs: { txid: tx.txid },
    })
  })
})
