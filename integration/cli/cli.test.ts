import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  encodeTransaction,
  extendTransaction,
  parseBlock,
  parseTransaction,
  txidToHex,
  UtxoStore,
} from 'aerospike-utxo-store'
import { ask } from '../cluster/cluster-info.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import {
  BLOCK_357238,
  BLOCK_364292,
  interruptCli,
  MAIN,
  runCli,
  runCliUnheard,
  runCliUnread,
  startServe,
} from './run-cli.ts'

const NOBODY = 'aerospike://127.0.0.1:1/utxo-store?externalStore=memory:'
/** Its first bytes might be a block's header, and those after it a transaction of 58 inputs. */
const NO_BLOCK = join(mkdtempSync(join(tmpdir(), 'no-block-')), 'colons.block')
writeFileSync(NO_BLOCK, ':'.repeat(300))
afterAll(() => rmSync(dirname(NO_BLOCK), { recursive: true }))
let server: TestServer

beforeAll(async () => {
  server = await testServer()
})

afterAll(async () => {
  await server.close()
})

it('a replay goes on when nobody hears of its progress any more', async () => {
  const args = ['replay', BLOCK_357238, BLOCK_364292, '--store', storeUrl(server), '--seed-missing-parents']
  const { exitCode, stdout } = await runCliUnheard([...args, '--json'])
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ blocks: 2 })
}, 60_000)

it('an output that cannot be written is told in a sentence', () => {
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', `"${process.execPath}" "${MAIN}" bench --help > /dev/full`],
    {
      encoding: 'utf8',
    },
  )
  expect(status).toBe(1)
  expect(stderr).toMatch(/^utxo-store: the output could not be written: .*ENOSPC.*\.\n$/)
})

describe('usage', () => {
  it('is no failure where nobody reads it to its end', async () => {
    expect(await runCliUnread(['bench', '--help'])).toEqual({ exitCode: 0, stderr: '' })
  })

  it.each([
    [[]],
    [['--help']],
    [['serve', '--help']],
    [['replay', '--help']],
    [['get', '--help']],
    [['prune', '--help']],
    [['scan', '--help']],
    [['doctor', '--help']],
    [['bench', '--help']],
    [['watch', '--help']],
  ])('%j shows help on stdout and exits 0', async args => {
    const { exitCode, stdout, stderr } = await runCli(args)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: utxo-store/)
  })

  it('tells its version', async () => {
    expect(await runCli(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
  })

  it.each<[string[], RegExp]>([
    [['repaly'], /unknown command 'repaly'.*Did you mean replay/],
    [['replay'], /missing required argument 'file'/],
    [['replay', 'nowhere.block'], /cannot read nowhere\.block/],
    [['replay', BLOCK_357238, '--start-height', 'tall'], /whole number from 1/],
    [['replay', BLOCK_357238, '--start-height', '0'], /whole number from 1/],
    [['replay', BLOCK_357238, '--sed-missing-parents'], /unknown option/],
    [['replay', BLOCK_357238, '--store', 'redis://here'], /store URL must be of the form/],
    [['replay', BLOCK_357238, '--store', 'aerospike://127.0.0.1:3000/ns'], /externalStore must be file:/],
    [['prune', '--store', 'embedded:'], /--height/],
    [['prune', '--store', 'embedded:', '--height', '0'], /whole number from 1/],
    [['scan'], /--store <url>' not specified, nor is UTXO_STORE_URL set/],
    [['replay', BLOCK_357238, '--checkpoint', '/proc/x/y', '--store', NOBODY], /cannot write the checkpoint/],
    [['replay', NO_BLOCK], /colons\.block is no block: /],
    [['bench', '--transport', 'tcp'], /tcp is not one of client, wire/],
    [['bench', '--setting', 'utxoBatchSize=abc'], /utxoBatchSize must be .* got "abc"/],
    [['scan', '--store', 'embedded:', '--longest-chain', 'nowhere.txt'], /cannot read nowhere\.txt/],
    [['get', '--store', 'embedded:'], /missing required argument 'txid'/],
    [['get', 'ab'.repeat(32)], /--store/],
    [['get', 'abc', '--store', 'embedded:'], /txid must be 64 hex characters/],
    [['serve', '--port', '65536'], /whole number from 0 to 65535/],
    [['serve', '--nodes', '17'], /whole number from 1 to 16/],
    [['serve', '--port', '0', '--namespace', 'a,,b'], /empty name/],
  ])('%j exits 2 with one line that says what to do', async (args, message) => {
    const { exitCode, stdout, stderr } = await runCli(args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr.trimEnd().split('\n').length).toBe(1)
    expect(stderr).toMatch(/See utxo-store.* --help\.\n$/)
  })

  it('tells a failed job from wrong usage, and gives it to machines as JSON', async () => {
    const { exitCode, stdout } = await runCli(['get', 'ab'.repeat(32), '--json', '--store', storeUrl(server)])
    expect(exitCode).toBe(1)
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'TX_NOT_FOUND', message: expect.stringContaining('abab') },
    })
  })
})

