import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { MemoryStore } from '../../../../lib/external/index.ts'
import { chunksAtOnce, prune } from '../../../../lib/store/operations/pruning/prune.ts'
import { type BatchRow, type Queries, QueryError, type QueryRecord } from '../../../../lib/transport/index.ts'
import {
  bytes32,
  contextWith,
  type Script,
  ScriptedTransport,
  scriptedAdministration,
} from '../../support/store-fixture.ts'

const HEIGHT = 500
/** One input, which spends output 5 of the transaction that is the number everywhere. */
const inputOf = (parent: number): Buffer => Buffer.concat([bytes32(parent), Buffer.from([5, 0, 0, 0])])
const master = (txid: number, bins: QueryRecord['bins'] = {}): QueryRecord => ({
  digest: new Uint8Array(20).fill(txid),
  bins: { txID: bytes32(txid), totalExtraRecs: 0, inputs: [inputOf(txid + 100)], ...bins },
})

/** Found by the index on delete-at-heights; nothing else is found. */
function finding(records: readonly QueryRecord[], failure?: QueryError): Queries {
  return {
    async *query({ index, partitions }, { onPartitions }) {
      if (index?.bin !== 'deleteAtHeight' || partitions?.begin !== 0) return
      yield* records
      if (failure !== undefined) throw failure
      onPartitions?.(partitions.count)
    },
  }
}

const kindOf = (row: BatchRow): string => {
  const isMaster = (row.key.userKey as Uint8Array).length === 32 && row.key.set === 'utxo'
  return `${row.kind} ${isMaster ? 'master' : row.key.set === 'utxo' ? 'other' : 'intent'}`
}

function setUp(
  records: readonly QueryRecord[],
  script: Script = () => undefined,
  settings = {},
  queries = finding(records),
) {
  const due: Script = (row, index) =>
    script(row, index) ?? (row.kind === 'read' ? { bins: { deleteAtHeight: 400 } } : {})
  const transport = new ScriptedTransport(due)
  const logged: string[] = []
  const log = ({ event }: { event: string }): void => void logged.push(event)
  const external = new MemoryStore()
  const context = contextWith(
    transport,
    {
      prunerUtxoPartitionQueries: 1,
      unminedTxRetention: HEIGHT,
      prunerBlobDeletionSafetyWindow: 0,
      ...settings,
    },
    { queries, external, logger: { debug: log, info: log, warn: log, error: log } },
  )
  const run = (signal?: AbortSignal) => prune(context, HEIGHT, { signal, onProgress: undefined })
  return { transport, context, run, logged, external }
}

afterEach(() => {
  jest.useRealTimers()
})

