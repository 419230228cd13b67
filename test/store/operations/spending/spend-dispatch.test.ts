import { describe, expect, it } from '@jest/globals'
import { txidToHex } from '../../../../lib/bitcoin/index.ts'
import type { StoreError } from '../../../../lib/errors/index.ts'
import { encodeSpendingData, pageKey } from '../../../../lib/record/index.ts'
import { setMinedMulti } from '../../../../lib/store/operations/mining/set-mined.ts'
import {
  type SpendFlags,
  type SpendRequest,
  spendHandler,
} from '../../../../lib/store/operations/spending/spend-dispatch.ts'
import { type ApplyRow, type BatchRow, RESULT_CODES } from '../../../../lib/transport/index.ts'
import { codeOf, handled } from '../../support/handled.ts'
import {
  bytes32,
  contextWith,
  type Script,
  ScriptedTransport,
  udfAnswer,
} from '../../support/store-fixture.ts'

const NO_FLAGS: SpendFlags = {
  ignoreConflicting: false,
  ignoreLocked: false,
  ignorePolicyFreeze: false,
  ignoreConsensusFreeze: false,
}

interface Claim {
  parent: number
  vout?: number
  spender?: number
  vin?: number
  height?: number
  flags?: Partial<SpendFlags>
}

function request({
  parent,
  vout = 0,
  spender = 200,
  vin = 0,
  height = 1_000,
  flags = {},
}: Claim): SpendRequest {
  return {
    txid: bytes32(parent),
    vout,
    utxoHash: bytes32(99),
    spendingData: encodeSpendingData({ txid: bytes32(spender), vin }),
    blockHeight: height,
    flags: { ...NO_FLAGS, ...flags },
  }
}

async function spend(claims: readonly Claim[], script: Script) {
  const transport = new ScriptedTransport(script)
  const outcomes = await handled(spendHandler(contextWith(transport)), claims.map(request))
  return { outcomes, rows: transport.batches.flat(), batches: transport.batches.length }
}

const OK = udfAnswer({ status: 'OK', blockIDs: [] })
const apply = (row: BatchRow | undefined): ApplyRow => {
  if (row?.kind !== 'apply') throw new Error(`not a UDF call: ${row?.kind}`)
  return row
}

it('asks Lua at once where filtered writes decide too few, and setMined begins with its own all the same', async () => {
  const transport = new ScriptedTransport(({ kind }) =>
    kind === 'apply' ? OK : { status: RESULT_CODES.FILTERED_OUT },
  )
  const context = contextWith(transport, {
    enableSpendFilterExpressions: 'on',
    enableSetMinedFilterExpressions: 'on',
  })
  const handler = spendHandler(context)
  const claims = Array.from({ length: 250 }, (_, parent) => request({ parent }))
  const stepsOf = async (work: () => Promise<unknown>): Promise<(string | undefined)[]> => {
    transport.batches.length = 0
    await work().catch(() => {})
    return transport.batches.map(([row]) => row?.kind)
  }
  expect(await stepsOf(() => handled(handler, claims))).toEqual(['execute', 'apply'])
  for (let batch = 0; batch < 10; batch++) await handled(handler, claims)
  expect(await stepsOf(() => handled(handler, claims))).toEqual(['apply'])
  const block = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
  expect((await stepsOf(() => setMinedMulti(context, [bytes32(1)], block, undefined)))[0]).toBe('execute')
})

describe('rows', () => {
  it('spends all inputs of one record with one call, on the page that holds the output', async () => {
    const { outcomes, rows, batches } = await spend(
      [
        { parent: 1, vout: 127 },
        { parent: 1, vout: 128 },
        { parent: 1, vout: 255 },
      ],
      () => OK,
    )
    expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'ok'])
    expect(batches).toBe(1)
    expect(rows.map(row => row.key.userKey)).toEqual([pageKey(bytes32(1), 0), pageKey(bytes32(1), 1)])
    expect(apply(rows[1]).args).toEqual([
      [
        {
          idx: 0,
          offset: 0,
          vOut: 128,
          utxoHash: bytes32(99),
          spendingData: request({ parent: 1 }).spendingData,
        },
        {
          idx: 1,
          offset: 127,
          vOut: 255,
          utxoHash: bytes32(99),
          spendingData: request({ parent: 1 }).spendingData,
        },
      ],
      false,
      false,
      1_000,
      288,
      true,
    ])
  })

  it.each<[string, Claim, Claim]>([
    ['heights', { parent: 1 }, { parent: 1, vout: 1, height: 1_001 }],
    ['flags', { parent: 1 }, { parent: 1, vout: 1, flags: { ignoreLocked: true } }],
    ['freeze flags', { parent: 1 }, { parent: 1, vout: 1, flags: { ignoreConsensusFreeze: true } }],
    ['parents', { parent: 1 }, { parent: 2, vout: 1 }],
  ])('lesson 35: never joins different %s into one call', async (_, first, second) => {
    const { rows } = await spend([first, second], () => OK)
    expect(rows.length).toBe(2)
  })
})

