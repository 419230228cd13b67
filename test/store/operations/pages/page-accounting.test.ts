import { describe, expect, it } from '@jest/globals'
import type { StoreError } from '../../../../lib/errors/index.ts'
import { pageKey } from '../../../../lib/record/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import { setDeleteAtHeightHandler } from '../../../../lib/store/operations/pages/delete-at-height.ts'
import { incrementHandler } from '../../../../lib/store/operations/pages/increment.ts'
import { followUpSignals } from '../../../../lib/store/operations/pages/page-accounting.ts'
import type { BatchRow, RowAnswer } from '../../../../lib/transport/index.ts'
import { codeOf, handled } from '../../support/handled.ts'
import {
  bytes32,
  contextWith,
  type Script,
  ScriptedTransport,
  udfAnswer,
} from '../../support/store-fixture.ts'

const OK = udfAnswer({ status: 'OK' })
const change = (txid: number, by = 1, height = 1_000) => ({ txid: bytes32(txid), change: by, height })
const BAD_KEY = { txid: new Uint8Array(3), change: 1, height: 1_000 }

/** `function argument…` of a UDF call, or what a row does to which page. */
function told(row: BatchRow): string {
  const page = row.key.userKey.length === 36 ? (row.key.userKey as Uint8Array)[32] : 0
  if (row.kind === 'apply') return `${row.function} ${row.args.join(' ')}`
  if (row.kind !== 'write') return `${row.kind} ${page}`
  const [operation] = row.operations
  return `${operation?.kind === 'put' ? `put ${operation.value}` : operation?.kind} on ${page}`
}

