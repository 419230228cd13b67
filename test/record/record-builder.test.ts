import { describe, expect, it } from '@jest/globals'
import { createTransaction, utxoHash } from '../../lib/bitcoin/index.ts'
import {
  type BinValue,
  binValue,
  buildRecords,
  needsExternalBody,
  outputsNeedExternalBody,
  partialContent,
  type RecordBins,
  type RecordOptions,
  transactionContent,
} from '../../lib/record/index.ts'
import { DATA, OPTIONS, SPENDABLE, sampleContent, sampleTransaction } from './sample-content.ts'

const BLOCK = { blockId: 11, blockHeight: 699_000, subtreeIdx: 2 }

describe('buildRecords', () => {
  it('writes exactly the bins of a new single record', () => {
    const content = sampleContent([SPENDABLE, DATA])
    const { master, pageCount } = allRecords(content, OPTIONS)
    expect(pageCount).toBe(0)
    const { inputs, outputs, utxos, ...rest } = Object.fromEntries(master)
    expect(rest).toEqual({
      txID: content.txid,
      version: 2,
      locktime: 9,
      fee: 990,
      sizeInBytes: content.sizeInBytes,
      extendedSize: content.extendedSize,
      spentUtxos: 0,
      recordUtxos: 1,
      isCoinbase: false,
      conflicting: false,
      locked: false,
      totalExtraRecs: 0,
      totalUtxos: 2,
      blockIDs: [],
      blockHeights: [],
      subtreeIdxs: [],
      unminedSince: 700_000,
      createdAt: 1_700_000_000_000,
    })
    expect(utxos).toEqual([utxoHash(content.txid, 0, SPENDABLE.lockingScript, SPENDABLE.satoshis), null])
    expect((inputs as Uint8Array[]).map(hexOf)).toEqual([
      ['aa'.repeat(32), '03000000', '0101', 'ffffffff', 'e803000000000000', '0151'].join(''),
    ])
    expect((outputs as Uint8Array[]).map(hexOf)).toEqual(['0a000000000000000151', '000000000000000002006a'])
  })

  it('begins with the bins that spends and blocks ask of every record', () => {
    const outputs = Array.from({ length: OPTIONS.utxoBatchSize + 1 }, () => SPENDABLE)
    const { master, pages } = allRecords(sampleContent(outputs), OPTIONS)
    const state = ['utxos', 'locked', 'conflicting', 'spentUtxos', 'recordUtxos']
    expect([...(pages[0]?.keys() ?? [])].slice(0, 5)).toEqual(state)
    expect([...master.keys()].slice(0, 9)).toEqual([
      ...state,
      'totalExtraRecs',
      'blockIDs',
      'blockHeights',
      'subtreeIdxs',
    ])
  })

  it.each<{ what: string; options: Partial<RecordOptions>; bins: Record<string, unknown> }>([
    { what: 'locked', options: { locked: true }, bins: { locked: true } },
    { what: 'being created', options: { creating: true }, bins: { creating: true } },
    { what: 'at height 0', options: { blockHeight: 0 }, bins: { unminedSince: 1 } },
    {
      what: 'conflicting',
      options: { conflicting: true },
      bins: { conflicting: true, deleteAtHeight: 700_288 },
    },
    {
      what: 'conflicting without retention',
      options: { conflicting: true, retention: 0 },
      bins: { conflicting: true, deleteAtHeight: undefined },
    },
    {
      what: 'mined',
      options: { minedBlockInfos: [BLOCK] },
      bins: {
        unminedSince: undefined,
        blockIDs: [11],
        blockHeights: [699_000],
        subtreeIdxs: [2],
        deleteAtHeight: undefined,
      },
    },
    {
      what: 'external',
      options: { external: true },
      bins: { external: true, inputs: undefined, outputs: undefined },
    },
  ])('of a transaction that is $what', ({ options, bins }) => {
    const { master } = allRecords(sampleContent([SPENDABLE]), { ...OPTIONS, ...options })
    expect(Object.fromEntries(Object.keys(bins).map(name => [name, master.get(name)]))).toEqual(bins)
  })

  it.each<{ what: string; options: Partial<RecordOptions>; deleteAtHeight: number | undefined }>([
    { what: 'mined', options: { minedBlockInfos: [BLOCK] }, deleteAtHeight: 700_288 },
    {
      what: 'mined, without retention',
      options: { minedBlockInfos: [BLOCK], retention: 0 },
      deleteAtHeight: undefined,
    },
    { what: 'unmined', options: {}, deleteAtHeight: undefined },
  ])(
    'gives one without spendable outputs deleteAtHeight $deleteAtHeight when $what',
    ({ options, deleteAtHeight }) => {
      const { master } = allRecords(sampleContent([DATA]), { ...OPTIONS, ...options })
      expect(master.get('deleteAtHeight')).toBe(deleteAtHeight)
    },
  )

  it('freezes every slot that is there, and counts none as spent', () => {
    const { master } = allRecords(sampleContent([SPENDABLE, DATA]), { ...OPTIONS, frozen: true })
    const [slot, nil] = master.get('utxos') as (Uint8Array | null)[]
    expect(hexOf(slot)).toMatch(/^[0-9a-f]{64}(ff){36}$/)
    expect(nil).toBeNull()
    expect([master.get('spentUtxos'), master.get('recordUtxos')]).toEqual([0, 1])
  })

  it('distributes outputs over pages, nil slots at the end included', () => {
    const { master, pages } = allRecords(
      sampleContent([...Array(4).fill(SPENDABLE), ...Array(4).fill(DATA), SPENDABLE, DATA]),
      OPTIONS,
    )
    const lengths = [master, ...pages].map(record => (record.get('utxos') as unknown[]).length)
    expect(lengths).toEqual([4, 4, 2])
    expect([master, ...pages].map(record => record.get('recordUtxos'))).toEqual([4, 0, 1])
    expect(master.get('totalExtraRecs')).toBe(2)
    expect(master.get('totalUtxos')).toBe(10)
    for (const page of pages) {
      expect([...page.keys()]).not.toContain('totalExtraRecs')
      expect([...page.keys()]).not.toContain('blockIDs')
    }
  })

  it('lesson 54: counts a page without spendable outputs as spent, since no spend will ever visit it', () => {
    const { master, pages } = allRecords(sampleContent([...Array(4).fill(SPENDABLE), DATA]), OPTIONS)
    expect(master.get('spentExtraRecs')).toBe(1)
    expect(pages.map(page => page.get('lastSpentState'))).toEqual(['ALLSPENT'])
  })

  it('numbers the slots of a page by the output in the transaction', () => {
    const content = sampleContent(Array(5).fill(SPENDABLE))
    const { pages } = allRecords(content, OPTIONS)
    expect(pages[0]?.get('utxos')).toEqual([utxoHash(content.txid, 4, SPENDABLE.lockingScript, 10n)])
  })

  it('has no record beyond the last page', () => {
    const records = allRecords(sampleContent(Array(8).fill(SPENDABLE)), OPTIONS)
    expect(records.pageCount).toBe(1)
    for (const page of [0, 2]) expect(() => records.page(page)).toThrow('a page from 1 to 1')
  })

  it('keeps heights within 32 bits', () => {
    const options = { ...OPTIONS, blockHeight: 2 ** 32 - 1, conflicting: true }
    const { master, pages } = allRecords(sampleContent(Array(5).fill(SPENDABLE), true), options)
    expect([master, ...pages].map(record => record.get('spendingHeight'))).toEqual([2 ** 32 - 1, 2 ** 32 - 1])
    expect(master.get('deleteAtHeight')).toBe(2 ** 32 - 1)
  })

  it('makes every record of a coinbase immature', () => {
    const { master, pages } = allRecords(sampleContent(Array(5).fill(SPENDABLE), true), OPTIONS)
    expect([master, ...pages].map(record => record.get('spendingHeight'))).toEqual([700_100, 700_100])
    expect(master.get('fee')).toBe(0)
  })
})

