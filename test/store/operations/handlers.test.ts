import { describe, expect, it } from '@jest/globals'
import {
  encodeTransaction,
  parseTransaction,
  type Transaction,
  txidToHex,
} from '../../../lib/bitcoin/index.ts'
import { StoreError } from '../../../lib/errors/index.ts'
import { binValue, META_FIELDS, masterKey, pageKey } from '../../../lib/record/index.ts'
import { createHandler } from '../../../lib/store/operations/creation/create-rows.ts'
import { wholeTransaction } from '../../../lib/store/operations/creation/whole-transaction.ts'
import { lockedHandler } from '../../../lib/store/operations/locking/set-locked.ts'
import { SetMinedError, setMinedMulti } from '../../../lib/store/operations/mining/set-mined.ts'
import { getHandler } from '../../../lib/store/operations/reading/get.ts'
import { unspendRows } from '../../../lib/store/operations/spending/unspend-rows.ts'
import { BatchError, type BatchRow, type RowAnswer } from '../../../lib/transport/index.ts'
import { codeOf, handled } from '../support/handled.ts'
import { bytes32, contextWith, type Script, ScriptedTransport, udfAnswer } from '../support/store-fixture.ts'

function coinbase(mark: number, outputs = 1): Transaction {
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: [
        {
          previousTxid: new Uint8Array(32),
          previousVout: 0xffffffff,
          unlockingScript: Uint8Array.of(mark),
          sequence: 0,
          previousSatoshis: undefined,
          previousLockingScript: undefined,
        },
      ],
      outputs: Array.from({ length: outputs }, () => ({ satoshis: 1n, lockingScript: Uint8Array.of(0x51) })),
    }),
  )
}

/** The answer under test for the middle one of three rows; the others are as they should be. */
const inTheMiddle =
  (good: Partial<RowAnswer>, answer: Partial<RowAnswer> | undefined): Script =>
  (_row, index) =>
    index % 3 === 1 ? answer : good

describe('create', () => {
  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['lesson 15: a record that exists', { status: 5 }, 'TX_EXISTS'],
    ['a record too big', { status: 13 }, 'PROCESSING'],
    ['a timeout in doubt', { status: 9, inDoubt: true }, 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR'],
  ])('%s fails its own item and names its own transaction', async (_, answer, code) => {
    const context = contextWith(new ScriptedTransport(inTheMiddle({}, answer)))
    const txs = [1, 2, 3].map(mark => coinbase(mark))
    const outcomes = await handled(
      createHandler(context),
      txs.map(tx => wholeTransaction(context, tx, 100, {})),
    )
    expect(outcomes.map(codeOf)).toEqual(['ok', code, 'ok'])
    expect((outcomes[1] as StoreError).message).toContain(txidToHex(txs[1]?.txid ?? bytes32(0)))
  })

  it('says that it is in doubt where it cannot be told whose the record is', async () => {
    const isLost = { status: 5, inDoubt: true }
    const looks: Script[] = [
      () => {
        throw new BatchError('refused', 18, false)
      },
      () => {
        throw new StoreError('SERVICE_UNAVAILABLE', 'closing')
      },
      () => ({ status: 9 }),
      () => undefined,
    ]
    const errors: unknown[] = []
    for (const look of looks) {
      const script: Script = (row, index) => (row.kind === 'write' ? isLost : look(row, index))
      const context = contextWith(new ScriptedTransport(script), { overloadRetryMaxElapsed: 0 })
      const creation = wholeTransaction(context, coinbase(1), 100, {})
      errors.push(...(await handled(createHandler(context), [creation])))
      expect(creation.mayExist).toBe(true)
    }
    expect(errors).toMatchObject([
      { code: 'STORAGE_ERROR', inDoubt: true, message: expect.stringContaining('DEVICE_OVERLOAD (18)') },
      { code: 'SERVICE_UNAVAILABLE', inDoubt: true },
      { code: 'STORAGE_ERROR', inDoubt: true },
      { code: 'STORAGE_ERROR', inDoubt: true },
    ])
    for (const error of errors) expect((error as StoreError).message).toContain('it may have been applied')
  })

  it('never overwrites: every row is create-only', async () => {
    const transport = new ScriptedTransport(() => ({}))
    const context = contextWith(transport)
    await handled(createHandler(context), [wholeTransaction(context, coinbase(1), 100, {})])
    expect(transport.batches).toMatchObject([[{ kind: 'write', exists: 'create-only' }]])
  })

  it.each<[string, number, object, string]>([
    ['a height beyond 32 bits', 2 ** 32, {}, 'blockHeight'],
    [
      'a block id that is text',
      1,
      { minedBlockInfos: [{ blockId: '7', blockHeight: 1, subtreeIdx: 0 }] },
      'minedBlockInfos[0].blockId',
    ],
    ['blocks that are no list', 1, { minedBlockInfos: {} }, 'minedBlockInfos'],
    ['a lock that is no boolean', 1, { locked: 1 }, 'locked'],
    ['a mark that is no boolean', 1, { conflicting: 1 }, 'conflicting'],
  ])('refuses %s before anything is queued', (_, height, options, field) => {
    const context = contextWith(new ScriptedTransport(() => ({})))
    expect(() => wholeTransaction(context, coinbase(1), height, options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
    )
  })

  it('has one record for as many outputs as fit into it, and with one more a page and an external body', () => {
    const context = contextWith(new ScriptedTransport(() => ({})), { utxoBatchSize: 3 })
    const [one, two] = [3, 4].map(outputs => wholeTransaction(context, coinbase(1, outputs), 1, {}))
    expect([
      one?.records.pageCount,
      one?.body,
      one?.records.master().some(({ bin }) => bin === 'creating'),
    ]).toEqual([0, undefined, false])
    expect([
      two?.records.pageCount,
      two?.body?.type,
      two && binValue(two.records.master(), 'creating'),
    ]).toEqual([1, 'tx', true])
  })
})