describe('lesson 34: first seen wins within a batch', () => {
  it('refuses a later claim by another transaction, with the first as winner', async () => {
    const { outcomes, rows } = await spend(
      [
        { parent: 1, spender: 201, vin: 3 },
        { parent: 1, spender: 202 },
        { parent: 1, vout: 1, spender: 202 },
      ],
      () => OK,
    )
    expect(outcomes.map(codeOf)).toEqual(['ok', 'UTXO_SPENT', 'ok'])
    expect(outcomes[1]).toMatchObject({
      spendingData: { txid: bytes32(201), vin: 3 },
      vout: 0,
      txid: bytes32(1),
    })
    expect((apply(rows[0]).args[0] as readonly unknown[]).length).toBe(2)
  })

  it('looks at the whole batch, whatever the grouping', async () => {
    const { outcomes } = await spend(
      [
        { parent: 1, spender: 201 },
        { parent: 1, spender: 202, height: 1_001 },
      ],
      () => OK,
    )
    expect(outcomes.map(codeOf)).toEqual(['ok', 'UTXO_SPENT'])
  })

  it('a claim with another hash refuses nobody: the server judges both', async () => {
    const transport = new ScriptedTransport(() => OK)
    const garbage = { ...request({ parent: 1, spender: 201 }), utxoHash: bytes32(66) }
    const outcomes = await handled(spendHandler(contextWith(transport)), [
      garbage,
      request({ parent: 1, spender: 202 }),
    ])
    expect(outcomes.map(codeOf)).toEqual(['ok', 'ok'])
    expect((apply(transport.batches.flat()[0]).args[0] as readonly unknown[]).length).toBe(2)
  })

  it('lets the same claim through twice', async () => {
    const { outcomes, rows } = await spend([{ parent: 1 }, { parent: 1 }], () => OK)
    expect(outcomes.map(codeOf)).toEqual(['ok', 'ok'])
    expect(rows.length).toBe(1)
  })
})

