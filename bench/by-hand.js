// What the yardsticks of `utxo-store bench` have in common that do the store's work without the store.
import { utxoHash } from 'aerospike-utxo-store'
import { CREATE_HEIGHT, chunks, listConcurrency } from '../dist/cli/bench/subject.js'
// The records have to be those of the store, which does not export how it makes them.
import {
  binsForFields,
  buildRecords,
  encodeSpendingData,
  GET_FIELDS,
  transactionContent,
} from '../dist/record/index.js'

export const RETENTION = 288
/** Outputs of one record. */
export const UTXO_BATCH_SIZE = 128
export const RECORD_OPTIONS = {
  blockHeight: CREATE_HEIGHT,
  minedBlockInfos: [],
  frozen: false,
  conflicting: false,
  locked: false,
  creating: false,
  external: false,
  coinbaseMaturity: 100,
  genesisActivationHeight: 620_538,
  retention: RETENTION,
  utxoBatchSize: UTXO_BATCH_SIZE,
  nowMs: Date.now(),
}
export const GET_BINS = binsForFields(GET_FIELDS)
export const OUTPUT_BINS = binsForFields(['outputs'])

/** The bins of a transaction's record, as operations of this library's transports. */
export function binsOf(tx) {
  const content = transactionContent(tx, { isCoinbase: false, skipExtendedInputs: false })
  return buildRecords(content, RECORD_OPTIONS).master()
}

/** The claim of a transaction's only input on what it spends. */
export function claimOf(tx) {
  const [{ previousTxid, previousVout, previousLockingScript, previousSatoshis }] = tx.inputs
  return {
    txid: previousTxid,
    vout: previousVout,
    utxoHash: utxoHash(previousTxid, previousVout, previousLockingScript, previousSatoshis),
    spendingData: encodeSpendingData({ txid: tx.txid, vin: 0 }),
  }
}

/**
 * Batches of full size, so many in flight that about as many records are under way as with the store.
 *
 * @param send sends the rows of a batch, and resolves with an answer for each
 * @param binsOfAnswer what an answer has read
 * @returns the work on these items, with the row for each, made within the measured time, and what is right in an answer
 */
export function inBatches({ concurrency, batchSize }, send, binsOfAnswer) {
  return (items, row, isRight) => {
    const batches = chunks(items, batchSize)
    return {
      calls: batches.length,
      records: items.length,
      concurrency: listConcurrency(concurrency, batchSize),
      call: index => send(batches[index].map(row)),
      check: (index, answers) => {
        requireRight(answers.length === batches[index].length, `${batches[index].length} rows`, answers)
        for (const answer of answers)
          requireRight(answer.status === 0 && isRight(binsOfAnswer(answer)), batches[index], answer)
      },
    }
  }
}

export function requireRight(isRight, request, answer) {
  if (!isRight) throw new Error(`a yardstick was not answered as it has to be: ${answer?.status ?? request}`)
}