describe('a run of the pruner', () => {
  it('looks again, tells the parents, then removes: in this order', async () => {
    const { transport, run } = setUp([master(1), master(2)])
    expect(await run()).toMatchObject({ processed: 2, parentsMarked: 2 })
    expect(transport.batches.map(rows => rows.map(kindOf))).toEqual([
      ['read master', 'read master'],
      ['write master', 'write master'],
      ['remove master', 'remove master'],
    ])
    expect(transport.batches[1]?.[0]).toMatchObject({
      exists: 'update-only',
      operations: [{ kind: 'map-put', bin: 'deletedChildren', key: '01'.repeat(32), value: true }],
    })
    for (const row of transport.batches[2] ?? []) expect(row.filter).toBeDefined()
  })

  it('counts what chunks do side by side', async () => {
    const records = [1, 2, 3, 4, 5, 6].map(txid => master(txid))
    const { run } = setUp(records, undefined, { prunerUtxoChunkSize: 1, prunerUtxoChunkGroupLimit: 6 })
    expect(await run()).toMatchObject({ processed: 6, parentsMarked: 6 })
  })

  it('marks the page that holds the output, once for all its spenders', async () => {
    const { transport, run } = setUp([master(1), master(2, { inputs: [inputOf(101)] })], undefined, {
      utxoBatchSize: 2,
    })
    expect(await run()).toMatchObject({ processed: 2, parentsMarked: 1 })
    const [row] = transport.batches[1] ?? []
    expect(Buffer.from(row?.key.userKey as Uint8Array).toString('hex')).toBe(`${'65'.repeat(32)}02000000`)
    expect(row?.kind === 'write' && row.operations.length).toBe(2)
  })

  it.each<[string, object]>([
    ['preserved', { deleteAtHeight: 400, preserveUntil: 900 }],
    ['unspent', {}],
    ['due later', { deleteAtHeight: 501 }],
    // What the reference writes for "never".
    ['never due', { deleteAtHeight: 4_294_967_295 }],
  ])('tells no parent of one that is %s by now', async (_, bins) => {
    const { transport, run } = setUp([master(1)], () => ({ bins: bins as never }))
    expect(await run()).toMatchObject({ processed: 0, skipped: 1 })
    expect(transport.batches.length).toBe(1)
  })

  it.each<[string, Script, object]>([
    ['filtered out', () => ({ status: 27 }), { processed: 0, skipped: 1, failed: 0 }],
    ['gone', () => ({ status: 2 }), { processed: 0, skipped: 1, failed: 0 }],
    ['refused', () => ({ status: 18 }), { processed: 0, skipped: 0, failed: 1 }],
  ])('counts a removal that is %s', async (_, answer, counts) => {
    const { run } = setUp([master(1)], (row, index) =>
      row.kind === 'remove' ? answer(row, index) : undefined,
    )
    expect(await run()).toMatchObject(counts)
  })

  it('lesson 67: removes nothing of a chunk where a parent could not be told; a parent that is gone is fine', async () => {
    const parentAnswers = (status: number) =>
      setUp([master(1), master(2)], row =>
        row.kind === 'write' && (row.key.userKey as Uint8Array)[0] === 101 ? { status } : undefined,
      )
    const refused = parentAnswers(14)
    expect(await refused.run()).toMatchObject({ processed: 0, failed: 2 })
    expect(refused.transport.batches.flat().some(({ kind }) => kind === 'remove')).toBe(false)
    expect(refused.logged).toEqual(['prune_chunk_failed'])
    expect(await parentAnswers(2).run()).toMatchObject({ processed: 2, parentsMarked: 1 })
  })

  it('passes over damaged inputs, and records that are no transactions', async () => {
    const { run, logged } = setUp([
      master(1, { inputs: [Buffer.alloc(35)] }),
      master(2, { inputs: 'x' }),
      { digest: new Uint8Array(20), bins: { lock_type: 'x' } },
      master(3),
    ])
    expect(await run()).toMatchObject({ processed: 1, failed: 2, skipped: 1 })
    expect([...logged].sort()).toEqual(['prune_failed', 'prune_failed', 'record_skipped'])
  })

  it('removes a body after pages after the master, within lock and intent', async () => {
    const { transport, run, external } = setUp(
      [master(1, { external: true, totalExtraRecs: 2 })],
      (row, _index) => {
        const isLookForMaster = row.kind === 'read' && row.bins.length === 0
        return isLookForMaster ? { status: 2 } : undefined
      },
    )
    await external.set('01'.repeat(32), 'outputs', bytes32(0))
    const deleted = external.delete.bind(external)
    const steps: string[] = []
    external.delete = async (txid, type) => {
      steps.push(`${transport.batches.length} ${type}`)
      await deleted(txid, type)
    }
    expect(await run()).toMatchObject({ processed: 1, pagesRemoved: 2, bodiesRemoved: 1, removalsLeft: 0 })
    expect(transport.batches.map(rows => rows.map(kindOf).join())).toEqual([
      'read master',
      'write other',
      'read master,read other,read other',
      'write intent',
      'remove master',
      'read master',
      'remove other,remove other',
      'remove intent',
      'remove other',
    ])
    expect(steps).toEqual(['7 tx', '7 outputs'])
    expect(transport.batches[1]?.[0]).toMatchObject({ exists: 'create-only', ttlSeconds: 36 })
  })

  it('tries a body again, then leaves it with its intent', async () => {
    const { transport, run, external, logged } = setUp(
      [master(1, { external: true })],
      row => (row.kind === 'read' && row.bins.length === 0 ? { status: 2 } : undefined),
      { prunerBlobDeletionRetries: 2 },
    )
    let attempts = 0
    external.delete = async () => {
      attempts += 1
      throw new Error('no disk')
    }
    expect(await run()).toMatchObject({ processed: 1, bodiesMissing: 1, bodiesRemoved: 0, removalsLeft: 1 })
    expect(attempts).toBe(3)
    expect(transport.batches.flat().map(kindOf)).not.toContain('remove intent')
    expect(logged).toEqual(['prune_body_missing', 'prune_removal_left'])
  })

  it('lets records expire instead, by the setting', async () => {
    const { transport, run } = setUp([master(1)], undefined, { prunerUtxoSetTTL: true })
    expect(await run()).toMatchObject({ processed: 1 })
    expect(transport.batches.at(-1)).toMatchObject([{ kind: 'write', exists: 'update-only', ttlSeconds: 1 }])
    expect(transport.batches.at(-1)?.[0]?.filter).toBeDefined()
  })

  it('ends with the failure of a query, after what was read has been pruned', async () => {
    const failure = new QueryError('STORAGE_ERROR', 'no index', { begin: 1, count: 1 })
    const { run } = setUp([master(1)], undefined, {}, finding([master(1)], failure))
    await expect(run()).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
      message: expect.stringContaining('1 transactions were pruned'),
    })
  })

  it('stops between chunks when it is given up or out of time, and brings a chunk to its end', async () => {
    const controller = new AbortController()
    const records = Array.from({ length: 5 }, (_, n) => master(n + 1))
    const settings = { prunerUtxoChunkSize: 1, prunerUtxoChunkGroupLimit: 1 }
    const given = setUp(
      records,
      row => {
        if (row.kind === 'write') controller.abort()
        return undefined
      },
      settings,
    )
    await expect(given.run(controller.signal)).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(given.transport.batches.flat().filter(({ kind }) => kind === 'remove').length).toBe(1)
  })

  it('says so when its time is over, and leaves the rest', async () => {
    jest.useFakeTimers()
    const records = Array.from({ length: 5 }, (_, n) => master(n + 1))
    const { run } = setUp(
      records,
      row => {
        if (row.kind === 'write') jest.advanceTimersByTime(1_000)
        return undefined
      },
      { prunerUtxoChunkSize: 1, prunerUtxoChunkGroupLimit: 1, prunerJobTimeout: 1_000 },
    )
    expect(await run()).toMatchObject({ outcome: 'timed out', processed: 1 })
    expect(jest.getTimerCount()).toBe(0)
  })

  it('does not run without its index', async () => {
    const context = contextWith(
      new ScriptedTransport(() => ({})),
      {},
      {
        administration: {
          ...scriptedAdministration(),
          ensureIndex: async () => {
            throw new Error('no node')
          },
        },
      },
    )
    await expect(prune(context, 1, { signal: undefined, onProgress: undefined })).rejects.toMatchObject({
      code: 'PROCESSING',
    })
  })

  it('removes nothing where the parents of an unmined transaction could not be preserved', async () => {
    const queries: Queries = {
      async *query({ index }) {
        if (index?.bin === 'unminedSince' || index?.bin === 'deleteAtHeight') yield master(1)
      },
    }
    const { run, transport } = setUp(
      [],
      row => (row.kind === 'apply' ? { status: 18 } : undefined),
      { unminedTxRetention: 10 },
      queries,
    )
    await expect(run()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(transport.batches.flat().some(({ kind }) => kind === 'remove')).toBe(false)
  })
})

describe('chunks side by side', () => {
  it.each([
    // queries, connections, chunks
    [2, 128, 10],
    [8, 128, 10],
    [16, 128, 5],
    [4, 8, 1],
    [1, 1, 1],
  ])('of %d queries with %d connections are %d', (queries, connectionsMax, expected) => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    Object.assign(context, { connectionsMax })
    expect(chunksAtOnce(context, queries)).toBe(expected)
  })
})
