import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Transaction, txidToHex, UtxoStore } from 'aerospike-utxo-store'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { coinbase, spending } from '../store/sample-transactions.ts'
import { runCli } from './run-cli.ts'

const set = uniqueSet('prune-cli')
const folder = mkdtempSync(join(tmpdir(), 'scan-'))

let server: TestServer
let url: string
let mined: Transaction
let forked: Transaction

beforeAll(async () => {
  server = await testServer()
  url = storeUrl(server, { set })
  const store = await UtxoStore.open(url)
  store.setBlockState(1_000, 1_700_000_000)
  mined = coinbase()
  await store.create(mined, 100, { minedBlockInfos: [{ blockId: 7, blockHeight: 900, subtreeIdx: 0 }] })
  await store.spend(spending([{ tx: mined, vout: 0 }]), 1_000)
  forked = coinbase()
  await store.create(forked, 100)
  await store.setMinedMulti([forked.txid], {
    blockId: 8,
    blockHeight: 900,
    subtreeIdx: 0,
    onLongestChain: false,
  })
  await store.close()
})
afterAll(async () => {
  await removeIndexes(server, [set, `${set}_pruneintent`])
  await server.close()
  rmSync(folder, { recursive: true })
})

const json = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await runCli([...args, '--json', '--store', url])
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' })
  return { document: JSON.parse(stdout), stderr }
}

describe('scan', () => {
  it('counts, with progress on stderr', async () => {
    const { document, stderr } = await json('scan')
    expect(document).toMatchObject({
      transactions: 2,
      unmined: 1,
      inconsistent: 0,
      undecided: 1,
      examples: [],
    })
    expect(document.records).toBeGreaterThanOrEqual(2)
    expect(stderr).toMatch(/partitions scanned .*100%/)
  })

  it('judges by the longest chain, where it is told', async () => {
    const path = join(folder, 'chain.txt')
    writeFileSync(path, '8\n9\n')
    const { document } = await json('scan', '--longest-chain', path)
    expect(document).toMatchObject({ inconsistent: 2, undecided: 0 })
    expect(document.examples.map(({ txid }: { txid: string }) => txid).sort()).toEqual(
      [mined, forked].map(({ txid }) => txidToHex(txid)).sort(),
    )
    writeFileSync(path, '7 eight')
    const wrong = await runCli(['scan', '--longest-chain', path, '--store', url])
    expect(wrong).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('eight, which is no block id'),
    })
  })
})

describe('prune', () => {
  it('prunes what is due, and says what it did', async () => {
    expect((await json('prune', '--height', '1287')).document).toMatchObject({
      outcome: 'complete',
      processed: 0,
    })
    const text = await runCli(['prune', '--height', '1288', '--store', url])
    expect(text).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/transactions pruned +1\n/),
      stderr: expect.stringMatching(/partitions pruned .*100%/),
    })
    expect((await json('prune', '--height', '1288')).document).toMatchObject({ processed: 0, failed: 0 })
    expect((await json('scan')).document).toMatchObject({ transactions: 1 })
  })
})
