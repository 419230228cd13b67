import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  hash,
  masterBins,
  pageBins,
  SENTINEL,
  spendingData,
  spendRequest,
  spentSlot,
  unspentSlot,
} from './record-bins.ts'
import { type Bins, type RecordKey, UdfFixture } from './udf-fixture.ts'

const OURS = spendingData('ours')
const THEIRS = spendingData('theirs')

let udf: UdfFixture

beforeAll(async () => {
  udf = await UdfFixture.open()
})

afterAll(() => udf.close())

function unspend(key: RecordKey, data: Buffer, offset = 0, output = 'a') {
  return udf.apply(key, 'unspend', [offset, hash(output), data, 100, 10])
}

describe('unspend', () => {
  it('frees an output spent by exactly this spend, and repeats without effect', async () => {
    const key = await udf.putRecord(
      masterBins({ spentUtxos: 1, utxos: [spentSlot('a', OURS), null, unspentSlot('b'), null] }),
    )
    for (let repetition = 0; repetition < 2; repetition++) {
      expect(await unspend(key, OURS)).toEqual({ status: 'OK' })
      expect(await udf.getRecord(key)).toEqual(masterBins())
    }
  })

  it.each([
    ['spent by another transaction', spentSlot('a', THEIRS), OURS],
    ['spent by another input of ours', spentSlot('a', spendingData('ours', 1)), OURS],
    ['frozen', Buffer.concat([hash('a'), SENTINEL]), OURS],
    ['unspent', unspentSlot('a'), OURS],
  ])('succeeds without touching an output that is %s', async (_case, slot, data) => {
    const bins = masterBins({ spentUtxos: 1, utxos: [slot] })
    const key = await udf.putRecord(bins)
    expect(await unspend(key, data)).toEqual({ status: 'OK' })
    expect(await udf.getRecord(key)).toEqual(bins)
  })

  it('never lifts a freeze', async () => {
    const bins = masterBins({ utxos: [Buffer.concat([hash('a'), SENTINEL])] })
    const key = await udf.putRecord(bins)
    expect(await unspend(key, SENTINEL)).toMatchObject({ status: 'ERROR', errorCode: 'FROZEN' })
    expect(await udf.getRecord(key)).toEqual(bins)
    expect(await udf.generation(key)).toBe(1)
  })

  it('undoes nothing once the record was written after it was read', async () => {
    const bins = masterBins({ spentUtxos: 1, utxos: [spentSlot('a', OURS)] })
    const key = await udf.putRecord(bins)
    const read = await udf.generation(key)
    const undo = (generation: number) => udf.apply(key, 'unspend', [0, hash('a'), OURS, 100, 10, generation])
    // Our spend once more, by another attempt: it changes no slot, and is what the undoing must not undo.
    await udf.apply(key, 'spendMulti', [[spendRequest(0, 0, 'a', OURS)], false, false, 100, 10])
    expect(await undo(read)).toMatchObject({ status: 'ERROR', errorCode: 'CHANGED' })
    expect(await udf.getRecord(key)).toEqual(bins)
    expect(await undo(await udf.generation(key))).toEqual({ status: 'OK' })
    expect(await udf.getRecord(key)).toMatchObject({ spentUtxos: 0, utxos: [unspentSlot('a')] })
  })

  it('of a page that is all spent announces it, once, and frees the output when it is called again', async () => {
    const spent = { spentUtxos: 2, utxos: [spentSlot('a', OURS), null, spentSlot('b', OURS)] }
    const key = await udf.putRecord(pageBins({ ...spent, lastSpentState: 'ALLSPENT' }))
    const undo = (keepsFullPage: true | 'unannounced') =>
      udf.apply(key, 'unspend', [0, hash('a'), OURS, 100, 10, -1, keepsFullPage])
    const full = { status: 'ERROR', errorCode: 'PAGE_FULL' }
    // Not by the call that frees it either.
    expect(await undo('unannounced')).toMatchObject({ ...full, signal: 'NOTALLSPENT' })
    expect(await udf.getRecord(key)).toEqual(pageBins({ ...spent, lastSpentState: 'NOTALLSPENT' }))
    expect(await undo(true)).toEqual({ ...full, message: expect.any(String) })
    expect(await undo('unannounced')).toEqual({ status: 'OK' })
    expect(await udf.getRecord(key)).toMatchObject({ spentUtxos: 1, lastSpentState: 'NOTALLSPENT' })
    expect(await undo(true)).toEqual({ status: 'OK' })
  })

  it.each([
    ['spend', 'spendMulti', [[spendRequest(0, 0, 'a', OURS)], false, false, 100, 10]],
    ['unspend by another', 'unspend', [0, hash('a'), THEIRS, 100, 10, -1, true]],
  ])('takes an announcement back that came to nothing, with the next %s', async (_case, name, args) => {
    const bins = pageBins({ spentUtxos: 2, utxos: [spentSlot('a', OURS), spentSlot('b', OURS)] })
    const key = await udf.putRecord({ ...bins, lastSpentState: 'ALLSPENT' })
    await udf.apply(key, 'unspend', [0, hash('a'), OURS, 100, 10, -1, true])
    expect(await udf.apply(key, name, args)).toEqual({ status: 'OK', signal: 'ALLSPENT' })
    expect(await udf.getRecord(key)).toEqual({ ...bins, lastSpentState: 'ALLSPENT' })
  })

  it.each<[string, number, Record<string, unknown>]>([
    ['a page with an open output', 10, { spentUtxos: 1, lastSpentState: 'NOTALLSPENT' }],
    ['a page where nothing is pruned', 0, { spentUtxos: 2, lastSpentState: 'ALLSPENT' }],
    ['a master', 10, { spentUtxos: 2, totalExtraRecs: 1 }],
  ])('frees an output of %s at once', async (_case, retention, bins) => {
    const utxos = [spentSlot('a', OURS), bins.spentUtxos === 2 ? spentSlot('b', OURS) : unspentSlot('b')]
    const key = await udf.putRecord(pageBins({ utxos, ...bins } as Bins))
    expect(await udf.apply(key, 'unspend', [0, hash('a'), OURS, 100, retention, -1, true])).toMatchObject({
      status: 'OK',
    })
    expect((await udf.getRecord(key))?.spentUtxos).toBe(Number(bins.spentUtxos) - 1)
  })

  it('never counts below zero', async () => {
    const key = await udf.putRecord(masterBins({ spentUtxos: 0, utxos: [spentSlot('a', OURS)] }))
    expect(await unspend(key, OURS)).toEqual({ status: 'OK' })
    expect(await udf.getRecord(key)).toMatchObject({ spentUtxos: 0, utxos: [unspentSlot('a')] })
  })

  it('keeps the freeze record of an output that was spent in spite of it', async () => {
    const key = await udf.putRecord(masterBins())
    await udf.apply(key, 'freeze', [0, hash('a'), 150, 200, false])
    const spends = [spendRequest(0, 0, 'a', OURS, { ignorePolicyFreeze: true })]
    expect(await udf.apply(key, 'spendMulti', [spends, false, false, 100, 10])).toMatchObject({
      status: 'OK',
    })
    expect(await unspend(key, OURS)).toEqual({ status: 'OK' })
    const again = await udf.apply(key, 'spendMulti', [[spendRequest(0, 0, 'a', OURS)], false, false, 100, 10])
    expect(again.errors).toMatchObject({ 0: { errorCode: 'FROZEN' } })
  })
})

