import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import type { SubtreeNodes } from '../../lib/asset/subtree-files.ts'
import { type BuildOptions, subtreeTransactions } from '../../lib/asset/subtree-transactions.ts'
import type { TransactionSource } from '../../lib/asset/transaction-source.ts'
import { HeldSource, PLACEHOLDER, sampleSubtree, sampleTransaction } from './asset-kit.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function nodesOf(txs: readonly { txid: Uint8Array; sizeBytes: number }[]): SubtreeNodes {
  return {
    count: txs.length,
    read: async (from, count) => txs.slice(from, from + count),
    close: async () => {},
  }
}

const options = (source: TransactionSource, changes: Partial<BuildOptions> = {}): BuildOptions => ({
  source,
  chunkTransactionsMax: 1_000,
  chunkBytesMax: 1_000_000,
  fetchConcurrency: 1,
  signal: new AbortController().signal,
  ...changes,
})

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Buffer[]> {
  const found: Buffer[] = []
  for await (const piece of pieces) found.push(Buffer.from(piece))
  return found
}

describe('the transactions of a subtree', () => {
  const subtree = sampleSubtree(700)
  const source = (): HeldSource => new HeldSource().add(subtree)

  it('come in pieces of 256, in order', async () => {
    const pieces = await all(subtreeTransactions(nodesOf(subtree.txs), options(source())))
    expect(pieces).toHaveLength(3)
    expect(Buffer.concat(pieces).equals(subtree.data)).toBe(true)
  })

  it('come in pieces of 256 KiB where they are large', async () => {
    const large = sampleSubtree(20, { scriptBytes: 100_000 })
    const pieces = await all(subtreeTransactions(nodesOf(large.txs), options(new HeldSource().add(large))))
    expect(pieces.map(piece => piece.byteLength > 400_000)).not.toContain(true)
    expect(Buffer.concat(pieces).equals(large.data)).toBe(true)
  })

  it.each([
    ['transactions', { chunkTransactionsMax: 300 }, [300, 300, 100]],
    ['bytes', { chunkBytesMax: 200 * (subtree.txs[0]?.sizeBytes ?? 0) }, [200, 200, 200, 100]],
    ['at least one, however large', { chunkBytesMax: 1 }, Array.from({ length: 700 }, () => 1)],
  ])('are read by chunks of so many %s', async (_what, limits, batches) => {
    const store = source()
    const pieces = await all(subtreeTransactions(nodesOf(subtree.txs), options(store, limits)))
    expect(store.batches).toEqual(batches)
    expect(Buffer.concat(pieces).equals(subtree.data)).toBe(true)
  })

  it('leave the coinbase out, which stands in the first place', async () => {
    const store = source()
    const coinbase = { txid: PLACEHOLDER, sizeBytes: 0 }
    const pieces = await all(subtreeTransactions(nodesOf([coinbase, ...subtree.txs]), options(store)))
    expect(Buffer.concat(pieces).equals(subtree.data)).toBe(true)
    expect(await all(subtreeTransactions(nodesOf([coinbase]), options(store)))).toEqual([])
    const misplaced = nodesOf([...subtree.txs.slice(0, 3), coinbase])
    await expect(all(subtreeTransactions(misplaced, options(store)))).rejects.toMatchObject({
      code: 'PROCESSING',
    })
  })

  it('are what the subtree says, or nothing', async () => {
    const store = source()
    const txid = subtree.txs[5]?.txid as Uint8Array
    store.replace(txid, sampleTransaction())
    const read = (): Promise<Buffer[]> => all(subtreeTransactions(nodesOf(subtree.txs), options(store)))
    await expect(read()).rejects.toThrow(/the store has another transaction .*\(5 of the subtree\)/)
    store.remove(txid)
    await expect(read()).rejects.toMatchObject({
      code: 'PROCESSING',
      message: expect.stringContaining('(5 of the subtree)'),
      cause: expect.objectContaining({ code: 'TX_NOT_FOUND' }),
    })
    const short: TransactionSource = { batchDecorate: async () => [] }
    await expect(all(subtreeTransactions(nodesOf(subtree.txs), options(short)))).rejects.toMatchObject({
      code: 'PROCESSING',
    })
  })

  it('lesson 92: end within 256 of them when the client goes', async () => {
    const gone = new AbortController()
    let encoded = 0
    const store = source()
    const counting: TransactionSource = {
      batchDecorate: async txids =>
        (await store.batchDecorate(txids)).map(answer => ({
          error: null,
          get data() {
            // The signal fires in a turn of the event loop, as a socket's close does.
            if (encoded++ === 0) setImmediate(() => gone.abort(new Error('gone')))
            return answer.data
          },
        })),
    }
    const pieces = subtreeTransactions(nodesOf(subtree.txs), options(counting, { signal: gone.signal }))
    await expect(pieces.next()).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(encoded).toBe(256)
    expect(await pieces.next()).toEqual({ done: true, value: undefined })
  })

  it('lesson 92: hold none that was handed out', async () => {
    const pieces = subtreeTransactions(nodesOf(subtree.txs), options(source()))
    const take = async (): Promise<WeakRef<Uint8Array>> => {
      const { value } = await pieces.next()
      return new WeakRef(value as Uint8Array)
    }
    const first = await take()
    const second = await take()
    await new Promise(resolve => setImmediate(resolve))
    collectGarbage()
    expect(first.deref()).toBeUndefined()
    expect(second).toBeDefined()
    await pieces.return()
  })
})
