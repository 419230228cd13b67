import { describe, expect, it } from '@jest/globals'
import { markTransactionsOnLongestChain } from '../../../../lib/store/operations/mining/mark-longest-chain.ts'
import { processExpiredPreservations } from '../../../../lib/store/operations/pruning/expired-preservations.ts'
import { preserveTransactions } from '../../../../lib/store/operations/pruning/preserve.ts'
import { queryOldUnminedTransactions } from '../../../../lib/store/operations/pruning/unmined.ts'
import type { BatchRow, Queries, QueryRecord, RowAnswer } from '../../../../lib/transport/index.ts'
import {
  bytes32,
  contextWith,
  type Script,
  ScriptedTransport,
  scriptedQueries,
  udfAnswer,
} from '../../support/store-fixture.ts'

const OK = udfAnswer({ status: 'OK' })
const FILTERED_OUT = { status: 27 }
const first = (row: BatchRow): number | undefined => (row.key.userKey as Uint8Array)[0]
const record = (txid: unknown, totalExtraRecs = 0): QueryRecord => ({
  digest: new Uint8Array(20),
  bins: { txID: txid as Uint8Array, totalExtraRecs },
})

function setUp(script: Script, { queries = scriptedQueries(), settings = {} } = {}) {
  const logged: { event: string }[] = []
  const log = (fields: { event: string }): void => void logged.push(fields)
  const transport = new ScriptedTransport(script)
  const logger = { debug: log, info: log, warn: log, error: log }
  return { transport, logged, context: contextWith(transport, settings, { queries, logger }) }
}

describe('preserveTransactions', () => {
  const txids = [1, 2, 3].map(bytes32)
  const preserve = (script: Script) => {
    const { context, ...rest } = setUp(script)
    return { ...rest, result: preserveTransactions(context, txids, 2_000, undefined) }
  }

  it.each<[string, Partial<RowAnswer>, object]>([
    ['not at risk', FILTERED_OUT, { preserved: 2, passedOver: 1, failed: 0 }],
    ['missing', { status: 2 }, { preserved: 2, passedOver: 1, failed: 0 }],
    [
      'TX_NOT_FOUND',
      udfAnswer({ status: 'ERROR', errorCode: 'TX_NOT_FOUND' }),
      { preserved: 2, passedOver: 1, failed: 0 },
    ],
    ['refused', udfAnswer({ status: 'ERROR', errorCode: 'X' }), { preserved: 2, passedOver: 0, failed: 1 }],
    ['a server error', { status: 9 }, { preserved: 2, passedOver: 0, failed: 1 }],
    ['no answer of a UDF', { bins: {} }, { preserved: 2, passedOver: 0, failed: 1 }],
  ])('lesson 63: one that is %s fails no other', async (_, answer, counts) => {
    const { result, logged } = preserve((_row, index) => (index === 1 ? answer : OK))
    expect(await result).toEqual(counts)
    expect(logged.map(({ event }) => event)).toEqual(
      (counts as { failed: number }).failed > 0 ? ['preserve_failed'] : [],
    )
  })

  it('a batch that fails is thrown: the transactions may be pruned', async () => {
    const { result } = preserve(() => {
      throw new Error('no connection')
    })
    await expect(result).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it('pages of an external one are cleared; their failure is its failure', async () => {
    const { result, transport } = preserve(row => {
      if (row.kind === 'apply') return first(row) === 2 ? udfAnswer({ status: 'OK', signal: 'PRESERVE' }) : OK
      return row.kind === 'read' ? { bins: { totalExtraRecs: 2 } } : { status: 18 }
    })
    expect(await result).toEqual({ preserved: 2, passedOver: 0, failed: 1 })
    expect(transport.batches.map(rows => rows.length)).toEqual([3, 1, 2])
  })
})

describe('processExpiredPreservations', () => {
  it('goes on behind failures, and throws them at the end', async () => {
    const queries = scriptedQueries([
      record(bytes32(1)),
      record(bytes32(2)),
      record(bytes32(3)),
      record('no txid'),
    ])
    const { context, transport, logged } = setUp(
      row => (first(row) === 2 ? { status: 18 } : first(row) === 1 ? {} : FILTERED_OUT),
      { queries },
    )
    await expect(processExpiredPreservations(context, 900, undefined)).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
    })
    expect(transport.batches.map(rows => rows.map(first))).toEqual([[1, 1, 2, 2, 3, 3]])
    expect(logged).toEqual([expect.objectContaining({ event: 'record_skipped' })])
  })

  it('works in groups of 100', async () => {
    const queries = scriptedQueries(Array.from({ length: 201 }, () => record(bytes32(1))))
    const { context, transport } = setUp((_row, index) => (index % 2 === 0 ? {} : FILTERED_OUT), { queries })
    expect(await processExpiredPreservations(context, 900, undefined)).toBe(201)
    expect(transport.batches.map(rows => rows.length)).toEqual([200, 200, 2])
  })

  it('lesson 68: creates nothing, and with a retention of 0 gives no delete-at-height', async () => {
    const { context, transport } = setUp(() => ({}), {
      queries: scriptedQueries([record(bytes32(1))]),
      settings: { blockHeightRetention: 0 },
    })
    expect(await processExpiredPreservations(context, 900, undefined)).toBe(1)
    expect(transport.batches).toMatchObject([
      [{ exists: 'update-only', operations: [{ kind: 'unset', bin: 'preserveUntil' }] }],
    ])
  })
})

describe('queryOldUnminedTransactions', () => {
  it('lesson 65: a query that gives nothing within the idle timeout fails, and the caller is told', async () => {
    const asked: unknown[] = []
    const queries: Queries = {
      async *query(request, { idleTimeoutMs }) {
        asked.push(request.index, idleTimeoutMs)
        yield record(bytes32(1))
        throw new Error('idle')
      },
    }
    const { context } = setUp(() => ({}), { queries, settings: { queryIdleTimeoutSeconds: 7 } })
    await expect(queryOldUnminedTransactions(context, 900, undefined)).rejects.toThrow('idle')
    expect(asked).toEqual([{ bin: 'unminedSince', range: [1, 900] }, 7_000])
  })

  it('gives each transaction once, and passes over what has no txid', async () => {
    const queries = scriptedQueries([
      record(bytes32(1)),
      record(new Uint8Array(5)),
      record(bytes32(2)),
      record(undefined),
      record(bytes32(1)),
    ])
    const { context, logged } = setUp(() => ({}), { queries })
    expect(await queryOldUnminedTransactions(context, 900, undefined)).toEqual([bytes32(1), bytes32(2)])
    expect(logged).toHaveLength(2)
  })
})

describe('markTransactionsOnLongestChain', () => {
  it('judges only what it could mark, and tries all', async () => {
    const { context, transport } = setUp(row => {
      if (row.kind === 'write') return first(row) === 2 ? { status: 18 } : {}
      return OK
    })
    await expect(
      markTransactionsOnLongestChain(context, [1, 2, 3, 1].map(bytes32), true, undefined),
    ).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(transport.batches.map(rows => rows.map(row => [row.kind, first(row)]))).toEqual([
      [
        ['write', 1],
        ['write', 2],
        ['write', 3],
      ],
      [
        ['apply', 1],
        ['apply', 3],
      ],
    ])
  })

  it('a delete-at-height that could not be judged is an error', async () => {
    const { context } = setUp(row => (row.kind === 'write' ? {} : { status: 9, inDoubt: true }))
    await expect(
      markTransactionsOnLongestChain(context, [bytes32(1)], true, undefined),
    ).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })
})