describe('get', () => {
  const good = { bins: { fee: 1, sizeInBytes: 2, isCoinbase: false, inputs: [], locktime: 0 } }
  const request = (txid: number) => ({ txid: bytes32(txid), fields: META_FIELDS })

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['a missing record', { status: 2 }, 'TX_NOT_FOUND'],
    ['a server error', { status: 1 }, 'STORAGE_ERROR'],
    ['no bins', {}, 'STORAGE_ERROR'],
    ['a missing fee', { bins: { ...good.bins, fee: null } }, 'STORAGE_ERROR'],
    ['a fee that is text', { bins: { ...good.bins, fee: '1' } }, 'STORAGE_ERROR'],
    ['a lock of 0 instead of false', { bins: { ...good.bins, locked: 0 } }, 'STORAGE_ERROR'],
    ['inputs that are text', { bins: { ...good.bins, inputs: 'x' } }, 'STORAGE_ERROR'],
    ['an input cut short', { bins: { ...good.bins, inputs: [Uint8Array.of(1, 2)] } }, 'STORAGE_ERROR'],
    ['block ids that are negative', { bins: { ...good.bins, blockIDs: [-1] } }, 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR'],
  ])('lesson 04: %s fails alone', async (_, answer, code) => {
    const context = contextWith(new ScriptedTransport(inTheMiddle(good, answer)))
    const outcomes = await handled(getHandler(context), [request(1), request(2), request(3)])
    expect(outcomes.map(codeOf)).toEqual(['ok', code, 'ok'])
    expect(outcomes[0]).toMatchObject({ fee: 1, locked: false, blockIds: [] })
  })

  it('lesson 03: makes one batch call whatever comes back, with the union of the fields', async () => {
    const transport = new ScriptedTransport(() => ({ status: 9 }))
    await handled(getHandler(contextWith(transport)), [
      { txid: bytes32(1), fields: ['fee'] as const },
      { txid: bytes32(2), fields: ['blockIds'] as const },
    ])
    expect(transport.batches.length).toBe(1)
    expect(transport.batches[0]).toMatchObject([
      { bins: ['fee', 'blockIDs', 'blockHeights', 'subtreeIdxs'] },
      { bins: ['fee', 'blockIDs', 'blockHeights', 'subtreeIdxs'] },
    ])
  })

  it('gives two readers of one transaction results of their own', async () => {
    const context = contextWith(new ScriptedTransport(() => good))
    const [first, second] = await handled(getHandler(context), [request(1), request(1)])
    expect(first).toEqual(second)
    expect(first).not.toBe(second)
  })

  it('lesson 05, 07, 08: a bad key between two good ones fails alone and shifts nobody', async () => {
    const context = contextWith(
      new ScriptedTransport(row => ({
        bins: { ...good.bins, fee: (row.key.userKey as Uint8Array)[0] ?? 0 },
      })),
    )
    const bad = { txid: new Uint8Array(5), fields: META_FIELDS }
    const outcomes = await handled(getHandler(context), [request(11), bad, request(33)])
    expect(outcomes.map(codeOf)).toEqual(['ok', 'INVALID_ARGUMENT', 'ok'])
    expect(outcomes[0]).toMatchObject({ fee: 11 })
    expect(outcomes[2]).toMatchObject({ fee: 33 })
  })
})

