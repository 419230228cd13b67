// The wire transport in batches written by hand, as a yardstick of `utxo-store bench`: rows like the store's, of whole
// transactions, made within the measured time. What the store takes beyond it is the price of a promise for each caller,
// of batching, bounds, metrics, of the verdict for each, and of decoding what was read.
import { UtxoStore } from 'aerospike-utxo-store'
import { authorityOf } from '../dist/cli/bench/server.js'
import { chunks, SPEND_HEIGHT } from '../dist/cli/bench/subject.js'
import { heightAfter, masterKey, slotOffset } from '../dist/record/index.js'
import { statementOf } from '../dist/store/operations/spending/spend-statements.js'
import { binsOf, claimOf, GET_BINS, inBatches, OUTPUT_BINS, RETENTION, UTXO_BATCH_SIZE } from './by-hand.js'

const BATCH_TIMEOUT_MS = 60_000
const SPEND = statementOf(false, RETENTION)
const DELETE_AT_HEIGHT = heightAfter(SPEND_HEIGHT, RETENTION)

/** `setMined` is a call on a list, whose rows the store makes in a loop as by hand: its bare transport is its yardstick. */
export async function openBatches({ hosts, namespace, set: setStart, concurrency, batchSize }) {
  const id = 'wire-batches'
  const set = `${setStart}-${id}`
  const query = new URLSearchParams({ set, transport: 'wire', externalStore: 'memory:' })
  const store = await UtxoStore.open(
    `aerospike://${authorityOf(hosts)}/${encodeURIComponent(namespace)}?${query}`,
  )
  const send = rows => store.transport.batchOperate(rows, { timeout: BATCH_TIMEOUT_MS })
  const work = inBatches({ concurrency, batchSize }, send, ({ bins }) => bins)
  const keyOf = txid => ({ set, userKey: masterKey(txid) })
  const readRow = (txid, bins) => ({ kind: 'read', key: keyOf(txid), bins })
  const works = {
    create: ({ parents }) =>
      work(
        parents,
        tx => ({ kind: 'write', key: keyOf(tx.txid), exists: 'create-only', operations: binsOf(tx) }),
        () => true,
      ),
    get: ({ txids }) =>
      work(
        txids,
        txid => readRow(txid, GET_BINS),
        bins => bins.sizeInBytes > 0,
      ),
    previousOutputsDecorate: ({ undecoratedSpenders }) =>
      work(
        undecoratedSpenders,
        tx => readRow(tx.inputs[0].previousTxid, OUTPUT_BINS),
        bins => bins.outputs.length === 2,
      ),
    spend: ({ spenders }) => work(spenders, spendRow, () => true),
  }
  function spendRow(tx) {
    const { txid, vout, utxoHash, spendingData } = claimOf(tx)
    const args = [slotOffset(vout, UTXO_BATCH_SIZE), utxoHash, spendingData, DELETE_AT_HEIGHT]
    return { kind: 'execute', key: keyOf(txid), statement: SPEND, args }
  }
  return {
    id,
    title: 'wire transport, batches by hand',
    kind: 'yardstick',
    transport: 'wire',
    lingerMs: () => null,
    work: (operation, transactions) => works[operation]?.(transactions),
    clear: async transactions => {
      const rows = transactions.storedTxids().map(txid => ({ kind: 'remove', key: keyOf(txid) }))
      for (const chunk of chunks(rows, 1_000)) await send(chunk)
    },
    close: () => store.close(),
  }
}
