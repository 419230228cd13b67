// A validator and the systems around it, each a process of its own: the server, the validator, a reader of its feed,
// and slow peers that fetch subtrees. With --kills, validator and reader are killed at random and started again;
// the state at the end is the same.
//
//     node examples/validator/main.js [STORE_URL] [--kills N] [--seed N] [--blocks N] [--sample-only]
//         [--kafka HOST:PORT,... [--topic NAME]]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { txidToHex, UtxoStore } from 'aerospike-utxo-store'
import { sampleChain, subtreeOf } from './chain.js'
import { answersDigest, filesDigest, lastHeight, recordsDigest, walkRecords } from './end-state.js'
import { KafkaLag } from './kafka-lag.js'
import { killAtRandom } from './mischief.js'
import { metadataSet, outputsSet } from './settings.js'
import { fetchSlowly } from './slow-peer.js'
import { SupervisedProcess } from './supervised.js'

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
    kafka: { type: 'string' },
    topic: { type: 'string' },
  },
})
const sample = { blocks: Number(values.blocks), withFixtures: !values['sample-only'] }
const { coins, blocks, unmined } = await sampleChain(sample)
const txids = [coins, ...blocks.flatMap(block => block.transactions), ...unmined.transactions].map(
  tx => tx.txid,
)

const failure = new AbortController()
const { signal } = failure
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => failure.abort(new Error(name)))
const limit = setTimeout(() => failure.abort(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS)
/** @type {SupervisedProcess[]} */
const processes = []
const folder = await mkdtemp(join(tmpdir(), 'validator-'))
const brokers = values.kafka?.split(',')
// A topic of its own: the messages of an earlier run are not those of this one.
const kafka = brokers && { brokers, topic: values.topic ?? basename(folder) }
let isOver = false
/** @type {KafkaLag | undefined} */
let lag
try {
  lag = kafka && (await KafkaLag.open(kafka))
  const storeUrl = positionals[0] ?? (await startServer())
  const reader = started('./reader.js', { storeUrl, folder, kafka, ...sample })
  const validator = started('./validator.js', { storeUrl, folder, kafka, ...sample })
  const asking = askReader(reader)
  const peers = Array.from({ length: PEERS }, () => fetchSubtrees(validator))
  const mischief = killAtRandom(
    { validator, reader },
    { kills: Number(values.kills), seed: Number(values.seed), signal },
  )
  await Promise.all([mischief, ...peers])
  await until(() => validator.isDone)
  await until(async () => (lag ? await lag.messages() : (await readerState(reader))?.behindBytes) === 0)
  isOver = true
  console.log(`killed    validator ${validator.kills} times, reader ${reader.kills} times`)
  await report(storeUrl, reader, await asking)
  for (const process of processes.reverse()) await process.stop()
} finally {
  clearTimeout(limit)
  isOver = true
  for (const process of processes) process.abandon()
  await lag?.close()
  await rm(folder, { recursive: true })
}

/**
 * @param {string} file
 * @param {import('./settings.js').Settings} [settings]
 */
function started(file, settings) {
  const process = new SupervisedProcess(file, settings)
  processes.push(process)
  process.once('failed', error => failure.abort(error))
  return process
}

async function startServer() {
  const server = started('./server.js')
  await until(() => server.address !== undefined)
  return `${server.address}?set=validator&externalStore=file://${folder}/bodies`
}

/**
 * As a slow peer does that needs every block.
 *
 * @param {SupervisedProcess} validator
 */
async function fetchSubtrees(validator) {
  for (const block of blocks) await fetchSlowly(() => validator.address, subtreeOf(block), signal)
}

/**
 * As those do whom the reader serves, all the time. Tells how often they were answered.
 *
 * @param {SupervisedProcess} reader
 */
async function askReader(reader) {
  let answers = 0
  for (let turn = 0; !isOver; turn += 1) {
    const txid = txids[(turn * 7919) % txids.length]
    const answer = txid && (await asked(reader, `meta/${txidToHex(txid)}`))
    if (answer !== undefined) answers += 1
    await pause(ASK_EVERY_MS)
  }
  return answers
}

/**
 * Undefined where the reader is not there.
 *
 * @param {SupervisedProcess} reader
 * @param {string} path
 */
async function asked({ address }, path) {
  if (address === undefined) return undefined
  try {
    return await (await fetch(`${address}/${path}`)).text()
  } catch {
    return undefined
  }
}

/**
 * @param {SupervisedProcess} reader
 * @returns {Promise<Record<string, number> | undefined>}
 */
async function readerState(reader) {
  const state = await asked(reader, 'state')
  return state === undefined ? undefined : JSON.parse(state)
}

/** @param {() => boolean | Promise<boolean>} condition */
async function until(condition) {
  while (!(await condition())) await pause(LOOK_AGAIN_MS, undefined, { signal })
}

/**
 * @param {string} storeUrl
 * @param {SupervisedProcess} reader
 * @param {number} answersMeanwhile
 */
async function report(storeUrl, reader, answersMeanwhile) {
  const fed = await readerState(reader)
  const store = await UtxoStore.open(storeUrl)
  const height = await lastHeight(store, metadataSet(storeUrl))
  const standIns = blocks.flatMap(block => block.standIns.map(({ txid }) => txid))
  const records = await recordsDigest(store, outputsSet(storeUrl), [...txids, ...standIns])
  const all = await walkRecords(store, id => blocks.some(block => block.height === id))
  await store.close()
  const files = await filesDigest(`${folder}/subtrees`)
  // The first round fills the cache with what a killed reader has lost.
  await answersDigest(reader.address ?? '', txids)
  const answers = await answersDigest(reader.address ?? '', txids)
  const cached = (await readerState(reader))?.entries
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
