// What is the same at the end, however often the processes were killed: each record bin by bin, the last height, the
// subtrees' files, and what the reader answers.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { isInconsistent, txidKey, txidToHex } from 'aerospike-utxo-store'
import { AerospikeMetadata } from 'aerospike-utxo-store/metadata'
import { LAST_HEIGHT } from './settings.js'

/** @typedef {import('aerospike-utxo-store').UtxoStore} UtxoStore */
/** @typedef {import('aerospike-utxo-store').Bins} Bins */

const READ_MS = 10_000
const LOCK_NUMBER = 0xffff_fffe
const NOT_FOUND = 2
const CHUNK = 1_000
const ASKED_AT_ONCE = 64

/**
 * Each record of each transaction, and how many locks a creation that was cut off has left: they expire.
 *
 * @param {UtxoStore} store
 * @param {string} set
 * @param {readonly Uint8Array[]} txids
 */
export async function recordsDigest(store, set, txids) {
  const hash = createHash('sha256')
  const counts = { records: 0, locks: 0 }
  const all = [...new Map(txids.map(txid => [txidKey(txid), txid])).values()].sort(Buffer.compare)
  for (let from = 0; from < all.length; from += CHUNK) {
    const masters = all.slice(from, from + CHUNK)
    const bins = await read(store, set, masters)
    const pages = masters.flatMap((txid, index) => {
      const count = Number(bins[index]?.totalExtraRecs ?? 0)
      return Array.from({ length: count }, (_, page) => numbered(txid, page + 1))
    })
    const locks = await read(
      store,
      set,
      masters.map(txid => numbered(txid, LOCK_NUMBER)),
    )
    counts.locks += locks.filter(lock => lock !== undefined).length
    const records = [...bins, ...(await read(store, set, pages))]
    counts.records += records.filter(record => record !== undefined).length
    for (const [index, userKey] of [...masters, ...pages].entries())
      hash.update(`${Buffer.from(userKey).toString('hex')} ${text(records[index])}\n`)
  }
  return { ...counts, digest: hash.digest('hex') }
}

/**
 * Every record of the set, whatever it is, and the transactions whose mark "unmined" contradicts their blocks.
 *
 * @param {UtxoStore} store
 * @param {(blockId: number) => boolean} isOnLongestChain
 */
export async function walkRecords(store, isOnLongestChain) {
  const walk = store.inconsistentTransactions()
  let inconsistent = 0
  for await (const batch of walk)
    inconsistent += batch.filter(found => isInconsistent(found, isOnLongestChain)).length
  return { records: walk.recordsScanned, inconsistent }
}

/**
 * @param {UtxoStore} store
 * @param {string} set
 */
export async function lastHeight(store, set) {
  const metadata = new AerospikeMetadata({ transport: store.transport, set })
  return Number(Buffer.from((await metadata.getMetadata(LAST_HEIGHT)) ?? ''))
}

/** @param {string} folder */
export async function filesDigest(folder) {
  const hash = createHash('sha256')
  // A process that was killed leaves partial files, which are removed when they are old.
  const names = (await readdir(folder)).filter(name => !name.endsWith('.tmp')).sort()
  for (const name of names) hash.update(name).update(await readFile(`${folder}/${name}`))
  return { files: names.length, digest: hash.digest('hex') }
}

/**
 * @param {string} reader its address
 * @param {readonly Uint8Array[]} txids
 */
export async function answersDigest(reader, txids) {
  const hash = createHash('sha256')
  const names = txids.map(txid => txidToHex(txid)).sort()
  for (let from = 0; from < names.length; from += ASKED_AT_ONCE) {
    const asked = names.slice(from, from + ASKED_AT_ONCE)
    const answers = await Promise.all(asked.map(async name => (await fetch(`${reader}/meta/${name}`)).text()))
    for (const [index, name] of asked.entries()) hash.update(`${name} ${answers[index]}\n`)
  }
  return { answers: names.length, digest: hash.digest('hex') }
}

/**
 * Bins of each record, past everything that the store does; undefined where there is none.
 *
 * @param {UtxoStore} store
 * @param {string} set
 * @param {readonly Uint8Array[]} userKeys
 */
async function read(store, set, userKeys) {
  /** @type {(Bins | undefined)[]} */
  const found = new Array(userKeys.length)
  if (userKeys.length === 0) return found
  const answers = await store.transport.batchOperate(
    userKeys.map(userKey => ({ kind: 'read', key: { set, userKey }, bins: 'all' })),
    { timeout: READ_MS },
  )
  for (const { index, status, bins } of answers) {
    if (status !== 0 && status !== NOT_FOUND) throw new Error(`reading a record: status ${status}`)
    found[index] = bins
  }
  return found
}

/**
 * @param {Uint8Array} txid
 * @param {number} number
 */
function numbered(txid, number) {
  const suffix = Buffer.alloc(4)
  suffix.writeUInt32LE(number)
  return Buffer.concat([txid, suffix])
}

/**
 * Bins in the order of their names; not the time of creation, which is another one in each run.
 *
 * @param {Bins | undefined} bins
 */
function text(bins = {}) {
  const names = Object.keys(bins).filter(name => name !== 'createdAt')
  return JSON.stringify(
    names.sort().map(name => [name, bins[name]]),
    (_name, value) => {
      if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
      if (value instanceof Map) return [...value].sort()
      return typeof value === 'bigint' ? `${value}n` : value
    },
  )
}
