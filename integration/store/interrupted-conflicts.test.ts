import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type BatchRow,
  ConflictError,
  type StoreError,
  type Transaction,
  type Transport,
  txidToHex,
  UtxoStore,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { BLOCK, type Cast, conflict, HEIGHT, type Loss, losing, stateOf, WON } from './conflict-scenario.ts'
import { ConflictStores, code, winnersOf } from './conflict-stores.ts'
import { coinbase, spending } from './sample-transactions.ts'

let server: TestServer
let stores: ConflictStores
const lanes = Array.from({ length: 4 }, () => uniqueSet('lane'))
const ownSet = uniqueSet('interrupted')

beforeAll(async () => {
  server = await testServer()
  stores = new ConflictStores(server)
})
afterAll(() => server.close())

async function batchesOfOneRun(): Promise<number> {
  const store = await stores.open(ownSet)
  const cast = await conflict(store)
  const counted = losing(store.transport, Number.POSITIVE_INFINITY, 'not sent', false)
  store.transport = counted
  await store.processConflicting(winnersOf(cast), BLOCK)
  await store.close()
  return counted.batches
}

/** The loser has spent both parents, and has no record yet; the winner wants the first one. */
async function unrecordedLoser(
  store: UtxoStore,
): Promise<Cast & { loser: Transaction; winner: Transaction }> {
  const [parent, other] = [coinbase(), coinbase()]
  for (const tx of [parent, other]) await store.create(tx, 100)
  const loser = spending([
    { tx: parent, vout: 0 },
    { tx: other, vout: 0 },
  ])
  await store.spend(loser, HEIGHT)
  const winner = spending([{ tx: parent, vout: 0 }])
  await store.create(winner, HEIGHT, { conflicting: true })
  return { parent, other, loser, winner }
}

const DECIDED = {
  parent: { outputs: ['winner'], locked: false },
  other: { outputs: ['unspent'], locked: false },
  loser: { conflicting: true },
  winner: { conflicting: false },
}