describe('spend and unspend in any order', () => {
  const OUTPUTS = ['a', 'b', 'c']
  const SPENDERS = ['x', 'y']
  const step = fc.record({
    undo: fc.boolean(),
    output: fc.nat(OUTPUTS.length - 1),
    spender: fc.constantFrom(...SPENDERS),
  })

  it('follow first seen wins, and the counter equals what the slots say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async steps => {
        const key = await udf.putRecord(
          masterBins({ utxos: OUTPUTS.map(unspentSlot), recordUtxos: OUTPUTS.length }),
        )
        const owners = new Map<number, string>()
        for (const { undo, output, spender } of steps) {
          const name = OUTPUTS[output] ?? ''
          const data = spendingData(spender)
          if (undo) {
            await unspend(key, data, output, name)
            if (owners.get(output) === spender) owners.delete(output)
          } else {
            const request = spendRequest(0, output, name, data)
            const answer = await udf.apply(key, 'spendMulti', [[request], false, false, 100, 10])
            const owner = owners.get(output) ?? spender
            expect(answer.status).toBe(owner === spender ? 'OK' : 'ERROR')
            owners.set(output, owner)
          }
        }
        const utxos = OUTPUTS.map((name, offset) => {
          const owner = owners.get(offset)
          return owner === undefined ? unspentSlot(name) : spentSlot(name, spendingData(owner))
        })
        const bins = await udf.getRecord(key)
        expect(bins).toMatchObject({ utxos, spentUtxos: owners.size })
        expect(bins?.deleteAtHeight).toBe(owners.size === OUTPUTS.length ? 110 : undefined)
      }),
      { numRuns: 40 },
    )
  })
})
