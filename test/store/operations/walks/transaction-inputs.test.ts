import { describe, expect, it } from '@jest/globals'
import { encodeTransaction, parseTransaction, txidToHex } from '../../../../lib/bitcoin/index.ts'
import { MemoryStore } from '../../../../lib/external/index.ts'
import { encodePartialOutputs } from '../../../../lib/record/index.ts'
import { spentOutpoints } from '../../../../lib/store/operations/walks/transaction-inputs.ts'
import { bytes32, contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const input = (txid: number, vout: number) => ({
  previousTxid: bytes32(txid),
  previousVout: vout,
  unlockingScript: Uint8Array.of(1),
  sequence: 0,
  previousSatoshis: 5n,
  previousLockingScript: Uint8Array.of(2),
})
const output = { satoshis: 1n, lockingScript: Uint8Array.of(3) }
const parts = { version: 1, locktime: 0, inputs: [input(5, 7), input(6, 0)], outputs: [output] }
const tx = parseTransaction(encodeTransaction(parts))
const hex = txidToHex(tx.txid)

function setUp() {
  const external = new MemoryStore()
  return { external, context: contextWith(new ScriptedTransport(() => ({})), {}, { external }) }
}

const outpoints = [
  { txid: bytes32(5), vout: 7 },
  { txid: bytes32(6), vout: 0 },
]
const plain = (found: Awaited<ReturnType<typeof spentOutpoints>>) =>
  found?.map(({ txid, vout }) => ({ txid: new Uint8Array(txid), vout }))

describe('the outpoints that a transaction spends', () => {
  it('come from its record', async () => {
    const inputs = outpoints.map(({ txid, vout }) =>
      Buffer.concat([txid, Buffer.from([vout, 0, 0, 0]), bytes32(9)]),
    )
    expect(plain(await spentOutpoints(setUp().context, tx.txid, { inputs }))).toEqual(outpoints)
  })

  it('do not come from a coinbase', async () => {
    const inputs = [Buffer.concat([bytes32(0), Buffer.alloc(4, 0xff)])]
    expect(await spentOutpoints(setUp().context, tx.txid, { inputs })).toEqual([])
  })

  it.each([[{}], [{ inputs: 'x' }], [{ inputs: [1] }], [{ inputs: [Buffer.alloc(35)] }]])(
    'are damaged in a record with %j',
    async bins => {
      await expect(spentOutpoints(setUp().context, tx.txid, bins)).rejects.toMatchObject({
        code: 'STORAGE_ERROR',
      })
    },
  )

  it('come from the body of an external one, if that is its own', async () => {
    const { context, external } = setUp()
    expect(await spentOutpoints(context, tx.txid, { external: true })).toBeUndefined()
    await external.set(hex, 'tx', encodeTransaction(parts))
    expect(plain(await spentOutpoints(context, tx.txid, { external: true }))).toEqual(outpoints)
    await external.set('01'.repeat(32), 'tx', encodeTransaction(parts))
    await expect(spentOutpoints(context, bytes32(1), { external: true })).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
    })
  })

  it('are not known of a partial one', async () => {
    const { context, external } = setUp()
    const body = encodePartialOutputs({ txid: tx.txid, blockHeight: 1, isCoinbase: false, outputs: [output] })
    await external.set(hex, 'outputs', body)
    expect(await spentOutpoints(context, tx.txid, { external: true })).toEqual([])
  })
})
