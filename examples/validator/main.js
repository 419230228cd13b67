// A validator and the systems around it, each a process of its own: the server, the validator, a reader of its feed,
// and slow peers that fetch subtrees. With --kills, validator and reader are killed at random and started again;
// the state at the end is the same.
//
//     node examples/validator/main.js [STORE_URL] [--kills N] [--seed N] [--blocks N] [--sample-only]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { txidToHex, UtxoStore } from 'aerospike-utxo-store'
import { sampleChain, subtreeOf } from './chain.js'
import { answersDigest, filesDigest, lastHeight, recordsDigest, walkRecords } from './end-state.js'
import { killAtRandom } from './mischief.js'
import { fetchSlowly } from './slow-peer.js'
import { SupervisedProcess, startServer } from './supervised.js'

const PEERS = 3
const LIMIT_MS = 180_000
const LOOK_AGAIN_MS = 20
const ASK_EVERY_MS = 20

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    blocks: { type: 'string', default: '10' },
    'sample-only': { type: 'boolean', default: false },
  },
})
const sample = { blocks: Number(values.blocks), withFixtures: !values['sample-only'] }
const { coins, blocks, unmined } = await sampleChain(sample)
const txids = [coins, ...blocks.flatMap(block => block.transactions), ...unmined.transactions].map(
  tx => tx.txid,
)

const folder = await mkdtemp(join(tmpdir(), 'validator-'))
const server = positionals[0] === undefined ? await startServer() : undefined
const bodies = `externalStore=file://${folder}/bodies`
const storeUrl = positionals[0] ?? `${server?.address}/utxo-store?set=validator&${bodies}`
const settings = { storeUrl, folder, ...sample }
const reader = new SupervisedProcess('./reader.js', settings)
const validator = new SupervisedProcess('./validator.js', settings)
const failure = new AbortController()
const { signal } = failure
for (const process of [reader, validator]) process.once('failed', error => failure.abort(error))
const limit = setTimeout(() => failure.abort(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS)
let isOver = false
try {
  const asking = askReader()
  const peers = Array.from({ length: PEERS }, fetchSubtrees)
  const mischief = killAtRandom(
    { validator, reader },
    { kills: Number(values.kills), seed: Number(values.seed), signal },
  )
  await Promise.all([mischief, ...peers])
  await until(() => validator.isDone)
  await until(async () => (await readerState())?.behindBytes === 0)
  isOver = true
  await report(await asking)
  await validator.stop()
  await reader.stop()
} finally {
  clearTimeout(limit)
  isOver = true
  validator.abandon()
  reader.abandon()
  await server?.stop()
  await rm(folder, { recursive: true })
}

/** As a slow peer does that needs every block. */
async function fetchSubtrees() {
  for (const block of blocks) await fetchSlowly(() => validator.address, subtreeOf(block), signal)
}

/** As those do whom the reader serves, all the time. Answers how often they were answered. */
async function askReader() {
  let answers = 0
  for (let turn = 0; !isOver; turn += 1) {
    const txid = txids[(turn * 7919) % txids.length]
    const answer = txid && (await asked(`meta/${txidToHex(txid)}`))
    if (answer !== undefined) answers += 1
    await pause(ASK_EVERY_MS)
  }
  return answers
}

/**
 * Undefined where the reader is not there.
 *
 * @param {string} path
 */
async function asked(path) {
  if (reader.address === undefined) return undefined
  try {
    return await (await fetch(`${reader.address}/${path}`)).text()
  } catch {
    return undefined
  }
}

/** @returns {Promise<Record<string, number> | undefined>} */
async function readerState() {
  const state = await asked('state')
  return state === undefined ? undefined : JSON.parse(state)
}

/** @param {() => boolean | Promise<boolean>} condition */
async function until(condition) {
  while (!(await condition())) await pause(LOOK_AGAIN_MS, undefined, { signal })
}

/** @param {number} answersMeanwhile */
async function report(answersMeanwhile) {
  const fed = await readerState()
  const store = await UtxoStore.open(storeUrl)
  const set = new URL(storeUrl).searchParams.get('set') ?? 'txmeta'
  const height = await lastHeight(store)
  const standIns = blocks.flatMap(block => block.standIns.map(({ txid }) => txid))
  const records = await recordsDigest(store, set, [...txids, ...standIns])
  const all = await walkRecords(store, id => blocks.some(block => block.height === id))
  await store.close()
  const files = await filesDigest(`${folder}/subtrees`)
  // The first round fills the cache with what a killed reader has lost.
  await answersDigest(reader.address ?? '', txids)
  const answers = await answersDigest(reader.address ?? '', txids)
  const cached = (await readerState())?.entries
  console.log(`killed    validator ${validator.kills} times, reader ${reader.kills} times`)
  console.log(
    `meanwhile reader answered ${answersMeanwhile}, applied ${fed?.adds} additions and ${fed?.deletes} removals`,
  )
  console.log(`height    ${height}`)
  console.log(
    `records   ${records.records} of ${all.records - records.locks} in the set, ${all.inconsistent} inconsistent, ${records.digest}`,
  )
  console.log(`subtrees  ${files.files} files, ${files.digest}`)
  console.log(`reader    ${answers.answers} answers, ${cached} cached, ${answers.digest}`)
}