describe('replay', () => {
  const bodies = mkdtempSync(join(tmpdir(), 'bodies-'))
  afterAll(() => rmSync(bodies, { recursive: true }))

  const expected = {
    blocks: 1,
    transactions: 369,
    outputsCreated: 966,
    inputsSpent: 804,
    inputsSpentInBlock: 115,
    unspentOutputs: 966 - 115,
    doubleSpendsRefused: 0,
    missingParents: 0,
    parentsSeeded: 627,
    transactionsAlreadyStored: 0,
  }

  it('replays a real block; a second time it changes nothing and fails nothing', async () => {
    // The second process reads bodies that the first one stored.
    const url = storeUrl(server, { set: uniqueSet('replay'), externalStore: pathToFileURL(bodies).href })
    const args = [
      'replay',
      BLOCK_357238,
      '--start-height',
      '357238',
      '--seed-missing-parents',
      '--json',
      '--store',
      url,
    ]
    const first = await runCli(args)
    expect(first.exitCode).toBe(0)
    expect(JSON.parse(first.stdout)).toMatchObject(expected)
    expect(first.stderr).toMatch(/block 357238 .*100%/)

    const txid = '07602a7db7ede3a9b5504e63c588aed41c8f21e74460c192462a01f4905c3dd7'
    const before = await runCli(['get', txid, '--json', '--store', url])
    const second = await runCli(args)
    expect(second.exitCode).toBe(0)
    expect(JSON.parse(second.stdout)).toMatchObject({
      ...expected,
      outputsCreated: 0,
      parentsSeeded: 0,
      transactionsAlreadyStored: 369,
    })
    expect((await runCli(['get', txid, '--json', '--store', url])).stdout).toBe(before.stdout)
    expect(JSON.parse(before.stdout)).toMatchObject({
      txid,
      outputs: expect.arrayContaining([expect.objectContaining({ state: 'spent' })]),
    })
  })

  it('replays a block with a transaction of 5,569 inputs', async () => {
    const { exitCode, stdout } = await runCli([
      'replay',
      BLOCK_364292,
      '--seed-missing-parents',
      '--json',
      '--store',
      storeUrl(server),
    ])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      blocks: 1,
      transactions: 2,
      inputsSpent: 5_569,
      outputsCreated: 2,
      parentsSeeded: 3_947,
    })
  })

  it('without stand-ins names how many parents are missing, stores what it can, and exits 1', async () => {
    const { exitCode, stdout, stderr } = await runCli(['replay', BLOCK_357238, '--store', storeUrl(server)])
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/missing parents\s+627/)
    expect(stderr).toMatch(/627 parents lie before the files.*--seed-missing-parents/)
  })

  it('prints one JSON document, also when parents are missing', async () => {
    const { exitCode, stdout } = await runCli(['replay', BLOCK_357238, '--json', '--store', storeUrl(server)])
    expect(exitCode).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ missingParents: 627, blocks: 1 })
  })

  it('refuses a double spend, names the winner, and goes on with the block', async () => {
    const url = storeUrl(server)
    const args = ['replay', BLOCK_357238, '--seed-missing-parents', '--json', '--store', url]
    const rival = await spendFirst(url)
    const { exitCode, stdout, stderr } = await runCli(args)
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ blocks: 1, doubleSpendsRefused: 1, missingParents: 0 })
    expect(stderr).toContain(rival)
  })

  it('takes the store from the environment', async () => {
    const url = storeUrl(server)
    expect((await runCli(['get', 'ab'.repeat(32)], { UTXO_STORE_URL: url })).exitCode).toBe(1)
  })
})

/** Spends an input of the block's second transaction by a rival before the block is replayed; returns the rival's txid. */
async function spendFirst(url: string): Promise<string> {
  const victim = parseBlock(readFileSync(BLOCK_357238)).transactions[1]
  const input = victim?.inputs[0]
  if (victim === undefined || input === undefined) throw new Error('the block has no second transaction')
  await using store = await UtxoStore.open(url)
  const satoshis =
    victim.outputs.reduce((sum, output) => sum + output.satoshis, 0n) / BigInt(victim.inputs.length) + 1n
  const output = { satoshis, lockingScript: Uint8Array.of(0x51) }
  await store.createPartial(input.previousTxid, new Map([[input.previousVout, output]]), 357_237)
  const rival = extendTransaction(
    parseTransaction(encodeTransaction({ version: 1, locktime: 7, inputs: [input], outputs: [output] })),
    [output],
  )
  await store.spend(rival, 357_238)
  return txidToHex(rival.txid)
}

