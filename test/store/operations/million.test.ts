import { beforeAll, describe, expect, it } from '@jest/globals'
import type { StoreError } from '../../../lib/errors/index.ts'
import type { SettingsInput } from '../../../lib/settings/index.ts'
import { createBatchers } from '../../../lib/store/calls/batchers.ts'
import type { StoreContext } from '../../../lib/store/context/store-context.ts'
import type { Progress } from '../../../lib/store/dispatch/progress.ts'
import { setLocked } from '../../../lib/store/operations/locking/set-locked.ts'
import { markTransactionsOnLongestChain } from '../../../lib/store/operations/mining/mark-longest-chain.ts'
import { setMinedMulti } from '../../../lib/store/operations/mining/set-mined.ts'
import { batchDecorate } from '../../../lib/store/operations/reading/batch-decorate.ts'
import { batchPreviousOutputs } from '../../../lib/store/operations/reading/batch-previous-outputs.ts'
import { TxidList } from '../../../lib/store/txid-list.ts'
import type { BatchRow, RowAnswer, Transport } from '../../../lib/transport/index.ts'
import { sampleTransaction } from '../support/sample-transaction.ts'
import { contextWith, udfAnswer } from '../support/store-fixture.ts'

const MILLION = 1_000_000
const MINED = { blockId: 7, blockHeight: 7, subtreeIdx: 0, onLongestChain: true }
const ROWS = 200
const SETTINGS = {
  maxMinedBatchSize: ROWS,
  maxMinedRoutines: 4,
  batcherMaxConcurrent: 4,
  lockedBatcherSize: ROWS,
  lockedBatcherDurationMillis: 0,
  outpointBatcherSize: ROWS,
  outpointBatcherDurationMillis: 0,
} as const

/** Answers everything at the end of the turn, and counts what it holds meanwhile. */
class CountingTransport implements Transport {
  rowsOfBatchMax = 0
  rowsInFlightMax = 0
  status = 0
  /** Called before each batch. */
  onBatch: () => void = () => {}
  #rowsInFlight = 0

  async batchOperate(rows: readonly BatchRow[]): Promise<readonly RowAnswer[]> {
    this.onBatch()
    this.rowsOfBatchMax = Math.max(this.rowsOfBatchMax, rows.length)
    this.#rowsInFlight += rows.length
    this.rowsInFlightMax = Math.max(this.rowsInFlightMax, this.#rowsInFlight)
    await new Promise(setImmediate)
    this.#rowsInFlight -= rows.length
    const good = rows[0]?.kind === 'apply' ? udfAnswer({ status: 'OK', blockIDs: [7] }) : READ
    return rows.map((_, index) => ({ index, inDoubt: false, bins: undefined, ...good, status: this.status }))
  }
}

const READ = { bins: { fee: 1, outputs: [Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 1, 0x51])] } }

let txids: Uint8Array[]
beforeAll(() => {
  const bytes = Buffer.alloc(MILLION * 32)
  txids = Array.from({ length: MILLION }, (_, index) => {
    bytes.writeUInt32LE(index, index * 32)
    return new Uint8Array(bytes.buffer, index * 32, 32)
  })
})

interface Call {
  readonly name: string
  run(
    context: StoreContext,
    count: number,
    signal: AbortSignal | undefined,
    onProgress: (progress: Progress) => void,
  ): Promise<unknown>
}

const listOf = (count: number): TxidList => new TxidList(txids.slice(0, count))

const CALLS: readonly Call[] = [
  {
    name: 'setMinedMulti',
    run: async (context, count, signal, onProgress) =>
      (await setMinedMulti(context, listOf(count), MINED, signal, onProgress)).size,
  },
  {
    name: 'batchDecorate',
    run: async (context, count, signal, onProgress) =>
      (await batchDecorate(context, listOf(count), ['fee'], signal, onProgress)).filter(
        ({ data }) => data?.fee === 1,
      ).length,
  },
  {
    name: 'setLocked',
    run: async (context, count, signal, onProgress) => {
      await setLocked(context, createBatchers(context).locked, listOf(count), {
        locked: true,
        signal,
        onProgress,
      })
      return count
    },
  },
  {
    name: 'batchPreviousOutputsDecorate',
    run: async (context, count, signal, onProgress) => {
      const { outpoint } = createBatchers(context)
      const tx = sampleTransaction({ spends: [{ txid: new Uint8Array(32).fill(3), vout: 0 }] })
      const txs = new Array<typeof tx>(count).fill(tx)
      const found = await batchPreviousOutputs(context, outpoint, txs, { signal, onProgress })
      return found.filter(({ tx: whole }) => whole?.isExtended).length
    },
  },
  {
    name: 'markTransactionsOnLongestChain',
    run: async (context, count, signal, onProgress) => {
      await markTransactionsOnLongestChain(context, listOf(count), true, signal, onProgress)
      return count
    },
  },
]

