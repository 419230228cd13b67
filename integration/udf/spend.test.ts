import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  displayHex,
  hash,
  masterBins,
  pageBins,
  SENTINEL,
  spendingData,
  spendingDataText,
  spendRequest,
  spentSlot,
  unspentSlot,
} from './record-bins.ts'
import { type Bins, type RecordKey, UdfFixture } from './udf-fixture.ts'

const HEIGHT = 100
const RETENTION = 10
const OURS = spendingData('ours', 7)
const THEIRS = spendingData('theirs', 258)

interface SpendOptions {
  ignoreConflicting?: boolean
  ignoreLocked?: boolean
  height?: number
  retention?: number
}

let udf: UdfFixture

beforeAll(async () => {
  udf = await UdfFixture.open()
})

afterAll(() => udf.close())

function spendMulti(key: RecordKey, spends: Bins[], options: SpendOptions = {}) {
  const { ignoreConflicting = false, ignoreLocked = false, height = HEIGHT, retention = RETENTION } = options
  return udf.apply(key, 'spendMulti', [spends, ignoreConflicting, ignoreLocked, height, retention])
}

function errorEntry(errorCode: string, winner?: Buffer) {
  const entry = { errorCode, message: expect.any(String) }
  return winner === undefined ? entry : { ...entry, spendingData: spendingDataText(winner) }
}

describe('spendMulti, record checks', () => {
  const ALL_WRONG: Bins = {
    creating: true,
    conflicting: true,
    locked: true,
    spendingHeight: HEIGHT + 1,
    utxos: null,
  }
  it.each([
    ['creating before everything else', ALL_WRONG, {}, 'CREATING'],
    ['creating whatever is ignored', ALL_WRONG, { ignoreConflicting: true, ignoreLocked: true }, 'CREATING'],
    ['conflicting before locked', { ...ALL_WRONG, creating: null }, {}, 'CONFLICTING'],
    ['locked before maturity', { ...ALL_WRONG, creating: null, conflicting: false }, {}, 'LOCKED'],
    [
      'locked is not ignored with conflicting',
      { ...ALL_WRONG, creating: null },
      { ignoreConflicting: true },
      'LOCKED',
    ],
    [
      'maturity before missing outputs',
      { ...ALL_WRONG, creating: null },
      { ignoreConflicting: true, ignoreLocked: true },
      'COINBASE_IMMATURE',
    ],
    ['missing outputs', { utxos: null }, {}, 'UTXOS_NOT_FOUND'],
  ])('%s', async (_case, overrides, options, errorCode) => {
    const key = await udf.putRecord(masterBins(overrides))
    const before = await udf.getRecord(key)
    expect(await spendMulti(key, [spendRequest(0, 0, 'a', OURS)], options)).toEqual({
      status: 'ERROR',
      errorCode,
      message: expect.any(String),
    })
    expect(await udf.getRecord(key)).toEqual(before)
    expect(await udf.generation(key)).toBe(1)
  })

  it.each([
    ['an integer is no flag', { creating: 1, conflicting: 1, locked: 1 }],
    ['absent flags', { creating: null, conflicting: null, locked: null }],
    ['a coinbase at its spending height', { spendingHeight: HEIGHT }],
    ['a spending height of 0', { spendingHeight: 0 }],
  ])('passes: %s', async (_case, overrides) => {
    const key = await udf.putRecord(masterBins(overrides))
    expect(await spendMulti(key, [spendRequest(0, 0, 'a', OURS)])).toEqual({ status: 'OK', blockIDs: [7] })
    expect(await udf.getRecord(key)).toMatchObject({ spentUtxos: 1 })
  })
})

