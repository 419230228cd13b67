import { describe, expect, it, jest } from '@jest/globals'
import { encodeTransaction, txidToHex } from '../../../../lib/bitcoin/index.ts'
import type { StoreError } from '../../../../lib/errors/index.ts'
import { MemoryStore } from '../../../../lib/external/index.ts'
import { encodePartialOutputs } from '../../../../lib/record/index.ts'
import { completeRecord } from '../../../../lib/store/operations/reading/complete-record.ts'
import {
  readExternalBody,
  readExternalInputs,
  readExternalOutputs,
} from '../../../../lib/store/operations/reading/external-body.ts'
import { sampleTransaction } from '../../support/sample-transaction.ts'
import { bytes32, contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

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

describe('external bodies that are read again', () => {
  it('are fetched once, and each reader has bytes of his own', async () => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    await context.external.set(hex, 'tx', body)
    const get = jest.spyOn(context.external, 'get')
    const [first, second] = await Promise.all([
      readExternalBody(context, tx.txid),
      readExternalBody(context, tx.txid),
    ])
    if (first.kind !== 'transaction' || second.kind !== 'transaction') throw new Error('no transaction')
    first.tx.outputs[0]?.lockingScript.fill(0)
    const third = await readExternalBody(context, tx.txid)
    expect(get).toHaveBeenCalledTimes(1)
    for (const read of [second, third]) expect(read).toMatchObject({ tx: { outputs: tx.outputs } })
  })

  it('keep their outputs apart from the whole, and only where more than one holds a value', async () => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    const single = sampleTransaction({ mark: 9, outputs: 1 })
    await context.external.set(hex, 'tx', body)
    await context.external.set(txidToHex(single.txid), 'tx', encodeTransaction(single))
    const get = jest.spyOn(context.external, 'get')
    for (let time = 0; time < 3; time++) {
      const outputs = await readExternalOutputs(context, tx.txid)
      expect([outputs.at(0), outputs.at(1), outputs.at(2)]).toEqual([...tx.outputs, undefined])
      outputs.at(0)?.lockingScript.fill(0)
      await readExternalOutputs(context, single.txid)
    }
    expect(get.mock.calls.map(([name]) => name === hex)).toEqual([true, false, false, false])
    await readExternalBody(context, tx.txid)
    expect(get).toHaveBeenCalledTimes(5)
  })

  it('are fetched anew after they were deleted and written, and each time without the cache', async () => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    await context.external.set(hex, 'outputs', outputsOf(tx))
    expect(await readExternalBody(context, tx.txid)).toMatchObject({ kind: 'outputs' })
    await context.external.delete(hex, 'outputs')
    await context.external.set(hex, 'tx', body)
    expect(await readExternalBody(context, tx.txid)).toMatchObject({ kind: 'transaction' })

    const without = contextWith(new ScriptedTransport(() => ({})), { useExternalTxCache: false })
    await without.external.set(hex, 'tx', body)
    const get = jest.spyOn(without.external, 'get')
    for (let time = 0; time < 2; time++) await readExternalBody(without, tx.txid)
    expect(get).toHaveBeenCalledTimes(2)
  })

  it('that are missing or damaged are asked for again: no error is kept', async () => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    for (let time = 0; time < 2; time++) {
      await expect(readExternalBody(context, tx.txid)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
      await expect(readExternalOutputs(context, tx.txid)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    }
    await context.external.set(hex, 'tx', body)
    expect(await readExternalBody(context, tx.txid)).toMatchObject({ kind: 'transaction' })
  })

  it('that never come are given up: their places and their keys are free again when the store is well', async () => {
    const external = new MemoryStore()
    await external.set(hex, 'tx', body)
    const context = contextWith(
      new ScriptedTransport(() => ({})),
      { batchPolicyTotalTimeout: 20, overloadRetryMaxElapsed: 0, batcherWaitGrace: 0 },
      { external },
    )
    const get = jest.spyOn(external, 'get').mockReturnValue(new Promise(() => {}))
    const txids = [tx.txid, ...Array.from({ length: 15 }, (_, index) => bytes32(index))]
    const reads = await Promise.allSettled([
      ...txids.map(txid => readExternalBody(context, txid)),
      readExternalOutputs(context, tx.txid),
      readExternalInputs(context, tx.txid),
    ])
    expect(
      new Set(reads.map(read => read.status === 'rejected' && (read.reason as StoreError).code)),
    ).toEqual(new Set(['SERVICE_UNAVAILABLE']))
    get.mockRestore()
    expect(context.externalReads.free).toBe(16)
    expect(await readExternalBody(context, tx.txid)).toMatchObject({ kind: 'transaction' })
    expect((await readExternalOutputs(context, tx.txid)).at(1)).toEqual(tx.outputs[1])
  })

  it('are in memory at most 16 at a time', async () => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    let [inFlight, most] = [0, 0]
    jest.spyOn(context.external, 'get').mockImplementation(async () => {
      most = Math.max(most, ++inFlight)
      await new Promise(setImmediate)
      inFlight -= 1
      return undefined
    })
    const reads = Array.from({ length: 100 }, (_, index) => readExternalBody(context, bytes32(index)))
    await Promise.allSettled(reads)
    expect(most).toBe(16)
  })
})

describe('the inputs of an external transaction', () => {
  const spends = Array.from({ length: 300 }, (_, vout) => ({ txid: bytes32(vout % 7), vout }))
  const wide = sampleTransaction({ mark: 3, outputs: 1_000, spends })
  const name = txidToHex(wide.txid)
  const bytes = encodeTransaction(wide)

  /** The body in pieces of 100 bytes, and how many of them were asked for. */
  async function read(stored: Uint8Array, fields?: readonly ['txInpoints']) {
    const context = contextWith(new ScriptedTransport(() => ({})))
    const pulled = { pieces: 0 }
    jest.spyOn(context.external, 'stream').mockImplementation(async function* (_, type) {
      if (type === 'outputs') return
      for (let from = 0; from < stored.byteLength; from += 100) {
        pulled.pieces += 1
        yield stored.slice(from, from + 100)
      }
    })
    const inputs = await readExternalInputs(context, wide.txid)
    const fielded = await completeRecord(
      context,
      wide.txid,
      { external: true },
      fields ?? ['txInpoints'],
      undefined,
    )
    return { inputs, fielded, pieces: pulled.pieces }
  }

  it('are read without the rest of its body', async () => {
    const { inputs, fielded, pieces } = await read(bytes)
    expect(inputs).toEqual(
      wide.inputs.map(({ previousTxid, previousVout }) => ({ previousTxid, previousVout })),
    )
    expect(fielded.txInpoints?.map(({ vouts }) => vouts.length)).toEqual([43, 43, 43, 43, 43, 43, 42])
    const inputsBytes = 4 + 3 + 300 * 42
    expect(pieces).toBeLessThanOrEqual(2 * (inputsBytes / 100 + 2))
  })

  it.each([
    ['cut short', bytes.subarray(0, 5_000)],
    ['with more inputs than bytes', Buffer.from('01000000ffffffffffffff0100aa', 'hex')],
    ['missing', new Uint8Array(0)],
  ])('of a body that is %s are STORAGE_ERROR', async (_, stored) => {
    await expect(read(stored)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it('are none where only outputs are known', async () => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    await context.external.set(name, 'outputs', outputsOf(wide))
    expect(await readExternalInputs(context, wide.txid)).toEqual([])
  })
})