async function observed(call: Call, count: number, settings: SettingsInput = {}) {
  const transport = new CountingTransport()
  const reports: Progress[] = []
  const context = contextWith(transport, { ...SETTINGS, ...settings })
  const result = await call.run(context, count, undefined, progress => void reports.push(progress))
  return { transport, reports, result }
}

describe('a million at once', () => {
  // The others have the same splitter; a million of each would only take the suite's time.
  it.each(CALLS.map(call => ({ call, count: call.name === 'setMinedMulti' ? MILLION : 4_000 })))(
    '$call.name of $count goes out in batches, few at a time, and tells how far it is',
    async ({ call, count }) => {
      const { transport, reports, result } = await observed(call, count)
      expect(result).toBe(count)
      expect(transport.rowsOfBatchMax).toBeLessThanOrEqual(ROWS)
      // Four lanes, and as many batches of what follows from one of theirs.
      expect(transport.rowsInFlightMax).toBeLessThanOrEqual(2 * 4 * ROWS)
      expect(reports.at(-1)).toEqual({ done: count, total: count })
      expect(reports.map(({ done }) => done)).toEqual(
        [...reports.map(({ done }) => done)].sort((a, b) => a - b),
      )
      expect(reports.length).toBeGreaterThanOrEqual(count / ROWS)
    },
    // Ten seconds of work, where nothing else wants the processor.
    240_000,
  )

  it.each(CALLS)('$name ends between batches when its signal fires', async call => {
    const transport = new CountingTransport()
    const controller = new AbortController()
    let batches = 0
    transport.onBatch = () => {
      batches += 1
      if (batches === 5) controller.abort(new Error('enough'))
    }
    const context = contextWith(transport, SETTINGS)
    const ended = await call.run(context, 4_000, controller.signal, () => {}).catch((error: unknown) => error)
    expect(ended).toMatchObject({ code: 'CONTEXT_CANCELED' })
    await new Promise(setImmediate)
    // Those that were in work, with what follows from them.
    expect(batches).toBeLessThanOrEqual(5 + 2 * 4)
  })

  it.each(CALLS.filter(({ name }) => !name.startsWith('batch')))(
    '$name of which all fail keeps ten errors',
    async call => {
      const transport = new CountingTransport()
      transport.status = 2
      const context = contextWith(transport, SETTINGS)
      const error = await call.run(context, 4_000, undefined, () => {}).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        code: 'TX_NOT_FOUND',
        message: expect.stringMatching(/^4000 of 4000 /),
      })
      expect(((error as StoreError).cause as AggregateError).errors).toHaveLength(10)
    },
  )

  it('setLocked leaves room in the queue for others', async () => {
    const transport = new CountingTransport()
    const context = contextWith(transport, { ...SETTINGS, lockedBatcherSize: 10, batcherQueueItemsMin: 800 })
    const { locked } = createBatchers(context)
    const cap = locked.queueItemsMax
    let most = 0
    transport.onBatch = () => {
      most = Math.max(most, locked.queuedItems)
    }
    await setLocked(context, locked, listOf(600), { locked: true })
    expect(most).toBeLessThanOrEqual(cap / 4)
  })
})

describe('TxidList', () => {
  it('holds copies, whose slices hold no more than themselves alive', () => {
    const given = [new Uint8Array(32).fill(1), `${'00'.repeat(31)}02`, new Uint8Array(32).fill(3)]
    const list = new TxidList(given)
    ;(given[0] as Uint8Array).fill(9)
    const [first, second] = list.slice(0, 2)
    expect([first?.[0], second?.[0], second?.[31], list.length]).toEqual([1, 2, 0, 3])
    expect(first?.buffer.byteLength).toBe(64)
  })

  it('names the entry that is no txid', () => {
    expect(() => new TxidList([new Uint8Array(32), 'ab'])).toThrow(/txids\[1\]/)
    expect(() => new TxidList('ab' as never)).toThrow(/txids must be an array/)
  })
})