describe('spendMulti, each spend', () => {
  it('writes the slot, counts it, and keeps nil slots', async () => {
    const key = await udf.putRecord(masterBins())
    expect(await spendMulti(key, [spendRequest(5, 2, 'b', OURS)])).toEqual({ status: 'OK', blockIDs: [7] })
    expect(await udf.getRecord(key)).toEqual(
      masterBins({ spentUtxos: 1, utxos: [unspentSlot('a'), null, spentSlot('b', OURS), null] }),
    )
    expect(await udf.generation(key)).toBe(2)
  })

  it('keeps hashes and spending data that are full of NUL bytes', async () => {
    const zeroHash = Buffer.alloc(32)
    const data = Buffer.alloc(36)
    const key = await udf.putRecord(masterBins({ utxos: [zeroHash], recordUtxos: 1 }))
    const request = { ...spendRequest(0, 0, '', data), utxoHash: zeroHash }
    expect(await spendMulti(key, [request])).toMatchObject({ status: 'OK' })
    expect((await udf.getRecord(key))?.utxos).toEqual([Buffer.alloc(68)])
    const other = Buffer.concat([Buffer.alloc(35), Buffer.from([1])])
    expect((await spendMulti(key, [{ ...request, spendingData: other }])).errors).toEqual({
      0: errorEntry('SPENT', data),
    })
    const otherHash = Buffer.concat([Buffer.alloc(31), Buffer.from([1])])
    expect((await spendMulti(key, [{ ...request, utxoHash: otherHash }])).errors).toEqual({
      0: errorEntry('UTXO_HASH_MISMATCH'),
    })
  })

  it('applies what it can and reports the rest by index', async () => {
    const key = await udf.putRecord(
      masterBins({
        spentUtxos: 1,
        recordUtxos: 4,
        utxos: [unspentSlot('a'), null, unspentSlot('b'), spentSlot('c', THEIRS), unspentSlot('d')],
      }),
    )
    const answer = await spendMulti(key, [
      spendRequest(10, 0, 'a', OURS),
      spendRequest(3, 1, 'a', OURS),
      spendRequest(11, 2, 'other', OURS),
      spendRequest(12, 3, 'c', OURS),
      spendRequest(13, 9, 'a', OURS),
      spendRequest(14, 4, 'd', OURS),
    ])
    expect(answer).toEqual({
      status: 'ERROR',
      blockIDs: [7],
      errors: {
        3: errorEntry('UTXO_NOT_FOUND'),
        11: errorEntry('UTXO_HASH_MISMATCH'),
        12: errorEntry('SPENT', THEIRS),
        13: errorEntry('UTXO_NOT_FOUND'),
      },
    })
    expect(await udf.getRecord(key)).toMatchObject({
      spentUtxos: 3,
      utxos: [spentSlot('a', OURS), null, unspentSlot('b'), spentSlot('c', THEIRS), spentSlot('d', OURS)],
    })
  })

  it.each([
    ['a damaged slot', { utxos: [Buffer.alloc(40)] }, 'UTXO_INVALID_SIZE'],
    ['a slot that is no blob', { utxos: [5] }, 'UTXO_INVALID_SIZE'],
  ])('%s', async (_case, overrides, errorCode) => {
    const key = await udf.putRecord(masterBins(overrides))
    expect((await spendMulti(key, [spendRequest(0, 0, 'a', OURS)])).errors).toEqual({
      0: errorEntry(errorCode),
    })
  })

  it.each([
    ['35 bytes', OURS.subarray(0, 35)],
    ['the frozen sentinel', SENTINEL],
    ['a string', 'x'.repeat(36)],
    ['nil', null],
  ])('refuses spending data that is %s', async (_case, data) => {
    const key = await udf.putRecord(masterBins())
    const bad = { ...spendRequest(0, 0, 'a', OURS), spendingData: data }
    expect((await spendMulti(key, [bad, spendRequest(1, 2, 'b', OURS)])).errors).toEqual({
      0: errorEntry('INVALID_PARAMETER'),
    })
    expect(await udf.getRecord(key)).toMatchObject({
      spentUtxos: 1,
      utxos: [unspentSlot('a'), null, spentSlot('b', OURS), null],
    })
  })

  it('repeats without effect and never double counts', async () => {
    const key = await udf.putRecord(masterBins())
    const spends = [spendRequest(0, 0, 'a', OURS), spendRequest(1, 0, 'a', OURS)]
    for (let repetition = 0; repetition < 2; repetition++) {
      expect(await spendMulti(key, spends)).toEqual({ status: 'OK', blockIDs: [7] })
      expect(await udf.getRecord(key)).toMatchObject({ spentUtxos: 1 })
    }
  })

  it('gives an output wanted twice in one call to the first', async () => {
    const key = await udf.putRecord(masterBins())
    const answer = await spendMulti(key, [spendRequest(0, 0, 'a', OURS), spendRequest(1, 0, 'a', THEIRS)])
    expect(answer.errors).toEqual({ 1: errorEntry('SPENT', OURS) })
    expect(await udf.getRecord(key)).toMatchObject({ spentUtxos: 1 })
  })

  it('refuses the same spender on another input as a different spend', async () => {
    const key = await udf.putRecord(masterBins())
    await spendMulti(key, [spendRequest(0, 0, 'a', spendingData('ours', 0))])
    const answer = await spendMulti(key, [spendRequest(0, 0, 'a', spendingData('ours', 1))])
    expect(answer.errors).toEqual({ 0: errorEntry('SPENT', spendingData('ours', 0)) })
  })

  it('lesson 37: refuses the replay of a deleted spender, and only that', async () => {
    const key = await udf.putRecord(
      masterBins({
        spentUtxos: 2,
        utxos: [spentSlot('a', OURS), null, spentSlot('b', THEIRS)],
        deletedChildren: { [displayHex('ours')]: true },
      }),
    )
    const answer = await spendMulti(key, [spendRequest(0, 0, 'a', OURS), spendRequest(1, 2, 'b', THEIRS)])
    expect(answer.errors).toEqual({ 0: errorEntry('INVALID_SPEND', OURS) })
    expect(await udf.getRecord(key)).toMatchObject({ spentUtxos: 2 })
  })

  it.each([
    [HEIGHT + 1, { 0: errorEntry('FROZEN_UNTIL') }],
    [HEIGHT, undefined],
  ])('a reassigned output spendable in block %d', async (spendableIn, errors) => {
    const key = await udf.putRecord(masterBins({ utxoSpendableIn: new Map([[0, spendableIn]]) }))
    const answer = await spendMulti(key, [spendRequest(0, 0, 'a', OURS)])
    expect(answer.errors).toEqual(errors)
  })

  it('fails as a whole when an error cannot be reported', async () => {
    const bins = masterBins()
    const key = await udf.putRecord(bins)
    const { idx, ...withoutIdx } = spendRequest(0, 1, 'a', OURS)
    await expect(spendMulti(key, [spendRequest(1, 0, 'a', OURS), withoutIdx])).rejects.toMatchObject({
      code: 100,
    })
    expect(await udf.getRecord(key)).toEqual(bins)
  })

  it('fails as a whole on a nil element', async () => {
    const bins = masterBins()
    const key = await udf.putRecord(bins)
    const spends = [spendRequest(0, 0, 'a', OURS), null, spendRequest(1, 2, 'b', OURS)]
    await expect(spendMulti(key, spends as Bins[])).rejects.toMatchObject({ code: 100 })
    expect(await udf.getRecord(key)).toEqual(bins)
  })

  it('answers blockIDs only where the record has them', async () => {
    const page = await udf.putRecord(pageBins())
    expect(await spendMulti(page, [spendRequest(0, 0, 'a', OURS)])).toEqual({ status: 'OK' })
    const unmined = await udf.putRecord(masterBins({ blockIDs: [] }))
    expect(await spendMulti(unmined, [spendRequest(0, 0, 'a', OURS)])).toEqual({ status: 'OK', blockIDs: [] })
  })

  it('spends all outputs of a full record in one call', async () => {
    const outputs = Array.from({ length: 128 }, (_, offset) => `output ${offset}`)
    const key = await udf.putRecord(masterBins({ utxos: outputs.map(unspentSlot), recordUtxos: 128 }))
    const spends = outputs.map((output, offset) => spendRequest(offset, offset, output, OURS))
    expect(await spendMulti(key, spends)).toEqual({ status: 'OK', blockIDs: [7] })
    expect(await udf.getRecord(key)).toMatchObject({
      spentUtxos: 128,
      utxos: outputs.map(output => spentSlot(output, OURS)),
      deleteAtHeight: HEIGHT + RETENTION,
    })
  })
})