describe('replay of a blk*.dat', () => {
  const folder = mkdtempSync(join(tmpdir(), 'replay-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  const [early, late] = [readFileSync(BLOCK_357238), readFileSync(BLOCK_364292)]
  const record = (block: Buffer): Buffer => {
    const head = Buffer.from('f9beb4d900000000', 'hex')
    head.writeUInt32LE(block.byteLength, 4)
    return Buffer.concat([head, block])
  }
  const written = (name: string, ...parts: Buffer[]): string => {
    const path = join(folder, name)
    writeFileSync(path, Buffer.concat(parts))
    return path
  }

  it('takes its blocks by height, whatever lies between them, and goes on after its checkpoint', async () => {
    const file = written(
      'mixed.dat',
      record(late),
      Buffer.from('half a block'),
      record(early),
      Buffer.alloc(5_000),
    )
    const checkpoint = join(folder, 'checkpoint.json')
    // A stand-in parent whose body the stopped process kept in its memory would be lost to the next one.
    const store = storeUrl(server, { externalStore: pathToFileURL(join(folder, 'bodies')).href })
    const args = [
      'replay',
      file,
      '--seed-missing-parents',
      '--checkpoint',
      checkpoint,
      '--json',
      '--store',
      store,
    ]
    const stopped = await interruptCli(args, 'stand-in parents', 'SIGINT')
    expect(stopped.exitCode).toBe(1)
    // A machine that is quick finishes the first block before the signal arrives.
    const [, done] =
      stopped.stderr.match(/stopped after ([01]) of 2 blocks\. Repeat the command with --checkpoint/) ?? []
    expect(['0', '1']).toContain(done)

    const first = await runCli(args)
    expect([first.exitCode, first.stderr]).toEqual([0, expect.stringContaining('12 bytes at offset')])
    const left =
      done === '0'
        ? { blocks: 2, transactions: 371, inputsSpent: 6_373 }
        : { blocks: 1, transactions: 2, inputsSpent: 5_569 }
    expect(JSON.parse(first.stdout)).toMatchObject(left)
    expect(first.stderr).toMatch(done === '0' ? /blocks 357238 to 364292/ : /block 364292/)
    expect(JSON.parse(readFileSync(checkpoint, 'utf8'))).toMatchObject({ height: 364_292 })

    const again = await runCli(args)
    expect([again.exitCode, JSON.parse(again.stdout)]).toEqual([0, expect.objectContaining({ blocks: 0 })])
    const other = await runCli([...args.slice(0, -1), storeUrl(server, { set: 'another' })])
    expect([other.exitCode, other.stderr]).toEqual([2, expect.stringContaining('the store is another')])
  }, 120_000)

  it('refuses one that is cut short, and stores nothing of a block that is not what its header says', async () => {
    const cut = await runCli(['replay', written('cut.dat', record(early), record(late).subarray(0, -1))])
    expect([cut.exitCode, cut.stderr]).toEqual([
      2,
      expect.stringContaining(`block at offset ${early.byteLength + 16} needs`),
    ])

    const changed = Buffer.from(early)
    changed[changed.byteLength - 5] = (changed[changed.byteLength - 5] ?? 0) ^ 1
    const url = storeUrl(server)
    const damaged = await runCli(['replay', written('damaged.dat', record(changed)), '--store', url])
    expect([damaged.exitCode, damaged.stderr]).toEqual([
      1,
      expect.stringContaining('do not hash to its Merkle root'),
    ])
    const coinbase = parseBlock(early).transactions[0]?.txid ?? new Uint8Array(32)
    expect((await runCli(['get', txidToHex(coinbase), '--store', url])).stderr).toMatch(/is not in the store/)
  })

  it('wants a store that lasts for a checkpoint', async () => {
    const { exitCode, stderr } = await runCli([
      'replay',
      BLOCK_357238,
      '--checkpoint',
      join(folder, 'none.json'),
    ])
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('a store that outlives the command')])
  })
})

describe('serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says when it is ready, serves, and stops cleanly on %s',
    async signal => {
      const served = await startServe(['--port', '0', '--namespace', 'one,two'])
      expect(served.ready).toMatch(/^ready aerospike:\/\/127\.0\.0\.1:\d+$/)
      const url = `${served.ready.slice('ready '.length)}/two?set=s&externalStore=memory:`
      const { exitCode, stdout } = await runCli([
        'replay',
        BLOCK_357238,
        '--seed-missing-parents',
        '--json',
        '--store',
        url,
      ])
      expect([exitCode, JSON.parse(stdout).inputsSpent]).toEqual([0, 804])
      expect(await served.stop(signal)).toBe(0)
    },
  )

  it('serves a cluster, and says where its first node is', async () => {
    const served = await startServe(['--port', '0', '--nodes', '3'])
    const [, host = '', port] = /^ready aerospike:\/\/(.*):(\d+)$/.exec(served.ready) ?? []
    const first = { host, port: Number(port) }
    expect(await ask(first, 'statistics')).toMatch(/(^|;)cluster_size=3;/)
    expect((await ask(first, 'services')).split(';')).toHaveLength(2)
    expect(await served.stop('SIGTERM')).toBe(0)
  })
})