describe('lesson 74: conflict processing that is interrupted', () => {
  it('comes to the same end when it is run again, wherever it was', async () => {
    const batches = await batchesOfOneRun()
    expect(batches).toBeGreaterThan(15)
    // A batch whose answer is lost leaves what the next one leaves that is not sent, so one of the two is enough.
    const runs = Array.from({ length: batches }, (_, index) => index + 1)
    await inLanes(runs, async (at, inSet) => {
      const crashing = await stores.open(inSet)
      const cast = await conflict(crashing)
      crashing.transport = losing(crashing.transport, at, 'answer lost', true)
      const end = await code(crashing.processConflicting(winnersOf(cast), BLOCK))
      const other = await stores.sibling(crashing)
      const pending = await other.pendingConflictIntents()
      const recovered = await other.recoverConflicts()
      expect({ at, outcomes: recovered.map(({ outcome }) => outcome) }).toEqual({
        at,
        outcomes: pending.map(() => 'completed'),
      })
      expect(end === 'ok').toBe(false)
      // Where nothing had begun there is nothing to recover, and the caller repeats its call.
      await other.processConflicting(winnersOf(cast), BLOCK)
      expect({ at, state: await stateOf(other, cast) }).toEqual({ at, state: WON })
      expect(await other.pendingConflictIntents()).toEqual([])
      await Promise.all([crashing.close(), other.close()])
    })
  }, 120_000)

  it('a step that fails once is undone: everything is as it was, and nothing is pending', async () => {
    const batches = await batchesOfOneRun()
    const phases = new Map<string, number>()
    await inLanes(
      Array.from({ length: batches }, (_, index) => index + 1),
      async (at, inSet) => {
        const one = await stores.open(inSet)
        const cast = await conflict(one)
        const before = await stateOf(one, cast)
        const transport = one.transport
        one.transport = losing(transport, at, 'answer lost', false)
        const error = await one.processConflicting(winnersOf(cast), BLOCK).then(
          () => undefined,
          (failure: StoreError) => failure,
        )
        one.transport = transport
        const phase = error instanceof ConflictError ? error.phase : (error?.code ?? 'ok')
        phases.set(phase, (phases.get(phase) ?? 0) + 1)
        const state = await stateOf(one, cast)
        if (error === undefined) expect({ at, state }).toEqual({ at, state: WON })
        else {
          if (error instanceof ConflictError) expect(error.isUndone).toBe(true)
          expect({ at, state: withoutLists(state) }).toEqual({ at, state: withoutLists(before) })
        }
        expect(await one.pendingConflictIntents()).toEqual([])
        await one.close()
      },
    )
    expect([...phases.keys()].sort()).toEqual(['STORAGE_ERROR', 'clear', 'free', 'mark', 'ok', 'spend'])
  }, 120_000)

  it('comes to its end also when the way back is interrupted', async () => {
    const batches = await batchesOfOneRun()
    const runs = Array.from({ length: 16 }, (_, n) => ({
      at: 4 + ((n * 7) % (batches - 6)),
      later: 1 + ((n * 5) % 11),
      loss: (n % 2 === 0 ? 'not sent' : 'answer lost') as Loss,
    }))
    await inLanes(runs, async (run, inSet) => {
      const one = await stores.open(inSet)
      const cast = await conflict(one)
      const transport = one.transport
      // One batch fails, the way back begins, and `later` batches on the process dies.
      one.transport = losing(losing(transport, run.at, run.loss, false), run.at + run.later, run.loss, true)
      const end = await code(one.processConflicting(winnersOf(cast), BLOCK))
      const other = await stores.sibling(one)
      await other.recoverConflicts()
      if (end !== 'ok') await other.processConflicting(winnersOf(cast), BLOCK)
      expect({ run, state: await stateOf(other, cast) }).toEqual({ run, state: WON })
      expect(await other.pendingConflictIntents()).toEqual([])
      await Promise.all([one.close(), other.close()])
    })
  }, 120_000)

  it('a run that was taken up again and fails is not undone: it stays locked and pending for the next', async () => {
    const one = await stores.open(ownSet)
    const cast = await conflict(one)
    const transport = one.transport
    /** Fails with the first spend: once, or (the process has died) from then on. */
    const failing = (forGood: boolean): Transport => {
      let state: 'alive' | 'failed' | 'dead' = 'alive'
      return {
        async batchOperate(rows, options) {
          const isSpend = rows.some(row => row.kind === 'apply' && row.function === 'spendMulti')
          const isFirst = isSpend && state === 'alive'
          if (isFirst) state = forGood ? 'dead' : 'failed'
          if (isFirst || state === 'dead') throw new Error('lost')
          return transport.batchOperate(rows, options)
        },
      }
    }
    one.transport = failing(true)
    expect(await code(one.processConflicting(winnersOf(cast), BLOCK))).toBe('STORAGE_ERROR')
    one.transport = failing(false)
    expect(await one.recoverConflicts()).toMatchObject([{ outcome: 'failed', error: { isUndone: false } }])
    expect(await stateOf(one, cast)).toMatchObject({
      P1: { outputs: ['unspent', 'unspent', 'bystander'], locked: true },
      loser: { conflicting: true },
    })
    expect(await one.recoverConflicts()).toMatchObject([{ outcome: 'completed' }])
    expect(await stateOf(one, cast)).toEqual(WON)
    await one.close()
  })

  it('a loser whose mark is refused keeps what it holds, also where it lacks an input', async () => {
    const one = await stores.open(uniqueSet('refused'))
    const [wanted, lacked] = [coinbase(), coinbase()]
    for (const tx of [wanted, lacked]) await one.create(tx, 100)
    const loser = spending([
      { tx: wanted, vout: 0 },
      { tx: lacked, vout: 0 },
    ])
    const { spends } = await one.spendAndCreate(loser, HEIGHT)
    await one.unspend(spends.slice(1))
    const winner = spending([{ tx: wanted, vout: 0 }])
    await one.create(winner, HEIGHT, { conflicting: true })
    const before = await stateOf(one, { wanted, lacked, loser })
    const transport = one.transport
    one.transport = {
      async batchOperate(rows, options) {
        const isLink = rows.some(
          row => row.kind === 'write' && row.operations.some(({ kind }) => kind === 'list-append-unique'),
        )
        if (!isLink) return transport.batchOperate(rows, options)
        one.transport = transport
        return rows.map((_, index) => ({ index, status: 13, bins: undefined, inDoubt: false }))
      },
    }
    const failure = await one.processConflicting([winner.txid], BLOCK).catch((error: unknown) => error)
    expect(failure).toMatchObject({ phase: 'mark', isUndone: true })
    expect(await stateOf(one, { wanted, lacked, loser })).toEqual(before)
    await one.close()
  })

  it('what frees the outputs of a loser does nothing when it comes once more, after the run was undone', async () => {
    const one = await stores.open(uniqueSet('late-free'))
    const cast = await conflict(one)
    const before = await stateOf(one, cast)
    const transport = one.transport
    const frees: BatchRow[] = []
    one.transport = {
      async batchOperate(rows, options) {
        frees.push(...rows.filter(row => row.kind === 'apply' && row.function === 'unspend'))
        const isSpend = rows.some(
          row => row.kind === 'execute' || (row.kind === 'apply' && row.function === 'spendMulti'),
        )
        if (!isSpend) return transport.batchOperate(rows, options)
        one.transport = transport
        return rows.map((_, index) => ({ index, status: 22, bins: undefined, inDoubt: false }))
      },
    }
    const failure = await one.processConflicting(winnersOf(cast), BLOCK).catch((error: unknown) => error)
    expect(failure).toMatchObject({ phase: 'spend', isUndone: true })
    expect(frees.length).toBeGreaterThan(2)
    // As an attempt that was held up, while the transport made another one.
    await transport.batchOperate(frees, { timeout: 5_000 })
    expect(withoutLists(await stateOf(one, cast))).toEqual(withoutLists(before))
    await one.close()
  })

  it.each([
    ['its locks', 'setLocked'],
    ["its winners' spends", 'spendMulti'],
    ['what it frees', 'unspend'],
    ['its marks', 'setConflicting'],
  ])('a run of which %s have no answer is pending, and not undone: they may come later', async (_, name) => {
    const one = await stores.open(uniqueSet('held-up'), {
      enableSpendFilterExpressions: 'off',
      batchPolicyTotalTimeout: 100,
      overloadRetryMaxElapsed: 0,
      batcherWaitGrace: 100,
    })
    const cast = await conflict(one)
    const transport = one.transport
    let late: (() => Promise<unknown>) | undefined
    one.transport = {
      batchOperate(rows, options) {
        const isIt = rows.some(row => row.kind === 'apply' && row.function === name)
        if (!isIt || late !== undefined) return transport.batchOperate(rows, options)
        late = () => transport.batchOperate(rows, { timeout: 5_000 })
        return new Promise(() => {})
      },
    }
    const failure = await one.processConflicting(winnersOf(cast), BLOCK).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'ConflictError', isUndone: false })
    await late?.()
    expect((await one.recoverConflicts()).map(({ outcome }) => outcome)).toEqual(['completed'])
    expect(await stateOf(one, cast)).toEqual(WON)
    await one.close()
  })

  it('a loser that got its record when the run was nearly over is marked by the next one', async () => {
    const one = await stores.open(uniqueSet('nearly'))
    const cast = await unrecordedLoser(one)
    const { loser, winner } = cast
    const transport = one.transport
    let isDead = false
    one.transport = {
      async batchOperate(rows, options) {
        if (isDead) throw new Error('the process has died')
        const answers = await transport.batchOperate(rows, options)
        isDead = rows.some(row => row.kind === 'apply' && row.function === 'setConflicting' && !row.args[0])
        return answers
      },
    }
    expect(await code(one.processConflicting([winner.txid], BLOCK))).toBe('STORAGE_ERROR')
    one.transport = transport
    // Its creator has died before it looked at its inputs.
    await one.create(loser, HEIGHT)
    const { losers } = await one.processConflicting([winner.txid], BLOCK)
    expect(losers.map(txidToHex)).toEqual([txidToHex(loser.txid)])
    expect(await stateOf(one, cast)).toMatchObject(DECIDED)
    await one.close()
  })

  it('a loser that got its record while the run died is found by the next one', async () => {
    const one = await stores.open(uniqueSet('late'))
    const cast = await unrecordedLoser(one)
    const { loser, winner } = cast
    const creator = await stores.sibling(one)
    const transport = one.transport
    let isDead = false
    one.transport = {
      async batchOperate(rows, options) {
        if (isDead) throw new Error('the process has died')
        const has = (name: string) => rows.some(row => row.kind === 'apply' && row.function === name)
        // It still holds what it spends when it looks.
        if (has('setLocked')) await creator.spendAndCreate(loser, HEIGHT)
        const answers = await transport.batchOperate(rows, options)
        isDead = has('unspend')
        return answers
      },
    }
    expect(await code(one.processConflicting([winner.txid], BLOCK))).toBe('STORAGE_ERROR')
    expect((await creator.recoverConflicts()).map(({ outcome }) => outcome)).toEqual(['completed'])
    expect(await stateOf(creator, cast)).toMatchObject(DECIDED)
    await Promise.all([one.close(), creator.close()])
  })

  it('a run that died between a master and its pages is finished on the pages, too', async () => {
    const small = await stores.open(uniqueSet('pages'), { utxoBatchSize: 1, maxMinedBatchSize: 1 })
    const transport = small.transport
    for (let at = 1; ; at++) {
      const parent = coinbase({ outputs: 2 })
      await small.create(parent, 100)
      const loser = spending([{ tx: parent, vout: 1 }])
      await small.spendAndCreate(loser, HEIGHT)
      const winner = spending([{ tx: parent, vout: 1 }], { outputs: 2 })
      await small.create(winner, HEIGHT, { conflicting: true })
      small.transport = losing(transport, at, 'not sent', true)
      const end = await code(small.processConflicting([winner.txid], BLOCK))
      small.transport = transport
      await small.recoverConflicts()
      await small.processConflicting([winner.txid], BLOCK)
      const spends = [0, 1].map(vout => spending([{ tx: winner, vout }]))
      const free = spending([{ tx: parent, vout: 0 }])
      const codes = await Promise.all([...spends, free].map(tx => code(small.spend(tx, HEIGHT))))
      expect({ at, codes }).toEqual({ at, codes: ['ok', 'ok', 'ok'] })
      if (end === 'ok') break
    }
    await small.close()
  }, 60_000)

  it('leaves a record of the conflict log, which names the work', async () => {
    const one = await stores.open(ownSet)
    const cast = await conflict(one)
    const transport = one.transport
    one.transport = losing(transport, 12, 'not sent', true)
    const error = await one.processConflicting(winnersOf(cast), BLOCK).catch((failure: unknown) => failure)
    one.transport = transport
    expect(error).toBeInstanceOf(ConflictError)
    expect(error).toMatchObject({ isUndone: false, code: 'STORAGE_ERROR' })
    const [intent] = await one.pendingConflictIntents()
    expect(intent).toMatchObject({ kind: 'forward', ...BLOCK, txids: winnersOf(cast) })
    expect(Math.abs(Number((intent?.startedAt ?? 0n) / 1_000_000n) - Date.now())).toBeLessThan(60_000)

    const unwanted = await one.recoverConflicts(() => false)
    expect(unwanted.map(({ outcome }) => outcome)).toEqual(['skipped'])
    await one.discardConflictIntent(intent?.id ?? new Uint8Array())
    expect(await one.pendingConflictIntents()).toEqual([])
    await one.close()
  })

  it('is told of at the next open; what only the reference runs is left to it', async () => {
    const inSet = ownSet
    const one = await stores.open(inSet)
    const bins = {
      kind: 'reverse',
      blockHeight: HEIGHT,
      blockHash: Buffer.alloc(32, 7),
      txHashes: Buffer.alloc(32, 1),
      startedAt: 1_700_000_000_000_000_001n,
    }
    await one.transport.batchOperate(
      [
        {
          kind: 'write',
          key: { set: `${inSet}_conflictwal`, userKey: new Uint8Array(32) },
          operations: Object.entries(bins).map(([bin, value]) => ({ kind: 'put', bin, value })),
          exists: 'any',
        },
      ],
      { timeout: 5_000 },
    )
    expect(await one.recoverConflicts()).toMatchObject([
      { outcome: 'skipped', intent: { kind: 'reverse', startedAt: bins.startedAt } },
    ])
    expect(await one.pendingConflictIntents()).toHaveLength(1)
    const told = new Promise<unknown>(resolve => {
      const log = (fields: object): void => {
        if ((fields as { event: string }).event === 'conflicts_pending') resolve(fields)
      }
      const logger = { debug: log, info: log, warn: log, error: log }
      void UtxoStore.open(storeUrl(server, { set: inSet }), { logger }).then(async next => {
        await told
        await next.close()
      })
    })
    expect(await told).toMatchObject({ intents: [expect.any(String)] })
    await one.close()
  })
})

/** Conflicting children stay listed: the lists only ever hint at where to look. */
function withoutLists(state: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(state).map(([name, record]) => [name, { ...(record as object), conflictingChildren: [] }]),
  )
}

/** Each lane has a set of its own for all its items: a server holds a few thousand sets, and never lets one go. */
async function inLanes<Item>(
  items: readonly Item[],
  work: (item: Item, set: string) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (inSet: string): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item, inSet)
  }
  await Promise.all(lanes.map(lane))
}
