import { describe, expect, it } from '@jest/globals'
import { StoreError } from '../../../lib/errors/index.ts'
import { FilterYields } from '../../../lib/store/context/filter-yield.ts'
import { isUndecided, operateFilteredFirst } from '../../../lib/store/dispatch/filtered-first.ts'
import { isInDoubt } from '../../../lib/store/store-errors.ts'
import {
  BatchError,
  RESULT_CODES,
  type RowAnswer,
  type WriteStatement,
} from '../../../lib/transport/index.ts'
import { bytes32, contextWith, type Script, ScriptedTransport } from '../support/store-fixture.ts'

const statement: WriteStatement = { name: 'test', parameters: [], exists: 'update-only', operations: [] }

/** What became of items 1 to 4: the statuses, the bins of a success, or the code of an error. */
async function operated(script: Script, statements = [statement], yields: readonly FilterYields[] = []) {
  const transport = new ScriptedTransport(script)
  const key = (item: number) => ({ set: 's', userKey: bytes32(item) })
  const answers = await operateFilteredFirst(
    contextWith(transport),
    [1, 2, 3, 4],
    {
      toRow: item => ({ kind: 'apply', key: key(item), module: 'm', function: 'f', args: [] }),
      filtered: statements.map((statement, index) => ({
        toRow: item => ({ kind: 'execute', key: key(item), statement, args: [] }),
        udfBins: bins => ({ SUCCESS: { of: bins?.read ?? null } }),
        filterYields: yields[index],
      })),
    },
    {},
  )
  const said = answers.map(answer =>
    answer instanceof StoreError ? answer.code : (answer?.bins ?? answer?.status),
  )
  return {
    said,
    doubts: answers.map(isInDoubt),
    batches: transport.batches.map(rows => rows.map(row => row.key.userKey[0])),
  }
}

const isEven = (userKey: Uint8Array | string): boolean => Number(userKey[0]) % 2 === 0

