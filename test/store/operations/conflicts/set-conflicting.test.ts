import { describe, expect, it } from '@jest/globals'
import type { SettingsInput } from '../../../../lib/settings/index.ts'
import { setConflicting } from '../../../../lib/store/operations/conflicts/set-conflicting.ts'
import type { BatchRow, RowAnswer, WriteRow } from '../../../../lib/transport/index.ts'
import { codeOf } from '../../support/handled.ts'
import { bytes32, contextWith, ScriptedTransport, udfAnswer } from '../../support/store-fixture.ts'

/** One stored input: output 0 of `parent`, 1 satoshi, an empty script to spend it and one of a byte. */
function storedInput(parent: number): Uint8Array {
  const sequence = Buffer.alloc(4, 0xff)
  const satoshis = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([
    bytes32(parent),
    Buffer.alloc(4),
    Buffer.of(0),
    sequence,
    satoshis,
    Buffer.of(1, 0x51),
  ])
}

const FIRST = 1
const SECOND = 2
const PARENT = 9

const recordNumberOf = (row: BatchRow): number => (row.key.userKey as Uint8Array)[0] ?? 0
const isPage = (row: BatchRow): boolean => row.key.userKey.length > 32
const isList = (row: BatchRow): boolean => row.kind === 'write' && row.operations[0]?.bin === 'conflictingCs'

/** A record with one spent page, whatever is read of it. */
const record = (pages: number): Partial<RowAnswer> => ({
  bins: {
    inputs: [storedInput(PARENT)],
    isCoinbase: false,
    conflicting: false,
    totalExtraRecs: pages,
    totalUtxos: pages,
    utxos: [],
    blockIDs: [],
    blockHeights: [],
    subtreeIdxs: [],
  },
})
const page: Partial<RowAnswer> = { bins: { utxos: [Buffer.alloc(32)], spentUtxos: 0, recordUtxos: 1 } }

interface Answers {
  /** To the call of the UDF for the first of two transactions; the second's succeeds. */
  udf?: Partial<RowAnswer> | undefined
  /** To the change of the parents' list. */
  list?: Partial<RowAnswer>
  pageWrite?: Partial<RowAnswer>
  pages?: number
}

async function marked(value: boolean, answers: Answers = {}, settings: SettingsInput = {}) {
  const { udf = udfAnswer({ status: 'OK' }), list = {}, pageWrite = {}, pages = 0 } = answers
  const transport = new ScriptedTransport(row => {
    if (row.kind === 'apply') {
      if (recordNumberOf(row) !== FIRST) return udfAnswer({ status: 'OK' })
      return 'udf' in answers ? answers.udf : udf
    }
    if (isList(row)) return list
    // What is read of the master once it is marked, to check and to carry its delete-at-height.
    if (row.kind === 'read' && row.bins.length === 1)
      return { bins: row.bins[0] === 'conflicting' ? { conflicting: value } : { deleteAtHeight: 1_288 } }
    if (row.kind === 'read') return isPage(row) ? page : record(pages)
    return isPage(row) ? pageWrite : {}
  })
  const change = setConflicting(
    contextWith(transport, settings),
    [bytes32(FIRST), bytes32(SECOND)],
    value,
    undefined,
  )
  const outcome = await change.then(codeOf, codeOf)
  const rows = transport.batches.flat()
  return {
    outcome,
    batches: transport.batches.map(([row]) =>
      row?.kind === 'apply' ? row.function : row && isList(row) ? 'list' : row?.kind,
    ),
    calls: rows.filter(row => row.kind === 'apply').length,
    pageWrites: rows
      .filter((row): row is WriteRow => row.kind === 'write' && isPage(row))
      .map(row => row.operations),
  }
}

describe('setConflicting (semantics 3.9)', () => {
  it.each([
    [true, ['read', 'list', 'setConflicting', 'read']],
    [false, ['read', 'setConflicting', 'read']],
  ])('%s: one batch for each step, the spenders read last', async (value, batches) => {
    expect(await marked(value)).toMatchObject({ outcome: 'ok', batches })
  })

  it.each<[string, Partial<RowAnswer> | undefined, string]>([
    ['a record that is gone meanwhile', { status: 2 }, 'TX_NOT_FOUND'],
    ['a UDF that finds none', udfAnswer({ status: 'ERROR', errorCode: 'TX_NOT_FOUND' }), 'TX_NOT_FOUND'],
    [
      'another error of the UDF',
      udfAnswer({ status: 'ERROR', errorCode: 'INVALID_PARAMETER' }),
      'STORAGE_ERROR',
    ],
    ['a timeout', { status: 9, inDoubt: true }, 'STORAGE_ERROR'],
    ['an answer that cannot be read', { bins: { FAILURE: 'no' } }, 'PROCESSING'],
    ['no answer', undefined, 'STORAGE_ERROR'],
  ])('%s fails the call, after the others were tried', async (_, udf, expected) => {
    expect(await marked(true, { udf })).toMatchObject({ outcome: expected, calls: 2 })
  })

  it('sets no mark when a parent’s list could not be changed', async () => {
    expect(await marked(true, { list: { status: 18 } })).toMatchObject({ outcome: 'STORAGE_ERROR', calls: 0 })
  })

  const mark = (value: boolean) => ({ kind: 'put', bin: 'conflicting', value })
  const deleteAt = { kind: 'put', bin: 'deleteAtHeight', value: 1_288 }
  const keep = { kind: 'unset', bin: 'deleteAtHeight' }
  const signalled = (signal: string) => udfAnswer({ status: 'OK', signal, childCount: 1 })

  it.each<[string, boolean, Answers, SettingsInput, object[][]]>([
    ['nothing to carry', true, {}, {}, []],
    [
      'a delete-at-height: a conflicting one is pruned whatever is spent',
      true,
      { udf: signalled('DAHSET') },
      {},
      [[deleteAt]],
    ],
    [
      'the mark where nobody else shares the set',
      true,
      {},
      { propagateConflictingToPages: 'on' },
      [[mark(true)], [mark(true)]],
    ],
    ['the lifted mark always', false, {}, {}, [[mark(false)], [mark(false)]]],
    [
      'no delete-at-height any more',
      false,
      { udf: signalled('DAHUNSET') },
      {},
      [[mark(false)], [mark(false)], [keep]],
    ],
  ])('pages get %s', async (_, value, answers, settings, expected) => {
    const { outcome, pageWrites } = await marked(value, { ...answers, pages: 1 }, settings)
    expect({ outcome, pageWrites }).toEqual({ outcome: 'ok', pageWrites: expected })
  })

  it('a failure of a page fails the call', async () => {
    expect(await marked(false, { pages: 1, pageWrite: { status: 18 } })).toMatchObject({
      outcome: 'STORAGE_ERROR',
    })
  })
})
