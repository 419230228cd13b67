// The blocks that the example replays: the same in every process and in every run.
import { readFile } from 'node:fs/promises'
import {
  encodeTransaction,
  MerkleTree,
  parseBlock,
  parseTransaction,
  txidKey,
  txidToHex,
} from 'aerospike-utxo-store'

/** @typedef {import('aerospike-utxo-store').Transaction} Transaction */
/** @typedef {{ txid: Uint8Array, outputs: Map<number, import('aerospike-utxo-store').TransactionOutput> }} StandIn */
/**
 * @typedef {object} SampleBlock
 * @property {number} height also the block's id
 * @property {number} medianTime
 * @property {readonly Transaction[]} transactions the coinbase first, and parents before their children
 * @property {Transaction[]} rivals double spends: each comes too late for one of its inputs
 * @property {StandIn[]} standIns parents that lie before the sample
 */
/**
 * @typedef {object} Chain
 * @property {Transaction} coins what everything is paid from
 * @property {SampleBlock[]} blocks
 * @property {SampleBlock} unmined transactions that still wait for a block
 */

const FIXTURES = [
  '00000000000000000f3db04d442e92c172691170ca47dfea5be2b9613cf0343d',
  '000000000000000003dd2fdbb484d6d9c349d644d8bbb3cbfa5e67f639a465fe',
]
const FIRST_HEIGHT = 1_000
const FIRST_TIME = 1_700_000_000
const SECONDS_BETWEEN_BLOCKS = 600
const PAYMENTS = 40
/** More than one record holds; of every so many blocks one has such a transaction. */
const WIDE_OUTPUTS = 300
const WIDE_EVERY = 4
const ANYBODY_CAN_SPEND = Uint8Array.of(0x51)

/** Old enough to be spent in the first block. */
export const COINS_HEIGHT = 1

/**
 * @param {{ blocks: number, withFixtures: boolean }} options with the two blocks of the test data at the end
 * @returns {Promise<Chain>}
 */
export async function sampleChain({ blocks: count, withFixtures }) {
  const coins = coinbase(0, (count + 1) * (PAYMENTS + 1))
  /** @type {SampleBlock[]} */
  const blocks = []
  while (blocks.length < count) blocks.push(sampleBlock(blocks, coins))
  // What waits for a block has no coinbase yet.
  const unmined = sampleBlock(blocks, coins)
  if (withFixtures) {
    for (const hash of FIXTURES) blocks.push(await fixtureBlock(hash, FIRST_HEIGHT + blocks.length))
  }
  const transactions = unmined.transactions.slice(1)
  return { coins, blocks, unmined: { ...unmined, transactions, height: FIRST_HEIGHT + blocks.length } }
}

/**
 * A block as one subtree, which leaves the place of the coinbase open.
 *
 * @param {SampleBlock} block
 */
export function subtreeOf({ transactions }) {
  const [, ...others] = transactions
  const nodes = [
    { txid: new Uint8Array(32).fill(0xff), sizeBytes: 0 },
    ...others.map(({ txid, sizeBytes }) => ({ txid, sizeBytes })),
  ]
  const tree = new MerkleTree()
  for (const { txid } of nodes) tree.add(txid)
  const root = tree.finish() ?? new Uint8Array(32)
  return { root, name: txidToHex(root), nodes, data: Buffer.concat(others.map(encodeTransaction)) }
}

/**
 * @param {readonly SampleBlock[]} blocks those before it
 * @param {Transaction} coins
 * @returns {SampleBlock}
 */
