import { describe, expect, it } from '@jest/globals'
import { unspendRows } from '../../../../lib/store/operations/spending/unspend-rows.ts'
import type { ApplyRow, RowAnswer } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, ScriptedTransport, udfAnswer } from '../../support/store-fixture.ts'

const OK = udfAnswer({ status: 'OK' })
const FULL = { status: 'ERROR', errorCode: 'PAGE_FULL', message: 'full' }
const ANNOUNCED = udfAnswer({ ...FULL, signal: 'NOTALLSPENT' })
const MEANWHILE_FULL = udfAnswer(FULL)

interface Scripts {
  readonly generation?: number
  readonly first: Partial<RowAnswer>
  readonly told?: Partial<RowAnswer> | undefined
  /** The answers to the calls after it, of which the last one comes again and again. */
  readonly second?: Partial<RowAnswer> | readonly Partial<RowAnswer>[] | undefined
}

/** Unspends one output on a page; what was called, with the arguments that matter here. */
async function unspent({ generation, first, told = OK, second = OK }: Scripts) {
  const calls: unknown[][] = []
  const later = [second].flat()
  const transport = new ScriptedTransport(row => {
    const { function: name, args } = row as ApplyRow
    calls.push(name === 'unspend' ? ['unspend', ...args.slice(5, 7)] : ['tell', args[0], args[4]])
    if (name !== 'unspend') return told
    if (args[6] === true) return first
    return later.length > 1 ? later.shift() : later[0]
  })
  const spend = { txid: bytes32(1), vout: 200, utxoHash: bytes32(9), spendingData: new Uint8Array(36) }
  const errors = await unspendRows(contextWith(transport), [{ ...spend, generation }], 1_000, {})
  return { codes: errors.map(error => error?.code ?? 'ok'), calls }
}

describe('unspending an output of a page', () => {
  it('is one call where the page has another open output', async () => {
    expect(await unspent({ first: OK })).toEqual({ codes: ['ok'], calls: [['unspend', -1, true]] })
  })

  it.each<[string, Scripts, number]>([
    ['counts a page less', { first: ANNOUNCED }, -1],
    ['has the master judge anew what another has announced', { first: MEANWHILE_FULL }, 0],
  ])('that is fully spent first %s', async (_case, scripts, change) => {
    expect(await unspent(scripts)).toEqual({
      codes: ['ok'],
      calls: [
        ['unspend', -1, true],
        // One page of its is open, whoever was told of it.
        ['tell', change, 1],
        ['unspend', -1, 'unannounced'],
      ],
    })
  })

  it.each([
    ['of its own announcement', ANNOUNCED, 8],
    ['that it has read, where another announced it', MEANWHILE_FULL, 7],
  ])('asks for the generation %s', async (_case, first, second) => {
    expect((await unspent({ generation: 7, first })).calls).toEqual([
      ['unspend', 7, true],
      ['tell', expect.any(Number), 1],
      ['unspend', second, 'unannounced'],
    ])
  })

  it.each<[string, Partial<RowAnswer>, string]>([
    ['is gone', { status: 2 }, 'TX_NOT_FOUND'],
    ['does not answer in time', { status: 9, inDoubt: true }, 'STORAGE_ERROR'],
  ])('frees nothing whose master %s', async (_case, told, code) => {
    const { codes, calls } = await unspent({ first: ANNOUNCED, told })
    expect([codes, calls.map(([name]) => name)]).toEqual([[code], ['unspend', 'tell']])
  })

  it.each([
    ['CHANGED', 'STORAGE_ERROR'],
    ['TX_NOT_FOUND', 'TX_NOT_FOUND'],
  ])('answers what the second call says: %s', async (errorCode, code) => {
    const second = udfAnswer({ status: 'ERROR', errorCode, message: '' })
    expect((await unspent({ first: ANNOUNCED, second })).codes).toEqual([code])
  })

  it('announces it again where the page was opened and filled meanwhile', async () => {
    expect(await unspent({ generation: 7, first: ANNOUNCED, second: [ANNOUNCED, OK] })).toEqual({
      codes: ['ok'],
      calls: [
        ['unspend', 7, true],
        ['tell', -1, 1],
        ['unspend', 8, 'unannounced'],
        ['tell', -1, 1],
        ['unspend', 9, 'unannounced'],
      ],
    })
  })

  it('is given up where that goes on', async () => {
    const { codes, calls } = await unspent({ first: ANNOUNCED, second: ANNOUNCED })
    expect(codes).toEqual(['STORAGE_ERROR'])
    expect(calls.filter(([name]) => name === 'tell').length).toBe(8)
  })

  it('counts the page again that nobody has opened', async () => {
    const second = udfAnswer({ status: 'OK', signal: 'ALLSPENT' })
    expect((await unspent({ first: ANNOUNCED, second })).calls.at(-1)).toEqual(['tell', 1, 0])
  })
})