describe('the increment handler', () => {
  async function increments(requests: ReturnType<typeof change>[], script: Script) {
    const transport = new ScriptedTransport(script)
    const outcomes = await handled(incrementHandler(contextWith(transport)), requests)
    return { codes: outcomes.map(codeOf), outcomes, batches: transport.batches.map(rows => rows.map(told)) }
  }

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['a missing record', { status: 2 }, 'TX_NOT_FOUND'],
    ['TX_NOT_FOUND', udfAnswer({ status: 'ERROR', errorCode: 'TX_NOT_FOUND' }), 'TX_NOT_FOUND'],
    ['another refusal', udfAnswer({ status: 'ERROR', errorCode: 'INVALID_PARAMETER' }), 'STORAGE_ERROR'],
    ['a timeout in doubt', { status: 9, inDoubt: true }, 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR'],
    ['lesson 06: no bin SUCCESS', { bins: {} }, 'PROCESSING'],
  ])('%s fails its own item', async (_, answer, code) => {
    const { codes } = await increments([change(1), change(2), change(3)], (_row, index) =>
      index === 1 ? answer : OK,
    )
    expect(codes).toEqual(['ok', code, 'ok'])
  })

  it('lesson 08: behind an item with a bad key every item gets its own answer', async () => {
    const { codes, outcomes } = await increments([change(1), BAD_KEY, change(3), change(4)], row =>
      (row.key.userKey as Uint8Array)[0] === 3 ? { status: 2 } : OK,
    )
    expect(codes).toEqual(['ok', 'INVALID_ARGUMENT', 'TX_NOT_FOUND', 'ok'])
    expect((outcomes[2] as StoreError).message).toContain('03'.repeat(32))
  })

  it('adds up the changes of one master, at the greatest height', async () => {
    const { codes, batches } = await increments(
      [change(1, 3, 900), change(2), change(1, -1, 950), change(1, -1, 800)],
      () => OK,
    )
    expect(codes).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(batches).toEqual([
      ['incrementSpentExtraRecs 1 950 288 0 0 false', 'incrementSpentExtraRecs 1 1000 288 0 0 false'],
    ])
  })

  it('lesson 14: a batch that fails as a whole fails every item once, and nothing follows', async () => {
    let batches = 0
    const context = contextWith({
      batchOperate: async () => {
        batches += 1
        throw new Error('no connection')
      },
    })
    const outcomes = await handled(incrementHandler(context), [change(1), BAD_KEY, change(1)])
    expect(outcomes.map(codeOf)).toEqual(['STORAGE_ERROR', 'INVALID_ARGUMENT', 'STORAGE_ERROR'])
    expect(batches).toBe(1)
  })

  /** A master that becomes prunable, with two pages. */
  const prunable =
    (pages: Partial<RowAnswer> | undefined, master: object = { deleteAtHeight: 1_288 }): Script =>
    row => {
      if (row.kind === 'apply') return udfAnswer({ status: 'OK', signal: 'DAHSET', childCount: 2 })
      if (row.kind === 'write') return {}
      return row.key.userKey.length === 36 ? pages : { bins: master as never }
    }
  const SPENT = { bins: { spentUtxos: 2, recordUtxos: 2 } }
  const INCREMENT = ['incrementSpentExtraRecs 1 1000 288 0 0 false']
  const VERIFY = ['read 0', 'read 1', 'read 2']

  it.each<[string, Script, string, string[][]]>([
    [
      'believes fully spent pages, and looks at the master again',
      prunable({ bins: { ...SPENT.bins, lastSpentState: 'ALLSPENT' } }),
      'ok',
      [['put 1288 on 1', 'put 1288 on 2'], ['read 0']],
    ],
    [
      'lesson 47: takes it from the pages again when the master has none any more',
      prunable(SPENT, {}),
      'ok',
      [['put 1288 on 1', 'put 1288 on 2'], ['read 0'], ['unset on 1', 'unset on 2'], ['read 0']],
    ],
    [
      'follows a master that has a later one by now',
      prunable(SPENT, { deleteAtHeight: 1_300 }),
      'ok',
      [['put 1288 on 1', 'put 1288 on 2'], ['read 0'], ['put 1300 on 1', 'put 1300 on 2'], ['read 0']],
    ],
    [
      'lesson 45: takes it back from a master with unspent pages, and reports success',
      prunable({ bins: { spentUtxos: 1, recordUtxos: 2 } }),
      'ok',
      [['unset on 0'], ['unset on 1', 'unset on 2']],
    ],
    [
      'lesson 45: also with pages that are about to be opened',
      prunable({ bins: { ...SPENT.bins, lastSpentState: 'NOTALLSPENT' } }),
      'ok',
      [['unset on 0'], ['unset on 1', 'unset on 2']],
    ],
    [
      'lesson 45: also with a page that says nothing',
      prunable({ bins: {} }),
      'ok',
      [['unset on 0'], ['unset on 1', 'unset on 2']],
    ],
    [
      'lesson 45: also with pages that fail, which is an error',
      prunable({ status: 9 }),
      'STORAGE_ERROR',
      [['unset on 0'], ['unset on 1', 'unset on 2']],
    ],
    [
      'lesson 45: also with pages that give no answer',
      prunable(undefined),
      'STORAGE_ERROR',
      [['unset on 0'], ['unset on 1', 'unset on 2']],
    ],
    [
      'believes a conflicting one whatever is spent (semantics 2.9)',
      prunable({ bins: { spentUtxos: 0, recordUtxos: 2 } }, { conflicting: true, deleteAtHeight: 1_288 }),
      'ok',
      [['put 1288 on 1', 'put 1288 on 2'], ['read 0']],
    ],
    [
      'tells of a delete-at-height that could not be taken back',
      row => (row.kind === 'write' ? { status: 18 } : prunable({ bins: {} })(row, 0)),
      'STORAGE_ERROR',
      [['unset on 0'], ['unset on 1', 'unset on 2']],
    ],
    [
      'tells of pages that could not be written',
      row => (row.kind === 'write' ? { status: 18 } : prunable(SPENT)(row, 0)),
      'STORAGE_ERROR',
      [['put 1288 on 1', 'put 1288 on 2'], ['read 0']],
    ],
  ])('%s', async (_, script, code, steps) => {
    const { codes, batches } = await increments([change(1)], script)
    expect(batches).toEqual([INCREMENT, VERIFY, ...steps])
    expect(codes).toEqual([code])
  })

  it('takes it from the pages when the master loses it', async () => {
    const { codes, batches } = await increments([change(1, -1)], row =>
      row.kind === 'apply' ? udfAnswer({ status: 'OK', signal: 'DAHUNSET', childCount: 2 }) : {},
    )
    expect(batches).toEqual([['incrementSpentExtraRecs -1 1000 288 0 0 false'], ['unset on 1', 'unset on 2']])
    expect(codes).toEqual(['ok'])
  })

  it('a master without pages has nothing to follow', async () => {
    const { batches } = await increments([change(1)], () =>
      udfAnswer({ status: 'OK', signal: 'DAHSET', childCount: 0 }),
    )
    expect(batches).toEqual([INCREMENT])
  })
})