function sampleBlock(blocks, coins) {
  const index = blocks.length
  const before = blocks.at(-1)?.transactions ?? []
  const firstCoin = index * (PAYMENTS + 1)
  const transactions = [coinbase(index + 1)]
  for (let at = 0; at < PAYMENTS; at += 1) {
    const inputs = [{ parent: coins, vout: firstCoin + at }]
    // Every second one spends from another, too: of this block, or of the one before.
    const other = at % 4 === 0 && at > 0 ? transactions[at] : before[at + 1]
    if (at % 2 === 0 && other !== undefined) inputs.push({ parent: other, vout: 0 })
    const isWide = at === 1 && index % WIDE_EVERY === 1
    transactions.push(built(inputs, isWide ? WIDE_OUTPUTS : 2))
  }
  const wide = before[2]
  if (wide !== undefined)
    transactions.push(
      built(
        wide.outputs.map((_, vout) => ({ parent: wide, vout })),
        1,
      ),
    )
  const free = { parent: coins, vout: firstCoin + PAYMENTS }
  const rival = built([free, { parent: coins, vout: firstCoin }], 1)
  return {
    height: FIRST_HEIGHT + index,
    medianTime: FIRST_TIME + index * SECONDS_BETWEEN_BLOCKS,
    transactions,
    rivals: [rival],
    standIns: [],
  }
}

/**
 * A real block, at a height of the sample.
 *
 * @param {string} hash
 * @param {number} height
 * @returns {Promise<SampleBlock>}
 */
async function fixtureBlock(hash, height) {
  const file = new URL(`../../test/fixtures/blocks/${hash}.block`, import.meta.url)
  const { transactions } = parseBlock(await readFile(file))
  const medianTime = FIRST_TIME + (height - FIRST_HEIGHT) * SECONDS_BETWEEN_BLOCKS
  return { height, medianTime, transactions, rivals: [], standIns: standInsFor(transactions) }
}

/**
 * Parents that the block does not hold. Each output pays for all that its spender passes on.
 *
 * @param {readonly Transaction[]} transactions
 */
function standInsFor(transactions) {
  const ofBlock = new Set(transactions.map(({ txid }) => txidKey(txid)))
  /** @type {Map<string, StandIn>} */
  const standIns = new Map()
  for (const { inputs, outputs, isCoinbase } of transactions) {
    if (isCoinbase) continue
    const paid = outputs.reduce((sum, { satoshis }) => sum + satoshis, 0n)
    const output = { satoshis: paid, lockingScript: ANYBODY_CAN_SPEND }
    for (const { previousTxid, previousVout } of inputs) {
      const key = txidKey(previousTxid)
      if (ofBlock.has(key)) continue
      const standIn = standIns.get(key) ?? { txid: previousTxid, outputs: new Map() }
      standIns.set(key, standIn)
      standIn.outputs.set(previousVout, output)
    }
  }
  return [...standIns.values()]
}

/**
 * @param {number} number tells coinbases apart
 * @param {number} outputs how many
 */
function coinbase(number, outputs = 1) {
  const nowhere = { previousTxid: new Uint8Array(32), previousVout: 0xffff_ffff }
  const unlockingScript = Uint8Array.of(2, number & 0xff, number >> 8)
  return assembled([{ ...nowhere, unlockingScript }], outputs, 5_000_000_000n)
}

/**
 * @param {readonly { parent: Transaction, vout: number }[]} spent
 * @param {number} outputs how many
 */
function built(spent, outputs) {
  const inputs = spent.map(({ parent, vout }) => ({
    previousTxid: parent.txid,
    previousVout: vout,
    unlockingScript: ANYBODY_CAN_SPEND,
  }))
  return assembled(inputs, outputs, 1_000n)
}

/**
 * @param {readonly { previousTxid: Uint8Array, previousVout: number, unlockingScript: Uint8Array }[]} inputs
 * @param {number} outputs how many
 * @param {bigint} satoshis of each output
 */
function assembled(inputs, outputs, satoshis) {
  const unknown = { previousSatoshis: undefined, previousLockingScript: undefined }
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: inputs.map(input => ({ ...input, ...unknown, sequence: 0xffff_ffff })),
      outputs: Array.from({ length: outputs }, () => ({ satoshis, lockingScript: ANYBODY_CAN_SPEND })),
    }),
  )
}