describe('verdicts on a record', () => {
  it.each<[string, Partial<import('../../../../lib/transport/index.ts').RowAnswer> | undefined, string]>([
    ['OK', OK, 'ok'],
    ['a missing record', { status: 2 }, 'TX_NOT_FOUND'],
    ['a device overload', { status: 18 }, 'STORAGE_ERROR'],
    ['a Lua failure', { status: 100 }, 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR'],
    ['lesson 06: no SUCCESS bin', { bins: {} }, 'PROCESSING'],
    ['no bins at all', {}, 'PROCESSING'],
    ['a SUCCESS that is no map', { bins: { SUCCESS: 'OK' } }, 'PROCESSING'],
    ['an unknown status', udfAnswer({ status: 'FINE' }), 'PROCESSING'],
    ['FROZEN', udfAnswer({ status: 'ERROR', errorCode: 'FROZEN', message: 'm' }), 'UTXO_FROZEN'],
    ['CONFLICTING', udfAnswer({ status: 'ERROR', errorCode: 'CONFLICTING', message: 'm' }), 'TX_CONFLICTING'],
    ['LOCKED', udfAnswer({ status: 'ERROR', errorCode: 'LOCKED', message: 'm' }), 'TX_LOCKED'],
    ['CREATING', udfAnswer({ status: 'ERROR', errorCode: 'CREATING', message: 'm' }), 'TX_CREATING'],
    [
      'COINBASE_IMMATURE',
      udfAnswer({ status: 'ERROR', errorCode: 'COINBASE_IMMATURE', message: 'm' }),
      'TX_COINBASE_IMMATURE',
    ],
    ['TX_NOT_FOUND', udfAnswer({ status: 'ERROR', errorCode: 'TX_NOT_FOUND', message: 'm' }), 'TX_NOT_FOUND'],
    [
      'UTXOS_NOT_FOUND',
      udfAnswer({ status: 'ERROR', errorCode: 'UTXOS_NOT_FOUND', message: 'm' }),
      'STORAGE_ERROR',
    ],
    ['ERROR without anything', udfAnswer({ status: 'ERROR' }), 'STORAGE_ERROR'],
    ['errors that are empty', udfAnswer({ status: 'ERROR', errors: {} }), 'STORAGE_ERROR'],
    [
      'an error for an item that was not asked',
      udfAnswer({ status: 'ERROR', errors: { 5: { errorCode: 'SPENT', message: '' } } }),
      'PROCESSING',
    ],
    ['errors that are no map', udfAnswer({ status: 'ERROR', errors: [1] }), 'PROCESSING'],
  ])('%s, for its own items only', async (_, answer, code) => {
    const { outcomes } = await spend([{ parent: 1 }, { parent: 2 }, { parent: 3 }], (_row, index) =>
      index === 1 ? answer : OK,
    )
    expect(outcomes.map(codeOf)).toEqual(['ok', code, 'ok'])
  })
})

describe('verdicts on single outputs', () => {
  const winner = bytes32(7)
  const spent = { errorCode: 'SPENT', message: '', spendingData: `${txidToHex(winner)}05000000` }

  it.each([
    ['SPENT', 'UTXO_SPENT', spent],
    ['SPENT without a winner', 'STORAGE_ERROR', { errorCode: 'SPENT', message: '' }],
    ['SPENT with a damaged winner', 'STORAGE_ERROR', { ...spent, spendingData: 'zz' }],
    ['INVALID_SPEND', 'UTXO_ERROR', { errorCode: 'INVALID_SPEND', message: '' }],
    ['FROZEN', 'UTXO_FROZEN', { errorCode: 'FROZEN', message: '' }],
    ['FROZEN_UNTIL', 'UTXO_FROZEN', { errorCode: 'FROZEN_UNTIL', message: '' }],
    ['CONSENSUS_FROZEN', 'UTXO_CONSENSUS_FROZEN', { errorCode: 'CONSENSUS_FROZEN', message: '' }],
    ['UTXO_NOT_FOUND', 'TX_NOT_FOUND', { errorCode: 'UTXO_NOT_FOUND', message: '' }],
    ['UTXO_HASH_MISMATCH', 'UTXO_HASH_MISMATCH', { errorCode: 'UTXO_HASH_MISMATCH', message: '' }],
    ['UTXO_INVALID_SIZE', 'UTXO_INVALID_SIZE', { errorCode: 'UTXO_INVALID_SIZE', message: '' }],
    ['FREEZE_RECORD_DAMAGED', 'STORAGE_ERROR', { errorCode: 'FREEZE_RECORD_DAMAGED', message: '' }],
    ['anything else', 'STORAGE_ERROR', { errorCode: 'NEW_CODE', message: '' }],
  ])('lesson 36: %s; an output without an entry was spent', async (_, code, error) => {
    const answer = udfAnswer({ status: 'ERROR', errors: { 1: error }, blockIDs: [] })
    const { outcomes } = await spend(
      [{ parent: 1 }, { parent: 1, vout: 1 }, { parent: 1, vout: 2 }],
      () => answer,
    )
    expect(outcomes.map(codeOf)).toEqual(['ok', code, 'ok'])
  })

  it('names the winner with its input', async () => {
    const answer = udfAnswer({ status: 'ERROR', errors: new Map([[0, spent]]) })
    const { outcomes } = await spend([{ parent: 1 }], () => answer)
    expect(outcomes[0]).toMatchObject({ code: 'UTXO_SPENT', spendingData: { txid: winner, vin: 5 } })
  })
})

const pageKeysOf = (pages: number): Uint8Array[] =>
  Array.from({ length: pages }, (_, index) => pageKey(bytes32(1), index + 1))

describe('signals of records with pages', () => {
  it('counts a fully spent page on its master before the caller is answered', async () => {
    const order: string[] = []
    const { outcomes } = await spend([{ parent: 1, vout: 128 }, { parent: 2 }], row => {
      const { function: name } = apply(row)
      order.push(`${name} ${row.key.userKey.length}`)
      return name === 'spendMulti' && row.key.userKey.length === 36
        ? udfAnswer({ status: 'OK', signal: 'ALLSPENT' })
        : OK
    })
    expect(outcomes.map(codeOf)).toEqual(['ok', 'ok'])
    expect(order).toEqual(['spendMulti 36', 'spendMulti 32', 'incrementSpentExtraRecs 32'])
  })

  it('carries the delete-at-height to the pages when they are all spent', async () => {
    const { rows } = await allSpent(true)
    expect(rows.filter(row => row.kind === 'write')).toEqual([
      expect.objectContaining({
        exists: 'update-only',
        operations: [{ kind: 'put', bin: 'deleteAtHeight', value: 1_288 }],
        key: { set: 'utxo', userKey: pageKey(bytes32(1), 1) },
      }),
      expect.objectContaining({ key: { set: 'utxo', userKey: pageKey(bytes32(1), 2) } }),
    ])
  })

  it('lesson 45: takes it back from the master when the count had drifted', async () => {
    const { rows, outcomes } = await allSpent(false)
    expect(outcomes.map(codeOf)).toEqual(['ok'])
    // From the pages as well, which somebody who looked at the master meanwhile may have given it.
    const writes = rows.filter(row => row.kind === 'write')
    expect(writes.map(({ key }) => key.userKey)).toEqual([bytes32(1), ...pageKeysOf(writes.length - 1)])
    for (const write of writes)
      expect(write).toMatchObject({ operations: [{ kind: 'unset', bin: 'deleteAtHeight' }] })
  })

  it('believes a master as little as its count: it reads the pages', async () => {
    const { rows } = await spend([{ parent: 1 }], row => {
      if (row.kind === 'read') return { bins: { spentUtxos: 0, recordUtxos: 1 } }
      if (row.kind === 'write') return {}
      return udfAnswer({ status: 'OK', signal: 'DAHSET', childCount: 1 })
    })
    expect(rows.filter(row => row.kind === 'write').map(row => row.key.userKey)).toEqual([
      bytes32(1),
      ...pageKeysOf(1),
    ])
  })

  it('counts a page once: the transport must not repeat the increment', async () => {
    const once: unknown[] = []
    const context = contextWith({
      batchOperate: async (rows, options) => {
        once.push([apply(rows[0]).function, options.once])
        return rows.map(
          (_, index) =>
            ({
              index,
              status: 0,
              inDoubt: false,
              ...udfAnswer({
                status: 'OK',
                signal: index === 0 && once.length === 1 ? 'ALLSPENT' : undefined,
              }),
            }) as never,
        )
      },
    })
    await handled(spendHandler(context), [request({ parent: 1, vout: 128 })])
    expect(once).toEqual([
      ['spendMulti', undefined],
      ['incrementSpentExtraRecs', true],
    ])
  })

  it('a follow-up that fails does not fail the spend', async () => {
    const { outcomes } = await spend([{ parent: 1, vout: 128 }], row =>
      apply(row).function === 'spendMulti' ? udfAnswer({ status: 'OK', signal: 'ALLSPENT' }) : { status: 18 },
    )
    expect(outcomes.map(codeOf)).toEqual(['ok'])
  })

  /** The last page of a transaction with two pages becomes fully spent; the other page may not be. */
  function allSpent(otherPageIsSpent: boolean) {
    return spend([{ parent: 1, vout: 128 }], row => {
      if (row.kind === 'read')
        return {
          bins: {
            spentUtxos: otherPageIsSpent || row.key.userKey[32] === 1 ? 5 : 4,
            recordUtxos: 5,
            deleteAtHeight: 1_288,
          },
        }
      if (row.kind === 'write') return {}
      return apply(row).function === 'spendMulti'
        ? udfAnswer({ status: 'OK', signal: 'ALLSPENT' })
        : udfAnswer({ status: 'OK', signal: 'DAHSET', childCount: 2 })
    })
  }
})

describe('a batch that fails as a whole', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no connection')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no connection'))],
  ])('%s: every item gets one error', async (_, batchOperate) => {
    const context = contextWith({ batchOperate: batchOperate as never })
    const outcomes = await handled(spendHandler(context), [request({ parent: 1 }), request({ parent: 2 })])
    expect(outcomes.map(codeOf)).toEqual(['STORAGE_ERROR', 'STORAGE_ERROR'])
    expect((outcomes[0] as StoreError).message).toMatch(/no connection/)
  })
})
