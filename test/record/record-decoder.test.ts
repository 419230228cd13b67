import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createTransaction, type Transaction } from '../../lib/bitcoin/index.ts'
import { StoreError } from '../../lib/errors/index.ts'
import {
  BIN_TABLE,
  type Bins,
  binsForFields,
  buildRecords,
  checkFields,
  DECORATE_FIELDS,
  decodeMetadata,
  FIELDS,
  type Field,
  GET_FIELDS,
  META_FIELDS,
  transactionContent,
  txInpointsOf,
} from '../../lib/record/index.ts'
import { partsArbitrary } from '../bitcoin/transaction-arbitraries.ts'
import { DATA, OPTIONS, SPENDABLE, sampleContent, sampleTransaction } from './sample-content.ts'

function binsOf(tx: Transaction, options = OPTIONS, isCoinbase = tx.isCoinbase): Bins {
  const content = transactionContent(tx, { isCoinbase, skipExtendedInputs: true })
  return Object.fromEntries(
    buildRecords(content, options)
      .master()
      .map(({ bin, value }) => [bin, value]),
  )
}

describe('decodeMetadata', () => {
  it('gives back any transaction that was stored', () => {
    const options = { ...OPTIONS, utxoBatchSize: 128 }
    fc.assert(
      fc.property(partsArbitrary({ isExtended: true }), parts => {
        fc.pre(parts.outputs.length > 0 && parts.inputs.every(isKnown))
        const tx = createTransaction(parts)
        // Any amounts: as of a coinbase, whose fee nobody computes.
        const decoded = decodeMetadata(binsOf(tx, options, true), ['tx', 'inputs', 'outputs']).tx
        expect(decoded).toMatchObject(parts)
        expect(decoded?.txid).toEqual(tx.txid)
      }),
    )
  })

  it('gives back what creation wrote', () => {
    const tx = sampleTransaction([SPENDABLE, DATA])
    const block = { blockId: 1, blockHeight: 2, subtreeIdx: 3 }
    const metadata = decodeMetadata(
      binsOf(tx, { ...OPTIONS, minedBlockInfos: [block], locked: true }),
      FIELDS,
    )
    expect(metadata).toMatchObject({
      txid: tx.txid,
      fee: 990,
      sizeInBytes: tx.sizeBytes,
      extendedSize: tx.extendedSizeBytes,
      isCoinbase: false,
      conflicting: false,
      locked: true,
      creating: false,
      external: false,
      blockIds: [1],
      blockHeights: [2],
      subtreeIdxs: [3],
      totalUtxos: 2,
      totalExtraRecs: 0,
      txInpoints: [{ txid: tx.inputs[0]?.previousTxid, vouts: [3] }],
      conflictingChildren: [],
    })
    expect(metadata.utxos?.map(slot => slot.state)).toEqual(['unspent', 'nil'])
    expect(metadata).not.toHaveProperty('unminedSince')
  })

  it('reads an input that was stored without what it spends as one that lacks it', () => {
    const { version, locktime, inputs, outputs } = sampleTransaction([SPENDABLE])
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
    const decoded = decodeMetadata(binsOf(standard), ['tx']).tx
    expect(decoded?.isExtended).toBe(false)
    expect(decoded?.txid).toEqual(standard.txid)
  })

  it.each<{ what: string; bins: Record<string, unknown>; fields: Field[] }>([
    { what: 'no fee', bins: {}, fields: ['fee'] },
    { what: 'no size', bins: {}, fields: ['sizeInBytes'] },
    { what: 'no isCoinbase', bins: {}, fields: ['isCoinbase'] },
    { what: 'no utxos', bins: { totalUtxos: 0 }, fields: ['utxos'] },
    { what: 'no inputs and no external body', bins: {}, fields: ['txInpoints'] },
    { what: 'a flag as an integer', bins: { locked: 0 }, fields: ['locked'] },
    { what: 'a fee as text', bins: { fee: '5' }, fields: ['fee'] },
    { what: 'a fee with a fraction', bins: { fee: 0.5 }, fields: ['fee'] },
    { what: 'a fee beyond 2^53', bins: { fee: 2n ** 60n }, fields: ['fee'] },
    { what: 'a height beyond 32 bits', bins: { unminedSince: 2 ** 32 }, fields: ['unminedSince'] },
    { what: 'a block id beyond 32 bits', bins: { blockIDs: [2 ** 32] }, fields: ['blockIds'] },
    { what: 'a negative block id', bins: { blockIDs: [-1] }, fields: ['blockIds'] },
    {
      what: 'a version beyond 32 bits',
      bins: { version: 2 ** 40, locktime: 0, inputs: [], outputs: [] },
      fields: ['tx'],
    },
    {
      what: 'a negative locktime',
      bins: { version: 1, locktime: -1, inputs: [], outputs: [] },
      fields: ['tx'],
    },
    { what: 'a slot of 33 bytes', bins: { utxos: [new Uint8Array(33)], totalUtxos: 1 }, fields: ['utxos'] },
    { what: 'a slot as text', bins: { utxos: ['x'.repeat(32)], totalUtxos: 1 }, fields: ['utxos'] },
    {
      what: 'a map with an object as its key',
      bins: { utxoFreezeFrom: new Map([[Object.create(null), 0]]) },
      fields: ['freezes'],
    },
    { what: 'an input that is cut short', bins: { inputs: [new Uint8Array(40)] }, fields: ['inputs'] },
    { what: 'an input that is nil', bins: { inputs: [null] }, fields: ['inputs'] },
    { what: 'an output with a byte too many', bins: { outputs: [new Uint8Array(10)] }, fields: ['outputs'] },
    { what: 'a txid of 31 bytes', bins: { txID: new Uint8Array(31) }, fields: ['txid'] },
  ])('calls $what damaged data of our own', ({ bins, fields }) => {
    expect(() => decodeMetadata(bins as Bins, fields)).toThrow(
      expect.objectContaining({ code: 'STORAGE_ERROR' }),
    )
  })

  it('reads absent flags as false, absent lists as empty, and integers of both kinds', () => {
    expect(decodeMetadata({}, ['locked', 'conflicting', 'creating', 'blockIds'])).toEqual({
      locked: false,
      conflicting: false,
      creating: false,
      blockIds: [],
      blockHeights: [],
      subtreeIdxs: [],
    })
    expect(decodeMetadata({ fee: 5n, blockIDs: [7n] }, ['fee', 'blockIds'])).toMatchObject({
      fee: 5,
      blockIds: [7],
    })
  })

  it('leaves the body of an external transaction out and says so', () => {
    const bins = binsOf(sampleTransaction([SPENDABLE]), { ...OPTIONS, external: true })
    expect(decodeMetadata(bins, ['tx', 'txInpoints', 'outputs'])).toEqual({ external: true })
  })

  const value = fc.oneof(
    fc.anything({ withBigInt: true, withTypedArray: true, withMap: true, withNullPrototype: true }),
    fc.array(fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(null), fc.integer())),
    fc.constantFrom(true, -1, 2 ** 53, 2n ** 64n, Number.NaN),
  )
  const names = Object.values(BIN_TABLE).map(({ bin }) => bin)
  const damage = fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1, maxKeys: 4 })
  const whole = Object.fromEntries(
    buildRecords(sampleContent([SPENDABLE]), OPTIONS)
      .master()
      .map(({ bin, value }) => [bin, value]),
  )

  it('answers any garbage with metadata or a typed error of our own data', () => {
    fc.assert(
      fc.property(damage, fc.boolean(), fc.constantFrom(...FIELDS), (changed, isBare, field) => {
        const bins = { ...(isBare ? {} : whole), ...changed } as Bins
        try {
          expect(decodeMetadata(bins, [field])).toBeInstanceOf(Object)
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError)
          expect((error as StoreError).code).toBe('STORAGE_ERROR')
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('answers the usual fields as it does any list of the same', () => {
    const read = (bins: Bins, fields: readonly Field[]): unknown => {
      try {
        const metadata = decodeMetadata(bins, fields)
        return Object.entries(metadata).map(([name, field]) =>
          name === 'tx' ? [name, field.txid] : [name, field],
        )
      } catch (error) {
        return (error as StoreError).code
      }
    }
    const others = fc.constantFrom<Record<string, unknown>>(
      {},
      { external: true },
      { locktime: undefined },
      { inputs: [] },
      { outputs: [null] },
      { creating: true, blockIDs: [1n] },
    )
    fc.assert(
      fc.property(fc.oneof(others, damage), changed => {
        const bins = { ...whole, ...changed } as Bins
        expect(read(bins, GET_FIELDS)).toEqual(read(bins, [...GET_FIELDS]))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('txInpointsOf', () => {
  it('lists each parent once in the order of its first use, with the outputs in the order of the inputs', () => {
    const [input] = sampleTransaction([SPENDABLE]).inputs
    if (input === undefined) throw new Error('the sample has an input')
    const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const inputs = [
      { ...input, previousTxid: b, previousVout: 5 },
      { ...input, previousTxid: a, previousVout: 0 },
      { ...input, previousTxid: b.slice(), previousVout: 1 },
    ]
    expect(txInpointsOf(inputs)).toEqual([
      { txid: b, vouts: [5, 1] },
      { txid: a, vouts: [0] },
    ])
  })
})

describe('fields', () => {
  it.each<{ field: Field; bins: string[] }>([
    { field: 'tx', bins: ['version', 'locktime', 'inputs', 'outputs', 'external'] },
    { field: 'txInpoints', bins: ['inputs', 'external'] },
    { field: 'outputs', bins: ['outputs', 'external'] },
    { field: 'inputs', bins: ['inputs', 'external'] },
    { field: 'blockIds', bins: ['blockIDs', 'blockHeights', 'subtreeIdxs'] },
    { field: 'conflictingChildren', bins: ['conflictingCs'] },
    { field: 'fee', bins: ['fee'] },
  ])('$field reads $bins', ({ field, bins }) => expect(binsForFields([field])).toEqual(bins))

  it('reads each bin once', () => {
    const bins = binsForFields(['tx', 'txInpoints', 'inputs'])
    expect(new Set(bins).size).toBe(bins.length)
  })

  it('has the default fields of the reference', () => {
    expect([...META_FIELDS].sort()).toEqual(
      [
        'locktime',
        'fee',
        'sizeInBytes',
        'txInpoints',
        'blockIds',
        'isCoinbase',
        'conflicting',
        'locked',
        'creating',
      ].sort(),
    )
    expect([...GET_FIELDS].sort()).toEqual([...META_FIELDS, 'tx'].sort())
    expect([...DECORATE_FIELDS].sort()).toEqual(
      ['fee', 'sizeInBytes', 'txInpoints', 'blockIds', 'isCoinbase'].sort(),
    )
  })

  it('takes the spelling of the bin for the same field, and refuses what it does not know', () => {
    expect(checkFields(['blockIDs', 'txID', 'conflictingCs'])).toEqual([
      'blockIds',
      'txid',
      'conflictingChildren',
    ])
    expect(checkFields(['frozen'])).toEqual(['freezes'])
    for (const wrong of ['constructor', '', 5, null]) {
      expect(() => checkFields(['fee', wrong as string])).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'fields[1]' }),
      )
    }
    expect(() => checkFields([])).toThrow(expect.objectContaining({ field: 'fields' }))
  })

  it('keeps bin names within the 15 bytes of the server', () => {
    for (const { bin } of Object.values(BIN_TABLE)) expect(bin.length).toBeLessThanOrEqual(15)
  })
})

function isKnown({ previousSatoshis, previousLockingScript }: Transaction['inputs'][number]): boolean {
  return previousSatoshis !== 0n || previousLockingScript?.byteLength !== 0
}

/** Random amounts can differ by more than the 64 bits, with a sign, that a fee is stored in. */