describe('the setDAH handler', () => {
  const request = (txid: Uint8Array, deleteAtHeight = 5, page = 1) => ({ txid, page, deleteAtHeight })

  it('lesson 07: a bad item between two good ones fails alone', async () => {
    const transport = new ScriptedTransport((_row, index) => (index === 1 ? { status: 18 } : {}))
    const outcomes = await handled(setDeleteAtHeightHandler(contextWith(transport)), [
      request(bytes32(1)),
      request(new Uint8Array(3)),
      request(bytes32(3)),
      request(bytes32(4), 0, 0),
    ])
    expect(outcomes.map(codeOf)).toEqual(['ok', 'INVALID_ARGUMENT', 'STORAGE_ERROR', 'ok'])
    expect(transport.batches.map(rows => rows.map(told))).toEqual([
      ['put 5 on 1', 'put 5 on 1', 'unset on 0'],
    ])
  })

  it('lesson 68: creates nothing, and a page that is gone is fine', async () => {
    const transport = new ScriptedTransport(() => ({ status: 2 }))
    const outcomes = await handled(setDeleteAtHeightHandler(contextWith(transport)), [request(bytes32(1))])
    expect(outcomes.map(codeOf)).toEqual(['ok'])
    expect(transport.batches).toMatchObject([
      [{ exists: 'update-only', key: { userKey: pageKey(bytes32(1), 1) } }],
    ])
  })
})

describe('follow-ups of signals', () => {
  const signal = (name: string, childCount = 0) => ({
    txid: bytes32(1),
    signal: name,
    childCount,
    height: 1_000,
  })

  it('never throw: failures are counted and logged', async () => {
    const logged: unknown[] = []
    const log = (fields: unknown): void => void logged.push(fields)
    const logger = { debug: log, info: log, warn: log, error: log }
    const context = contextWith(
      {
        batchOperate: async () => {
          throw new Error('no connection')
        },
      },
      {},
      { logger },
    )
    const failures: unknown[] = []
    context.metrics.followUpFailures.increment = labels => void failures.push(labels)
    await followUpSignals(context, [signal('ALLSPENT'), signal('DAHUNSET', 2)], undefined)
    expect(failures).toEqual([{ follow_up: 'increment' }, { follow_up: 'delete_at_height' }])
    expect(logged).toEqual([
      expect.objectContaining({ event: 'follow_up_failed' }),
      expect.objectContaining({ event: 'follow_up_failed' }),
    ])
  })

  it('go through the pools, which a closed store refuses, and do not throw then either', async () => {
    const transport = new ScriptedTransport(() => OK)
    const context = contextWith(transport)
    const { increment, setDAH } = createBatchers(context)
    await Promise.all([increment.close(), setDAH.close()])
    await followUpSignals(context, [signal('NOTALLSPENT'), signal('DAHUNSET', 1)], undefined)
    expect(transport.batches).toEqual([])
  })

  it('a retention of 0 keeps everything: nothing follows', async () => {
    const transport = new ScriptedTransport(() => OK)
    await followUpSignals(
      contextWith(transport, { blockHeightRetention: 0 }),
      [signal('ALLSPENT')],
      undefined,
    )
    expect(transport.batches).toEqual([])
  })
})