describe('transactionContent', () => {
  const { version, locktime, inputs, outputs } = sampleTransaction([SPENDABLE])
  const plain = { isCoinbase: false, skipExtendedInputs: false }
  const standard = createTransaction({
    version,
    locktime,
    outputs,
    inputs: inputs.map(input => ({
      ...input,
      previousSatoshis: undefined,
      previousLockingScript: undefined,
    })),
  })

  /** Of a transaction that spends one output and has one. */
  const feeOf = (spent: bigint, paid: bigint): number =>
    transactionContent(
      createTransaction({
        version,
        locktime,
        inputs: inputs.map(input => ({ ...input, previousSatoshis: spent })),
        outputs: [{ ...SPENDABLE, satoshis: paid }],
      }),
      plain,
    ).fee

  it('refuses a transaction without outputs, or whose inputs do not carry what they spend', () => {
    expect(() => transactionContent(sampleTransaction([]), plain)).toThrow(
      expect.objectContaining({ code: 'PROCESSING', message: expect.stringContaining('has no outputs') }),
    )
    expect(() => transactionContent(standard, plain)).toThrow(expect.objectContaining({ code: 'PROCESSING' }))
  })

  it('takes one whose inputs do not carry it on request, with a fee of 0', () => {
    expect(transactionContent(standard, { ...plain, skipExtendedInputs: true }).fee).toBe(0)
  })

  it.each([
    { spent: 2n ** 53n, paid: 0n },
    { spent: 0n, paid: 2n ** 53n },
    { spent: 2n ** 63n, paid: 2n ** 62n },
    { spent: 2n ** 64n - 1n, paid: 0n },
  ])('refuses a fee that no reader accepts: $spent less $paid', ({ spent, paid }) => {
    expect(() => feeOf(spent, paid)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        field: 'fee',
        message: `fee must be satoshis within 2^53, got ${spent - paid}n`,
      }),
    )
  })

  it('takes every fee within 2^53', () => {
    expect([feeOf(2n ** 53n, 1n), feeOf(1n, 2n ** 53n)]).toEqual([2 ** 53 - 1, 1 - 2 ** 53])
  })

  it('gives one without inputs no fee and no size', () => {
    const content = transactionContent(createTransaction({ version, locktime, inputs: [], outputs }), plain)
    expect(content).toMatchObject({ fee: 0, sizeInBytes: 0, extendedSize: 0 })
  })

  it('keeps holes of a partial transaction as holes, without a slot', () => {
    const txid = new Uint8Array(32).fill(7)
    const content = partialContent({ txid, blockHeight: 1, isCoinbase: false, outputs: [null, SPENDABLE] })
    const { master } = allRecords(content, OPTIONS)
    expect(master.get('utxos')).toEqual([null, utxoHash(txid, 1, SPENDABLE.lockingScript, 10n)])
    expect((master.get('outputs') as unknown[])[0]).toBeNull()
    expect(master.get('recordUtxos')).toBe(1)
  })

  it.each([
    { extendedSizeBytes: 32_768, isExternal: false },
    { extendedSizeBytes: 32_769, isExternal: true },
  ])(
    'an extended size of $extendedSizeBytes needs an external body: $isExternal',
    ({ extendedSizeBytes, isExternal }) => {
      const base =
        sampleTransaction([{ satoshis: 0n, lockingScript: new Uint8Array(1_000) }]).extendedSizeBytes - 1_000
      const tx = sampleTransaction([
        { satoshis: 0n, lockingScript: new Uint8Array(extendedSizeBytes - base) },
      ])
      expect(tx.extendedSizeBytes).toBe(extendedSizeBytes)
      expect(needsExternalBody(tx)).toBe(isExternal)
    },
  )

  it.each([
    { bytes: 32_768, isExternal: false },
    { bytes: 32_769, isExternal: true },
  ])('outputs of $bytes bytes without inputs need an external body: $isExternal', ({ bytes, isExternal }) => {
    const large = { satoshis: 1n, lockingScript: new Uint8Array(bytes - 9 - 11) }
    const all = [{ satoshis: 1n, lockingScript: new Uint8Array(0) }, large]
    expect(needsExternalBody(createTransaction({ version, locktime, inputs: [], outputs: all }))).toBe(
      isExternal,
    )
    expect(outputsNeedExternalBody([...all, null])).toBe(isExternal)
  })
})

/** The records with their bins by name; a bin that is put twice would be one too few. */
function allRecords(...args: Parameters<typeof buildRecords>) {
  const records = buildRecords(...args)
  const { pageCount } = records
  // `create` answers with these, without building the record.
  const [recordUtxos, createdAt] = ['recordUtxos', 'createdAt'].map(bin => binValue(records.master(), bin))
  expect([records.recordUtxos, records.createdAt]).toEqual([recordUtxos, createdAt])
  const page = (number: number): Map<string, BinValue> => byName(records.page(number))
  return {
    master: byName(records.master()),
    pages: Array.from({ length: pageCount }, (_, index) => page(index + 1)),
    pageCount,
    page,
  }
}

function byName(bins: RecordBins): Map<string, BinValue> {
  expect(new Set(bins.map(({ kind }) => kind))).toEqual(new Set(['put']))
  const map = new Map(bins.map(({ bin, value }) => [bin, value]))
  expect(map.size).toBe(bins.length)
  return map
}

function hexOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex')
}