describe('setLocked', () => {
  const ok = udfAnswer({ status: 'OK', childCount: 0 })
  const request = (txid: number, locked = true) => ({ txid: bytes32(txid), locked })

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['a missing record', { status: 2 }, 'TX_NOT_FOUND'],
    ['TX_NOT_FOUND', udfAnswer({ status: 'ERROR', errorCode: 'TX_NOT_FOUND' }), 'TX_NOT_FOUND'],
    ['another error', udfAnswer({ status: 'ERROR', errorCode: 'X', message: 'm' }), 'STORAGE_ERROR'],
    ['lesson 06: no SUCCESS bin', { bins: {} }, 'PROCESSING'],
    ['a server error', { status: 14 }, 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR'],
  ])('%s fails alone', async (_, answer, code) => {
    const context = contextWith(new ScriptedTransport(inTheMiddle(ok, answer)))
    const outcomes = await handled(lockedHandler(context), [request(1), request(2), request(3)])
    expect(outcomes.map(codeOf)).toEqual(['ok', code, 'ok'])
  })

  /** Masters with two pages each; the first one locked, as it was asked for. */
  const paged = (row: BatchRow): Partial<RowAnswer> => {
    if (row.kind === 'apply') return udfAnswer({ status: 'OK', childCount: 2 })
    return row.kind === 'read' ? { bins: { locked: row.key.userKey[0] === 1 } } : {}
  }

  it('lesson 12: carries the lock to the pages in one more batch of the same handler, and looks at the masters', async () => {
    const transport = new ScriptedTransport(paged)
    const outcomes = await handled(lockedHandler(contextWith(transport)), [request(1), request(2, false)])
    expect(outcomes.map(codeOf)).toEqual(['ok', 'ok'])
    expect(transport.batches.map(rows => rows[0]?.kind)).toEqual(['apply', 'write', 'read'])
    expect(
      transport.batches[1]?.map(row => [row.key.userKey, row.kind === 'write' && row.operations]),
    ).toEqual([
      [
        pageKey(bytes32(1), 1),
        [
          { kind: 'put', bin: 'locked', value: true },
          { kind: 'unset', bin: 'deleteAtHeight' },
        ],
      ],
      [
        pageKey(bytes32(1), 2),
        [
          { kind: 'put', bin: 'locked', value: true },
          { kind: 'unset', bin: 'deleteAtHeight' },
        ],
      ],
      [pageKey(bytes32(2), 1), [{ kind: 'put', bin: 'locked', value: false }]],
      [pageKey(bytes32(2), 2), [{ kind: 'put', bin: 'locked', value: false }]],
    ])
  })

  it('gives pages the lock that their master has got meanwhile', async () => {
    let looks = 0
    const transport = new ScriptedTransport(row =>
      row.kind === 'read' ? { bins: { locked: ++looks > 1 } } : paged(row),
    )
    const outcomes = await handled(lockedHandler(contextWith(transport)), [request(1, false)])
    expect(outcomes.map(codeOf)).toEqual(['ok'])
    // Unlocked as asked for; locked at the second look, and so at the third.
    expect(transport.batches.map(rows => rows[0]?.kind)).toEqual(['apply', 'write', 'read'])
    looks = 1
    await handled(lockedHandler(contextWith(transport)), [request(1, false)])
    expect(transport.batches.slice(3).map(rows => rows[0]?.kind)).toEqual([
      'apply',
      'write',
      'read',
      'write',
      'read',
    ])
    expect(transport.batches[6]?.map(row => row.kind === 'write' && row.operations[0])).toEqual(
      Array(2).fill({ kind: 'put', bin: 'locked', value: true }),
    )
  })

  it.each<[string, Partial<RowAnswer>]>([
    ['the look at the master fails', { status: 9 }],
    ['the master is restless', {}],
  ])('fails where %s', async (what, answer) => {
    let locked = false
    const transport = new ScriptedTransport(row => {
      if (row.kind !== 'read') return paged(row)
      locked = !locked
      return what === 'the master is restless' ? { bins: { locked } } : answer
    })
    const outcomes = await handled(lockedHandler(contextWith(transport)), [request(1, false)])
    expect(outcomes.map(codeOf)).toEqual(['STORAGE_ERROR'])
  })

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['a missing page', { status: 2 }, 'ok'],
    ['a page that fails', { status: 18 }, 'STORAGE_ERROR'],
    ['a page without an answer', undefined, 'STORAGE_ERROR'],
  ])('%s: the transaction’s own item is %s', async (_, answer, code) => {
    const context = contextWith(
      new ScriptedTransport(row => {
        if (row.kind === 'apply') return udfAnswer({ status: 'OK', childCount: 1 })
        return Buffer.compare(row.key.userKey as Uint8Array, pageKey(bytes32(2), 1)) === 0 ? answer : {}
      }),
    )
    const outcomes = await handled(lockedHandler(context), [request(1), request(2), request(3)])
    expect(outcomes.map(codeOf)).toEqual(['ok', code, 'ok'])
  })
})

