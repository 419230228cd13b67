import { describe, expect, it } from '@jest/globals'
import { OPERATION_NAMES, type OperationName } from '../../../../lib/cli/bench/report.ts'
import { roundTransactions } from '../../../../lib/cli/bench/transactions.ts'
import { StoreSubject } from '../../../../lib/cli/bench/worker/store-subject.ts'
import { type Transaction, txidToHex, type UtxoStore } from '../../../../lib/index.ts'

const round = roundTransactions(2)
const [first, second] = round.parents as [Transaction, Transaction]

/** The checks of answers need nothing of a store; it is there to be called. */
const subject = new StoreSubject(
  { transport: {}, settings: {}, setBlockState: () => {} } as unknown as UtxoStore,
  { id: 'store-wire', transport: 'wire', set: 'bench', concurrency: 10, batchSize: 10 },
)

function metadataOf(tx: Transaction) {
  const [input] = tx.inputs
  const txInpoints = [{ txid: input?.previousTxid, vouts: [input?.previousVout] }]
  return { sizeInBytes: tx.sizeBytes, txInpoints, recordUtxos: tx.outputs.length, tx }
}

function decorated(index: number) {
  return round.spenders[index]
}

const minedBy = (...blocks: number[]) => new Map(round.txids.map(txid => [txidToHex(txid), blocks] as const))

describe('the check of an answer', () => {
  it.each<[OperationName, unknown]>([
    ['create', metadataOf(first)],
    ['get', metadataOf(first)],
    ['previousOutputsDecorate', decorated(0)],
    ['spend', [{}]],
    ['setMined', minedBy(7)],
    ['blockValidation', metadataOf(round.blockTransactions[0] as Transaction)],
  ])('%s accepts the right one', (operation, answer) => {
    expect(() => subject.work(operation, round).check(0, answer)).not.toThrow()
  })

  it.each<[OperationName, string, unknown]>([
    ['create', 'a size', { ...metadataOf(first), sizeInBytes: 1 }],
    ['create', 'a number of outputs', { ...metadataOf(first), recordUtxos: 1 }],
    ['get', 'the body of another', { ...metadataOf(first), tx: second }],
    ['get', 'no body', { ...metadataOf(first), tx: undefined }],
    ['get', 'no inpoints', { ...metadataOf(first), txInpoints: undefined }],
    ['previousOutputsDecorate', 'nothing decorated', round.undecoratedSpenders[0]],
    ['spend', 'a refusal', [{ error: new Error('spent') }]],
    ['spend', 'nothing spent', []],
    ['setMined', 'another block', minedBy(8)],
    ['setMined', 'one block more', minedBy(7, 8)],
    ['setMined', 'no transaction', new Map()],
    ['blockValidation', 'of another', metadataOf(first)],
  ])('%s refuses %s', (operation, _what, answer) => {
    expect(() => subject.work(operation, round).check(0, answer)).toThrow(/is not what it has to be/)
  })

  it('is there for every operation', () => {
    for (const operation of OPERATION_NAMES)
      expect(() => subject.work(operation, round).check(0, {})).toThrow()
  })
})
