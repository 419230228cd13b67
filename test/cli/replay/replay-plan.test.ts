import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { txidToHex } from '../../../lib/bitcoin/index.ts'
import { indexBlocks, openBlock } from '../../../lib/cli/replay/block-index.ts'
import { orderBlocks } from '../../../lib/cli/replay/block-order.ts'
import { readCheckpoint, writeCheckpoint } from '../../../lib/cli/replay/checkpoint.ts'
import { type PlanOptions, planReplay } from '../../../lib/cli/replay/replay-plan.ts'
import { TxidFile } from '../../../lib/cli/replay/txid-file.ts'
import { blockFile, madeBlock, madeChain } from './block-chain.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-plan-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

type Blocks = readonly { readonly bytes: Uint8Array; readonly hash: Uint8Array }[]

let files = 0
async function written(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `blk${files++}.dat`)
  await writeFile(path, bytes)
  return path
}

/** Heights of the plan for files that hold these blocks, and how many blocks were left out. */
async function planned(contents: readonly Blocks[], options: PlanOptions = {}) {
  const paths = await Promise.all(contents.map(blocks => written(blockFile(blocks))))
  const { chains, staleCount } = orderBlocks(await indexBlocks(paths, () => {}))
  const plan = await planReplay(chains, options)
  const hashes = await Promise.all(
    plan.map(async ({ block }) => {
      const stream = await openBlock(block)
      await stream.close()
      return txidToHex(stream.hash)
    }),
  )
  return { heights: plan.map(({ height }) => height), hashes, staleCount }
}

const hashesOf = (blocks: Blocks): string[] => blocks.map(({ hash }) => txidToHex(hash))
const done = (blocks: Blocks, index: number, height: number) => {
  const blockHash = hashesOf(blocks)[index]
  if (blockHash === undefined) throw new RangeError('no such block')
  return { namespace: 'n', set: 's', blockHash, height }
}

describe('the order of blocks', () => {
  const chain = madeChain([5, 6, 7, 8, 9, 10])
  const shuffled = [3, 0, 5, 1, 4, 2].flatMap(index => chain[index] ?? [])

  it('is that of the chain, whatever that of the files', async () => {
    for (const contents of [[shuffled], [shuffled.slice(3), shuffled.slice(0, 3)], [shuffled, shuffled]]) {
      expect(await planned(contents)).toEqual({
        heights: [5, 6, 7, 8, 9, 10],
        hashes: hashesOf(chain),
        staleCount: 0,
      })
    }
  })

  it.each([
    ['in the middle', () => madeChain([8], { previous: chain[2]?.hash ?? new Uint8Array(), mark: 1 })],
    ['at the start', () => madeChain([5, 6], { mark: 1 })],
    [
      'of equal length, seen later',
      () => madeChain([10], { previous: chain[4]?.hash ?? new Uint8Array(), mark: 1 }),
    ],
  ])('leaves out a branch that lost %s', async (_, branch) => {
    const lost = branch()
    expect(await planned([[...shuffled, ...lost]])).toEqual({
      heights: [5, 6, 7, 8, 9, 10],
      hashes: hashesOf(chain),
      staleCount: lost.length,
    })
  })

  it('has gaps where the files have, and lower heights first', async () => {
    const [later, earlier] = [
      madeChain([50, 51]),
      madeChain([20, 21], { previous: new Uint8Array(32).fill(1) }),
    ]
    expect((await planned([[...later, ...earlier]])).heights).toEqual([20, 21, 50, 51])
  })

  it('counts from the height that is given where no coinbase tells one', async () => {
    const old = [madeBlock({ height: 0, version: 1, previous: new Uint8Array(32).fill(1) })]
    expect((await planned([old], { startHeight: 7 })).heights).toEqual([7])
    await expect(planned([old])).rejects.toThrow(/give --start-height/)
    await expect(planned([[...chain, ...old]], { startHeight: 5 })).rejects.toThrow(/give --start-height/)
  })

  it('goes on after a checkpoint, in the same files and in those that follow', async () => {
    const checkpoint = done(chain, 2, 7)
    expect((await planned([shuffled], { checkpoint })).heights).toEqual([8, 9, 10])
    expect((await planned([shuffled], { checkpoint, startHeight: 5 })).heights).toEqual([8, 9, 10])
    expect((await planned([chain.slice(3)], { checkpoint })).heights).toEqual([8, 9, 10])
    expect((await planned([chain], { checkpoint: done(chain, 5, 10) })).heights).toEqual([])
    await expect(planned([chain.slice(4)], { checkpoint })).rejects.toThrow(
      /neither in the files nor before them/,
    )
  })
})

describe('the index of blocks', () => {
  it('names the file and the offset where a block is cut short', async () => {
    const [first, second] = madeChain([5, 6])
    if (first === undefined || second === undefined) throw new RangeError('no block')
    const path = await written(blockFile([first, second]).subarray(0, -1))
    const offset = first.bytes.byteLength + 16
    await expect(indexBlocks([path], () => {})).rejects.toThrow(
      new RegExp(`${path}: block at offset ${offset} needs`),
    )
  })

  it('tells of bytes that belong to no block', async () => {
    const [first, second] = madeChain([5, 6])
    if (first === undefined || second === undefined) throw new RangeError('no block')
    const path = await written(Buffer.concat([blockFile([first]), Buffer.from('half'), blockFile([second])]))
    const garbage: unknown[] = []
    expect(await indexBlocks([path], (_, found) => garbage.push(found))).toHaveLength(2)
    expect(garbage).toEqual([{ offset: first.bytes.byteLength + 8, sizeBytes: 4 }])
  })
})

describe('a checkpoint', () => {
  const checkpoint = { namespace: 'n', set: 's', blockHash: 'ab'.repeat(32), height: 7 }

  it('comes back as it was written, each over the last, and leaves no other file', async () => {
    const own = await mkdtemp(join(folder, 'checkpoint-'))
    const path = join(own, 'progress.json')
    expect(await readCheckpoint(path)).toBeUndefined()
    await writeCheckpoint(path, { ...checkpoint, height: 6 })
    await writeCheckpoint(path, checkpoint)
    expect(await readCheckpoint(path)).toEqual(checkpoint)
    expect(await readdir(own)).toEqual(['progress.json'])
  })

  it.each(['', '{}', 'null', '{"format":2}', JSON.stringify({ format: 1, ...checkpoint, blockHash: 'x' })])(
    'is not %j',
    async text => {
      const path = await written(Buffer.from(text))
      await expect(readCheckpoint(path)).rejects.toThrow(/is no checkpoint/)
    },
  )
})

describe('TxidFile', () => {
  it('gives back what was noted, in order, and leaves nothing behind', async () => {
    const txids = Array.from({ length: 10_000 }, (_, index) => {
      const txid = Buffer.alloc(32)
      txid.writeUInt32LE(index)
      return new Uint8Array(txid)
    })
    const before = await ownFiles()
    {
      await using file = await TxidFile.create()
      await file.append(txids.slice(0, 9_000))
      await file.append(txids.slice(9_000))
      const found: Uint8Array[] = []
      for await (const chunk of file.chunks()) found.push(...chunk)
      expect(Buffer.concat(found).equals(Buffer.concat(txids))).toBe(true)
    }
    expect(await ownFiles()).toEqual(before)
  })
})

async function ownFiles(): Promise<string[]> {
  return (await readdir(tmpdir())).filter(name => name.startsWith('utxo-store-txids-'))
}