describe('spendMulti, frozen outputs', () => {
  const FROZEN = { utxos: [Buffer.concat([hash('a'), SENTINEL])], recordUtxos: 1 }
  const UNSPENT = { utxos: [unspentSlot('a')], recordUtxos: 1 }
  const SPENT_BY_US = { utxos: [spentSlot('a', OURS)], recordUtxos: 1, spentUtxos: 1 }
  const SPENT_BY_THEM = { utxos: [spentSlot('a', THEIRS)], recordUtxos: 1, spentUtxos: 1 }
  const IGNORE_POLICY = { ignorePolicyFreeze: true }
  const IGNORE_CONSENSUS = { ignoreConsensusFreeze: true }
  const IGNORE_BOTH = { ...IGNORE_POLICY, ...IGNORE_CONSENSUS }

  function record(from: unknown, until?: unknown, policyExpires?: boolean): Bins {
    const bins: Bins = { utxoFreezeFrom: new Map([[0, from]]) }
    if (until !== undefined) bins.utxoFreezeUntil = new Map([[0, until]])
    if (policyExpires) bins.utxoFreezeExp = new Map([[0, true]])
    return bins
  }

  it.each<[string, Bins, Bins, string | undefined]>([
    ['a sentinel without a record', FROZEN, {}, 'CONSENSUS_FROZEN'],
    ['... ignoring the consensus', FROZEN, IGNORE_CONSENSUS, 'FROZEN'],
    ['... ignoring the policy', FROZEN, IGNORE_POLICY, 'CONSENSUS_FROZEN'],
    ['... ignoring both', FROZEN, IGNORE_BOTH, undefined],
    ['a record from genesis', { ...UNSPENT, ...record(0) }, {}, 'CONSENSUS_FROZEN'],
    ['a window that begins here', { ...UNSPENT, ...record(HEIGHT, 200) }, {}, 'CONSENSUS_FROZEN'],
    ['a window that begins later', { ...FROZEN, ...record(HEIGHT + 1, 200) }, {}, 'FROZEN'],
    ['... ignoring the policy', { ...FROZEN, ...record(HEIGHT + 1, 200) }, IGNORE_POLICY, undefined],
    ['a window that ends after this', { ...UNSPENT, ...record(1, HEIGHT + 1) }, {}, 'CONSENSUS_FROZEN'],
    ['a window that ends here', { ...UNSPENT, ...record(1, HEIGHT) }, {}, 'FROZEN'],
    ['... when the policy lifts with it', { ...UNSPENT, ...record(1, HEIGHT, true) }, {}, undefined],
    ['... with the sentinel in place', { ...FROZEN, ...record(1, HEIGHT, true) }, {}, undefined],
    ['a lifting policy before the window', { ...FROZEN, ...record(150, 200, true) }, {}, 'FROZEN'],
    ['a lifting policy without an end', { ...FROZEN, ...record(150, undefined, true) }, {}, 'FROZEN'],
    ['a window that is never active', { ...FROZEN, ...record(4294967295, 4294967295, true) }, {}, undefined],
    ['a record of another output', { ...UNSPENT, utxoFreezeFrom: new Map([[2, 0]]) }, {}, undefined],
    ['our own spend inside the window', { ...SPENT_BY_US, ...record(0) }, {}, 'CONSENSUS_FROZEN'],
    ['... ignoring the consensus', { ...SPENT_BY_US, ...record(0) }, IGNORE_CONSENSUS, undefined],
    ['our own spend under the policy', { ...SPENT_BY_US, ...record(150, 200) }, {}, undefined],
    ['their spend inside the window', { ...SPENT_BY_THEM, ...record(0) }, {}, 'CONSENSUS_FROZEN'],
    ['their spend under the policy', { ...SPENT_BY_THEM, ...record(150, 200) }, {}, 'SPENT'],
    ['a damaged start', { ...UNSPENT, ...record('soon') }, IGNORE_BOTH, 'FREEZE_RECORD_DAMAGED'],
    ['a negative start', { ...UNSPENT, ...record(-1) }, IGNORE_BOTH, 'FREEZE_RECORD_DAMAGED'],
    ['a start that is false', { ...UNSPENT, ...record(false) }, IGNORE_BOTH, 'FREEZE_RECORD_DAMAGED'],
    ['an end beyond uint32', { ...UNSPENT, ...record(0, 4294967296) }, IGNORE_BOTH, 'FREEZE_RECORD_DAMAGED'],
    ['a damaged record of a spend', { ...SPENT_BY_US, ...record('soon') }, {}, 'FREEZE_RECORD_DAMAGED'],
    [
      'a freeze before the release of a reassignment',
      { ...UNSPENT, ...record(0), utxoSpendableIn: new Map([[0, 200]]) },
      {},
      'CONSENSUS_FROZEN',
    ],
    [
      'the release of a reassignment before the spent state',
      { ...SPENT_BY_THEM, utxoSpendableIn: new Map([[0, 200]]) },
      {},
      'FROZEN_UNTIL',
    ],
    [
      'a hash mismatch before the freeze',
      { ...record('soon'), utxos: [unspentSlot('z')] },
      {},
      'UTXO_HASH_MISMATCH',
    ],
  ])('%s', async (_case, overrides, flags, errorCode) => {
    const key = await udf.putRecord(masterBins(overrides))
    const answer = await spendMulti(key, [spendRequest(0, 0, 'a', OURS, flags)])
    if (errorCode === undefined) {
      expect(answer.status).toBe('OK')
      expect(await udf.getRecord(key)).toMatchObject({ spentUtxos: 1, utxos: [spentSlot('a', OURS)] })
    } else {
      const winner = errorCode === 'SPENT' ? THEIRS : undefined
      expect(answer.errors).toEqual({ 0: errorEntry(errorCode, winner) })
      expect(await udf.getRecord(key)).toMatchObject({ utxos: overrides.utxos })
    }
  })

  it('never reads a freeze bin of a wrong type as not frozen', async () => {
    const key = await udf.putRecord(masterBins({ utxoFreezeFrom: 'nothing here' }))
    await expect(spendMulti(key, [spendRequest(0, 0, 'a', OURS)])).rejects.toMatchObject({ code: 100 })
  })
})

describe('spend', () => {
  it('spends one output and reports a failure under index 0', async () => {
    const key = await udf.putRecord(masterBins())
    const args = (data: Buffer) => [2, hash('b'), data, false, false, HEIGHT, RETENTION]
    expect(await udf.apply(key, 'spend', args(OURS))).toEqual({ status: 'OK', blockIDs: [7] })
    expect(await udf.apply(key, 'spend', args(THEIRS))).toEqual({
      status: 'ERROR',
      blockIDs: [7],
      errors: { 0: errorEntry('SPENT', OURS) },
    })
  })

  it('passes the ignore flags on', async () => {
    const key = await udf.putRecord(masterBins({ conflicting: true, locked: true }))
    const args = (...flags: boolean[]) => [0, hash('a'), OURS, ...flags, HEIGHT, RETENTION]
    expect(await udf.apply(key, 'spend', args(false, true))).toMatchObject({ errorCode: 'CONFLICTING' })
    expect(await udf.apply(key, 'spend', args(true, false))).toMatchObject({ errorCode: 'LOCKED' })
    expect(await udf.apply(key, 'spend', args(true, true))).toMatchObject({ status: 'OK' })
  })
})
