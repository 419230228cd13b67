import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { encodeTransaction, parseTransaction, type Transaction, txidToHex } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { LOCKING_SCRIPT } from '../store/sample-transactions.ts'
import { runCli } from './run-cli.ts'

/** Blocks with a transaction of more outputs than a record holds, replayed by one process after the other. */

const HEIGHT = 700_000
/** More than utxoBatchSize: eight records. */
const OUTPUTS = 1_000

let server: TestServer
const folder = mkdtempSync(join(tmpdir(), 'large-block-'))

beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

interface Outpoint {
  readonly txid: Uint8Array
  readonly vout: number
}

function made(spent: readonly Outpoint[], outputs: number, unlockingScript = Uint8Array.of()): Transaction {
  const inputs = spent.map(({ txid, vout }) => ({
    previousTxid: txid,
    previousVout: vout,
    unlockingScript,
    sequence: 0,
    previousSatoshis: undefined,
    previousLockingScript: undefined,
  }))
  const output = { satoshis: 1n, lockingScript: LOCKING_SCRIPT }
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs,
      outputs: Array.from({ length: outputs }, () => output),
    }),
  )
}

function coinbase(height: number): Transaction {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(height)
  return made([{ txid: new Uint8Array(32), vout: 0xffffffff }], 1, Uint8Array.of(4, ...bytes))
}

const sha256d = (bytes: Uint8Array): Buffer => {
  const once = createHash('sha256').update(bytes).digest()
  return createHash('sha256').update(once).digest()
}

/** A block of two transactions. */
function blockOf(height: number, previous: Uint8Array, tx: Transaction): { bytes: Buffer; hash: Buffer } {
  const transactions = [coinbase(height), tx]
  const header = Buffer.alloc(80)
  header.writeUInt32LE(2)
  header.set(previous, 4)
  header.set(sha256d(Buffer.concat(transactions.map(({ txid }) => txid))), 36)
  const bodies = transactions.map(one => encodeTransaction(one))
  return { bytes: Buffer.concat([header, Uint8Array.of(2), ...bodies]), hash: sha256d(header) }
}

function blockFile(name: string, blocks: readonly { bytes: Buffer }[]): string {
  const path = join(folder, name)
  const records = blocks.flatMap(({ bytes }) => {
    const head = Buffer.from('f9beb4d900000000', 'hex')
    head.writeUInt32LE(bytes.byteLength, 4)
    return [head, bytes]
  })
  writeFileSync(path, Buffer.concat(records))
  return path
}

it('a transaction of eight records is created by one replay, and spent by the one that resumes it', async () => {
  const large = made([{ txid: new Uint8Array(32).fill(7), vout: 0 }], OUTPUTS)
  const collector = made(
    Array.from({ length: OUTPUTS }, (_, vout) => ({ txid: large.txid, vout })),
    1,
  )
  const first = blockOf(HEIGHT, new Uint8Array(32).fill(9), large)
  const blocks = [first, blockOf(HEIGHT + 1, first.hash, collector)]
  const externalStore = pathToFileURL(join(folder, 'bodies')).href
  const store = storeUrl(server, { set: uniqueSet('large-block'), externalStore })
  const replayed = async (file: string, ...more: string[]) => {
    const { exitCode, stdout, stderr } = await runCli([
      ...['replay', file, '--seed-missing-parents', '--json', '--store', store],
      ...more,
    ])
    expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, ''])
    return JSON.parse(stdout)
  }
  const outputsOf = async () => {
    const { stdout } = await runCli(['get', txidToHex(large.txid), '--json', '--store', store])
    return JSON.parse(stdout)
  }

  const resumed = ['--checkpoint', join(folder, 'checkpoint.json')]
  expect(await replayed(blockFile('first.dat', blocks.slice(0, 1)), ...resumed)).toMatchObject({
    blocks: 1,
    transactions: 2,
    outputsCreated: OUTPUTS + 1,
    inputsSpent: 1,
  })
  const unspent = await outputsOf()
  expect([unspent.totalExtraRecs, unspent.blockIds.length, unspent.external]).toEqual([7, 1, true])
  expect(unspent.outputs.map(({ state }: { state: string }) => state)).toEqual(
    new Array(OUTPUTS).fill('unspent'),
  )

  const whole = blockFile('whole.dat', blocks)
  expect(await replayed(whole, ...resumed)).toMatchObject({ blocks: 1, inputsSpent: OUTPUTS })
  const spent = await outputsOf()
  expect(spent.outputs).toEqual(
    unspent.outputs.map((output: object, vin: number) => ({
      ...output,
      state: 'spent',
      spentBy: { txid: txidToHex(collector.txid), vin },
    })),
  )
  expect(spent.deleteAtHeight).toBeGreaterThan(HEIGHT)

  // From the beginning it changes nothing.
  expect(await replayed(whole)).toMatchObject({ blocks: 2, outputsCreated: 0, doubleSpendsRefused: 0 })
  expect(await outputsOf()).toEqual(spent)
}, 60_000)