describe('setMinedMulti', () => {
  const info = { blockId: 7, blockHeight: 900, subtreeIdx: 2, onLongestChain: true }
  const ok = udfAnswer({ status: 'OK', blockIDs: [7] })
  const txids = [1, 2, 3].map(bytes32)

  async function setMined(script: Script, given: object = info) {
    const transport = new ScriptedTransport(script)
    const result = await setMinedMulti(contextWith(transport), txids, given as typeof info, undefined).catch(
      (error: unknown) => error,
    )
    return { result, batches: transport.batches }
  }

  it('passes the arguments of the reference: tip + 1 and the retention (semantics 2.4)', async () => {
    const { batches } = await setMined(() => ok)
    expect(batches[0]?.[0]).toMatchObject({
      key: { userKey: masterKey(bytes32(1)) },
      function: 'setMined',
      args: [7, 900, 2, 1_001, 288, true, false, true],
    })
  })

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['lesson 58: a missing record', { status: 2 }, 'TX_NOT_FOUND'],
    ['TX_NOT_FOUND', udfAnswer({ status: 'ERROR', errorCode: 'TX_NOT_FOUND' }), 'TX_NOT_FOUND'],
    ['lesson 60: an answer without the block', udfAnswer({ status: 'OK', blockIDs: [6] }), 'STORAGE_ERROR'],
    ['an answer without block ids', udfAnswer({ status: 'OK' }), 'STORAGE_ERROR'],
    ['a server error', { status: 18 }, 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR'],
  ])('%s is an error, and the others are done', async (_, answer, code) => {
    const { result } = await setMined(inTheMiddle(ok, answer))
    expect(result).toBeInstanceOf(SetMinedError)
    expect((result as SetMinedError).code).toBe(code)
    expect([...(result as SetMinedError).blockIds.keys()]).toEqual(
      [txids[0], txids[2]].map(txid => txidToHex(txid as Uint8Array)),
    )
  })

  it('lesson 58: unsetting a missing transaction is nothing', async () => {
    const { result } = await setMined(inTheMiddle(udfAnswer({ status: 'OK', blockIDs: [] }), { status: 2 }), {
      ...info,
      unsetMined: true,
    })
    expect([...(result as Map<string, number[]>).values()]).toEqual([[], []])
  })

  /** One of the transactions has a page and becomes eligible for pruning; another one fails. */
  function withPage(pageIsSpent: boolean) {
    return setMined((row, index) => {
      if (row.kind === 'read')
        return { bins: { spentUtxos: pageIsSpent ? 3 : 2, recordUtxos: 3, deleteAtHeight: 900 + 288 } }
      if (row.kind === 'write') return {}
      if (index === 1) return { status: 18 }
      return udfAnswer({
        status: 'OK',
        blockIDs: [7],
        ...(index === 0 ? { childCount: 1, signal: 'DAHSET' } : {}),
      })
    })
  }
  const UNLOCKED = [
    { kind: 'put', bin: 'locked', value: false },
    { kind: 'unset', bin: 'creating' },
  ]

  it('lesson 46: unlocks the pages of the good ones even when another fails', async () => {
    const { result, batches } = await withPage(true)
    expect(result).toBeInstanceOf(SetMinedError)
    expect(batches.flat().filter(row => row.kind === 'write')).toEqual([
      {
        kind: 'write',
        key: { set: 'utxo', userKey: pageKey(bytes32(1), 1) },
        exists: 'update-only',
        operations: [...UNLOCKED, { kind: 'put', bin: 'deleteAtHeight', value: 900 + 288 }],
      },
    ])
  })

  it('lesson 45: does not believe a master whose page has unspent outputs, and takes its delete-at-height back', async () => {
    const { batches } = await withPage(false)
    const writes = batches.flat().filter(row => row.kind === 'write')
    expect(writes.map(row => [row.key.userKey, row.operations])).toEqual([
      [bytes32(1), [{ kind: 'unset', bin: 'deleteAtHeight' }]],
      [pageKey(bytes32(1), 1), [...UNLOCKED, { kind: 'unset', bin: 'deleteAtHeight' }]],
    ])
  })
})