describe('what the signals of a lost answer asked for', () => {
  const standing = (signal: string, { childCount = 0, page = 0 } = {}) => ({
    txid: bytes32(1),
    signal,
    childCount,
    page,
    height: 1_000,
  })

  /** Three pages, of which some are all spent, and some have a delete-at-height. */
  function following({ counted = 0, spent = [] as number[], heights = [] as number[] }, status = 0) {
    const transport = new ScriptedTransport(row => {
      if (row.kind === 'apply') return OK
      if (row.kind !== 'read') return {}
      const page = row.key.userKey.length === 36 ? Number((row.key.userKey as Uint8Array)[32]) : 0
      if (page === 0) return { bins: { totalExtraRecs: 3, spentExtraRecs: counted } }
      return {
        status,
        bins: {
          lastSpentState: spent.includes(page) ? 'ALLSPENT' : 'NOTALLSPENT',
          ...(heights.includes(page) ? { deleteAtHeight: 900 } : {}),
        },
      }
    })
    const context = contextWith(transport)
    createBatchers(context)
    const follow = async (...signals: ReturnType<typeof standing>[]): Promise<string[][]> => {
      const from = transport.batches.length
      await followUpSignals(context, signals, undefined)
      return transport.batches.slice(from).map(rows => rows.map(told))
    }
    return { context, follow }
  }

  const PAGES = ['read 1', 'read 2', 'read 3']

  it('a page that is all spent: its master counts as many as there are, and is asked once', async () => {
    const { follow } = following({ counted: 1, spent: [1, 3] })
    const first = standing('ALLSPENT_STANDS', { page: 1 })
    const third = standing('ALLSPENT_STANDS', { page: 3 })
    // Twice: one that has just become so is about to be counted.
    expect(await follow(first, third)).toEqual([
      ['read 0'],
      PAGES,
      ['read 0'],
      PAGES,
      ['incrementSpentExtraRecs 0 1000 288 2 0 true'],
    ])
    expect(await follow(third)).toEqual([])
    await follow(standing('NOTALLSPENT', { page: 1 }))
    expect((await follow(third)).slice(0, 2)).toEqual([['read 0'], PAGES])
  })

  it('a page whose master has counted all of its pages: nothing', async () => {
    const { follow } = following({ counted: 3 })
    expect(await follow(standing('ALLSPENT_STANDS', { page: 2 }))).toEqual([['read 0']])
  })

  it.each([
    ['DAHUNSET_STANDS', [], 0],
    ['DAHUNSET_STANDS', [3], 3],
    ['DAHUNSET_STANDS', [1, 2], 3],
    ['DAHSET_STANDS', [1, 2, 3], 0],
  ])(
    'a master that says %s, and pages %j that have a delete-at-height: %d are changed',
    async (signal, heights, changed) => {
      const { follow } = following({ heights })
      const batches = await follow(standing(signal, { childCount: 3 }))
      expect(batches[0]).toEqual(['read 1', 'read 3'])
      expect(batches.slice(1).flat()).toEqual(
        Array.from({ length: changed }, (_, index) => `unset on ${index + 1}`),
      )
    },
  )

  it('a master whose last page lacks its delete-at-height: it is judged, and carried there', async () => {
    const { follow } = following({ spent: [1, 2, 3], heights: [1] })
    const batches = await follow(standing('DAHSET_STANDS', { childCount: 3 }))
    expect(batches.slice(0, 2)).toEqual([
      ['read 1', 'read 3'],
      ['read 0', ...PAGES],
    ])
  })

  it('pages that cannot be read: it is told, and nothing counted', async () => {
    const { context, follow } = following({ spent: [1] }, 8)
    const failures: unknown[] = []
    context.metrics.followUpFailures.increment = labels => void failures.push(labels)
    expect(await follow(standing('ALLSPENT_STANDS', { page: 1 }))).toEqual([['read 0'], PAGES])
    expect(failures).toEqual([{ follow_up: 'delete_at_height' }])
  })
})
