// What the npm client does without this library, as yardsticks of `utxo-store bench`: one call per record, and batches
// written by hand. Both write the bins that the store writes, made beforehand, and call the UDF that the store calls;
// keys, operations and arguments are made within the measured time, as a program of one's own would make them.
import Aerospike from 'aerospike'
import { chunks, MINED_BLOCK, SPEND_HEIGHT } from '../dist/cli/bench/subject.js'
import { loadUdfModule } from '../dist/store/udf/udf-module.js'
import { binsOf, claimOf, GET_BINS, inBatches, OUTPUT_BINS, RETENTION, requireRight } from './by-hand.js'

/** Single calls in progress: the client has none of them wait for a connection, it fails those beyond. */
const SINGLE_CALLS_MAX = 512
/** A slow machine is to be measured, not to fail. */
const PATIENT = { totalTimeout: 60_000, socketTimeout: 60_000, maxRetries: 0 }
const { batchType, operations, policy } = Aerospike
const CREATE_ONLY = policy.exists.CREATE

export const openBatches = options =>
  openSubject('npm-batches', 'npm client, batches by hand', options, handMadeBatches)

export const openSingleCalls = options =>
  openSubject('npm-single', 'npm client, one call per record', options, singleCalls)

async function openSubject(id, title, { hosts, namespace, set, concurrency, batchSize }, worksOf) {
  Aerospike.setDefaultLogging({ level: Aerospike.log.OFF })
  const client = await Aerospike.connect({
    hosts: hosts.map(({ host, port }) => ({ addr: host, port })),
    maxConnsPerNode: 2 * SINGLE_CALLS_MAX,
    log: { level: Aerospike.log.OFF },
  })
  const { name: module } = await loadUdfModule()
  const batchPolicy = new Aerospike.BatchPolicy({
    totalTimeout: 60_000,
    socketTimeout: 60_000,
    maxRetries: 0,
  })

  const keyOfTxid = txid => keyOf(namespace, `${set}-${id}`, txid)
  const works = worksOf(client, module, { concurrency, batchSize, batchPolicy })
  return {
    id,
    title,
    kind: 'yardstick',
    transport: 'client',
    lingerMs: () => null,
    work: (operation, transactions) => works[operation]?.(transactions, keyOfTxid),
    clear: async transactions => {
      const rows = transactions
        .storedTxids()
        .map(txid => ({ type: batchType.BATCH_REMOVE, key: keyOfTxid(txid) }))
      for (const chunk of chunks(rows, 1_000)) await client.batchWrite(chunk, batchPolicy)
    },
    close: async () => client.close(),
  }
}

/** One call of the client for each record. */
function singleCalls(client, module, { concurrency: wanted }) {
  const concurrency = Math.min(SINGLE_CALLS_MAX, wanted)
  const work = (items, call, isRight) => ({
    calls: items.length,
    records: items.length,
    concurrency,
    call: index => call(items[index]),
    check: (index, answer) => requireRight(isRight(answer), items[index], answer),
  })
  const createPolicy = new Aerospike.WritePolicy({ ...PATIENT, exists: CREATE_ONLY })
  const readPolicy = new Aerospike.ReadPolicy(PATIENT)
  const applyPolicy = new Aerospike.ApplyPolicy(PATIENT)
  return {
    create: ({ parents }, key) =>
      work(
        parents.map(tx => ({ tx, bins: binsOf(tx) })),
        ({ tx, bins }) => client.put(key(tx.txid), objectOf(bins), {}, createPolicy),
        () => true,
      ),
    get: ({ txids }, key) =>
      work(
        txids,
        txid => client.select(key(txid), GET_BINS, readPolicy),
        ({ bins }) => bins.sizeInBytes > 0,
      ),
    previousOutputsDecorate: ({ undecoratedSpenders }, key) =>
      work(
        undecoratedSpenders,
        tx => client.select(key(tx.inputs[0].previousTxid), OUTPUT_BINS, readPolicy),
        ({ bins }) => bins.outputs.length === 2,
      ),
    spend: ({ spenders }, key) =>
      work(
        spenders,
        tx => client.apply(key(tx.inputs[0].previousTxid), spendCall(module, tx), applyPolicy),
        ({ status }) => status === 'OK',
      ),
    setMined: ({ txids }, key) =>
      work(
        txids,
        txid => client.apply(key(txid), setMinedCall(module), applyPolicy),
        ({ status }) => status === 'OK',
      ),
  }
}

function handMadeBatches(client, module, { concurrency, batchSize, batchPolicy }) {
  const work = inBatches(
    { concurrency, batchSize },
    rows => client.batchWrite(rows, batchPolicy),
    answer => answer.record?.bins,
  )
  const createPolicy = new Aerospike.BatchWritePolicy({ exists: CREATE_ONLY })
  return {
    create: ({ parents }, key) =>
      work(
        parents.map(tx => ({ tx, bins: binsOf(tx) })),
        ({ tx, bins }) => ({
          type: batchType.BATCH_WRITE,
          key: key(tx.txid),
          ops: bins.map(({ bin, value }) => operations.write(bin, asClientValue(value))),
          policy: createPolicy,
        }),
        () => true,
      ),
    get: ({ txids }, key) =>
      work(
        txids,
        txid => ({ type: batchType.BATCH_READ, key: key(txid), bins: GET_BINS }),
        bins => bins.sizeInBytes > 0,
      ),
    previousOutputsDecorate: ({ undecoratedSpenders }, key) =>
      work(
        undecoratedSpenders,
        tx => ({ type: batchType.BATCH_READ, key: key(tx.inputs[0].previousTxid), bins: OUTPUT_BINS }),
        bins => bins.outputs.length === 2,
      ),
    spend: ({ spenders }, key) =>
      work(
        spenders,
        tx => ({
          type: batchType.BATCH_APPLY,
          key: key(tx.inputs[0].previousTxid),
          udf: spendCall(module, tx),
        }),
        bins => bins.SUCCESS.status === 'OK',
      ),
    setMined: ({ txids }, key) =>
      work(
        txids,
        txid => ({ type: batchType.BATCH_APPLY, key: key(txid), udf: setMinedCall(module) }),
        bins => bins.SUCCESS.status === 'OK',
      ),
  }
}

function keyOf(namespace, set, txid) {
  return new Aerospike.Key(namespace, set, asBuffer(txid))
}

function objectOf(bins) {
  return Object.fromEntries(bins.map(({ bin, value }) => [bin, asClientValue(value)]))
}

function spendCall(module, tx) {
  const { vout, utxoHash, spendingData } = claimOf(tx)
  const spend = {
    idx: 0,
    offset: vout,
    vOut: vout,
    utxoHash: asBuffer(utxoHash),
    spendingData: asBuffer(spendingData),
  }
  return { module, funcname: 'spendMulti', args: [[spend], false, false, SPEND_HEIGHT, RETENTION] }
}

function setMinedCall(module) {
  const { blockId, blockHeight, subtreeIdx, onLongestChain } = MINED_BLOCK
  const args = [blockId, blockHeight, subtreeIdx, blockHeight + 1, RETENTION, onLongestChain, false]
  return { module, funcname: 'setMined', args }
}

function asBuffer(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function asClientValue(value) {
  if (value instanceof Uint8Array) return asBuffer(value)
  return Array.isArray(value) ? value.map(asClientValue) : value
}