describe('unspend', () => {
  const spends = (count: number, parent = 1) =>
    Array.from({ length: count }, (_, vout) => ({
      txid: bytes32(parent),
      vout,
      utxoHash: bytes32(9),
      spendingData: new Uint8Array(36),
    }))

  it('never has more rows for one record in a batch than a server queues', async () => {
    const transport = new ScriptedTransport(() => udfAnswer({ status: 'OK' }))
    const errors = await unspendRows(contextWith(transport), [...spends(20), ...spends(3, 2)], 1_000, {})
    expect(errors).toEqual(new Array(23).fill(undefined))
    expect(transport.batches.map(rows => rows.length)).toEqual([11, 8, 4])
  })

  it('gives each spend its own error, in order', async () => {
    const answers = [
      udfAnswer({ status: 'OK' }),
      udfAnswer({ status: 'ERROR', errorCode: 'FROZEN', message: '' }),
      { status: 2 },
      undefined,
      { bins: {} },
    ]
    const transport = new ScriptedTransport((_row, index) => answers[index])
    const errors = await unspendRows(contextWith(transport), spends(5), 1_000, {})
    expect(errors.map(codeOf)).toEqual(['ok', 'STORAGE_ERROR', 'TX_NOT_FOUND', 'STORAGE_ERROR', 'PROCESSING'])
  })
})

describe('a whole batch call that fails', () => {
  it.each<[string, (context: ReturnType<typeof contextWith>) => Promise<unknown[]>]>([
    [
      'create',
      context =>
        handled(
          createHandler(context),
          [coinbase(1), coinbase(2)].map(tx => wholeTransaction(context, tx, 1, {})),
        ),
    ],
    [
      'get',
      context =>
        handled(
          getHandler(context),
          [1, 2].map(txid => ({ txid: bytes32(txid), fields: META_FIELDS })),
        ),
    ],
    [
      'setLocked',
      context =>
        handled(
          lockedHandler(context),
          [1, 2].map(txid => ({ txid: bytes32(txid), locked: true })),
        ),
    ],
  ])('lesson 14: gives every item of %s one error and does not go on', async (_, run) => {
    let calls = 0
    const context = contextWith({
      batchOperate: () => {
        calls += 1
        return Promise.reject(new StoreError('STORAGE_UNAVAILABLE', 'down'))
      },
    })
    expect((await run(context)).map(codeOf)).toEqual(['STORAGE_UNAVAILABLE', 'STORAGE_UNAVAILABLE'])
    expect(calls).toBe(1)
  })
})