describe('operateFilteredFirst', () => {
  it('answers each item by what decided it, in the order of the items', async () => {
    const { said, batches } = await operated(({ kind, key: { userKey } }) => {
      if (kind === 'apply') return { bins: { SUCCESS: { lua: Number(userKey[0]) } } }
      return isEven(userKey) ? { status: RESULT_CODES.FILTERED_OUT } : { bins: { read: Number(userKey[0]) } }
    })
    expect(batches).toEqual([
      [1, 2, 3, 4],
      [2, 4],
    ])
    expect(said).toEqual(
      [1, 2, 3, 4].map(item => ({ SUCCESS: item % 2 === 0 ? { lua: item } : { of: item } })),
    )
  })

  it('tries filtered writes one after the other, each for what those before left undecided', async () => {
    const further: WriteStatement = { ...statement, name: 'further' }
    const script: Script = row => {
      const item = Number(row.key.userKey[0])
      if (row.kind === 'apply') return { bins: { SUCCESS: { lua: item } } }
      const decides = row.kind === 'execute' && row.statement === further ? [2, 3] : [4]
      return decides.includes(item) ? { bins: { read: item } } : { status: RESULT_CODES.FILTERED_OUT }
    }
    const { said, batches } = await operated(script, [statement, further])
    expect(batches).toEqual([[1, 2, 3, 4], [1, 2, 3], [1]])
    expect(said).toEqual([
      { SUCCESS: { lua: 1 } },
      { SUCCESS: { of: 2 } },
      { SUCCESS: { of: 3 } },
      { SUCCESS: { of: 4 } },
    ])
  })

  it('leaves out what decides too few, but for trials, and tells how many each attempt has decided', async () => {
    const further: WriteStatement = { ...statement, name: 'further' }
    const told: [of: string, rows: number, passed: number][] = []
    const yields = ['first', 'further'].map(name => {
      const both = new FilterYields(0.5)
      if (name === 'first') both.ofAll.record(8_192, 0)
      both.ofAll.record = (...call) => told.push([`${name}, of all`, ...call])
      both.ofRest.record = (...call) => told.push([`${name}, of the rest`, ...call])
      return both
    })
    const script: Script = ({ kind, key: { userKey } }) =>
      kind === 'execute' && isEven(userKey) ? { status: RESULT_CODES.FILTERED_OUT } : { bins: {} }
    const outcomes = []
    while (outcomes.length < 16) outcomes.push(await operated(script, [statement, further], yields))
    const [all, undecided] = [
      [1, 2, 3, 4],
      [2, 4],
    ]
    expect(outcomes.slice(0, 15).map(({ batches }) => batches)).toEqual(new Array(15).fill([all, undecided]))
    expect(outcomes[15]?.batches).toEqual([all, undecided, undecided])
    expect(told).toEqual([
      ...new Array(15).fill(['further, of all', 4, 2]),
      ['first, of all', 4, 2],
      ['further, of the rest', 2, 0],
    ])
  })

  it('asks nothing more when the first filtered write has decided all', async () => {
    const { batches } = await operated(() => ({ bins: { read: 0 } }), [statement, statement])
    expect(batches).toEqual([[1, 2, 3, 4]])
  })

  it('fails only the undecided items when the second batch as a whole fails', async () => {
    const { said } = await operated(({ kind, key: { userKey } }) => {
      if (kind === 'apply') throw new Error('torn')
      return isEven(userKey) ? { status: RESULT_CODES.FILTERED_OUT } : { status: RESULT_CODES.NOT_FOUND }
    })
    expect(said).toEqual([RESULT_CODES.NOT_FOUND, 'STORAGE_ERROR', RESULT_CODES.NOT_FOUND, 'STORAGE_ERROR'])
  })

  it.each<[string, Partial<RowAnswer> | undefined]>([
    ['refused', { status: RESULT_CODES.DEVICE_OVERLOAD }],
    ['waiting in vain', { status: RESULT_CODES.KEY_BUSY }],
    ['in a batch that is refused', undefined],
  ])('keeps the doubt of a filtered write whose UDF call is %s', async (_, lua) => {
    const further: WriteStatement = { ...statement, name: 'further' }
    const { doubts } = await operated(
      row => {
        if (row.kind === 'execute' && row.statement === statement)
          return { status: RESULT_CODES.FILTERED_OUT, inDoubt: isEven(row.key.userKey) }
        if (row.kind === 'execute') return { status: RESULT_CODES.FILTERED_OUT }
        if (lua !== undefined) return lua
        throw new BatchError('refused', RESULT_CODES.DEVICE_OVERLOAD, false)
      },
      [statement, further],
    )
    expect(doubts).toEqual([false, true, false, true])
  })

  it('has no doubt left where the UDF call succeeds', async () => {
    const { doubts } = await operated(({ kind }) =>
      kind === 'execute' ? { status: RESULT_CODES.FILTERED_OUT, inDoubt: true } : { bins: {} },
    )
    expect(doubts).toEqual([false, false, false, false])
  })

  it('rejects when the first batch fails, for then nothing is known', async () => {
    const torn = operated(() => {
      throw new Error('torn')
    })
    await expect(torn).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })
})

it.each<[boolean, Partial<RowAnswer>]>([
  [true, { status: RESULT_CODES.FILTERED_OUT }],
  [true, { status: RESULT_CODES.OP_NOT_APPLICABLE }],
  [true, { status: RESULT_CODES.KEY_BUSY }],
  [true, { status: RESULT_CODES.FILTERED_OUT, inDoubt: true }],
  [true, { status: RESULT_CODES.KEY_BUSY, inDoubt: true }],
  [false, { status: RESULT_CODES.OK }],
  [false, { status: RESULT_CODES.TIMEOUT }],
])('undecided is %s for %j', (expected, answer) => {
  expect(isUndecided({ index: 0, status: 0, bins: undefined, inDoubt: false, ...answer })).toBe(expected)
})
