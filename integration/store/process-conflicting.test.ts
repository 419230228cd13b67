import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type BatchRow,
  ConflictError,
  encodeTransaction,
  extendTransaction,
  parseTransaction,
  type StoreError,
  type Transport,
  txidToHex,
  UtxoStore,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import {
  BLOCK,
  type Cast,
  conflict,
  HEIGHT,
  LOSERS,
  type Loss,
  losing,
  stateOf,
  WON,
} from './conflict-scenario.ts'
import { coinbase, spending } from './sample-transactions.ts'

const SETTINGS = { storeBatcherDurationMillis: 1, spendBatcherDurationMillis: 1, getBatcherDurationMillis: 1 }

let server: TestServer
let store: UtxoStore
let good: Transport
const set = uniqueSet('conflicts')
const lanes = Array.from({ length: 4 }, () => uniqueSet('lane'))
const [ownSet = set] = lanes

const setOf = new WeakMap<UtxoStore, string>()

async function opened(inSet = set): Promise<UtxoStore> {
  const one = await UtxoStore.open(storeUrl(server, { set: inSet }), { settings: SETTINGS })
  setOf.set(one, inSet)
  one.setBlockState(HEIGHT, 1_700_000_000)
  return one
}

beforeAll(async () => {
  server = await testServer()
  store = await opened()
  good = store.transport
})
afterEach(() => {
  store.transport = good
})
afterAll(async () => {
  await store.close()
  await server.close()
})

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )

const winnersOf = ({ winner, winner2 }: Cast): Uint8Array[] =>
  [winner, winner2].map(tx => tx?.txid ?? new Uint8Array())

async function batchesOfOneRun(): Promise<number> {
  const cast = await conflict(store)
  const counted = losing(good, Number.POSITIVE_INFINITY, 'not sent', false)
  store.transport = counted
  await store.processConflicting(winnersOf(cast), BLOCK)
  store.transport = good
  return counted.batches
}

describe('processConflicting', () => {
  it('lets the winners have their inputs, and the losers and all their descendants lose theirs', async () => {
    const cast = await conflict(store)
    const { losers, markedConflicting } = await store.processConflicting(winnersOf(cast), BLOCK)
    expect(await stateOf(store, cast)).toEqual(WON)
    const expected = LOSERS.map(name => txidToHex(cast[name]?.txid ?? new Uint8Array())).sort()
    expect(losers.map(txidToHex).sort()).toEqual(expected)
    expect(markedConflicting.map(txidToHex).sort()).toEqual(expected)
    expect(await store.pendingConflictIntents()).toEqual([])
  })

  it('does nothing when it is repeated', async () => {
    const cast = await conflict(store)
    await store.processConflicting(winnersOf(cast), BLOCK)
    expect(await store.processConflicting(winnersOf(cast), BLOCK)).toEqual({
      losers: [],
      markedConflicting: [],
    })
    expect(await stateOf(store, cast)).toEqual(WON)
  })

  it('can be turned round by a later block', async () => {
    const cast = await conflict(store)
    await store.processConflicting(winnersOf(cast), BLOCK)
    const losers = LOSERS.filter(name => name !== 'rival').map(name => cast[name]?.txid ?? '')
    await store.processConflicting(losers, { ...BLOCK, blockHeight: HEIGHT + 1 })
    const state = await stateOf(store, cast)
    expect(state.P1).toMatchObject({ outputs: ['loser', 'unspent', 'bystander'], locked: false })
    expect(state.winner).toMatchObject({ conflicting: true, outputs: ['unspent'] })
    expect(state.winner2).toMatchObject({ conflicting: true })
    expect(state.loser).toMatchObject({ conflicting: false, outputs: ['child1', 'child2', 'unspent'] })
    expect(state.last).toMatchObject({ conflicting: false, deleteAtHeight: undefined })
  })

  it('leaves a lock that was there before', async () => {
    const cast = await conflict(store)
    await store.setLocked([cast.P2?.txid ?? ''], true)
    await store.processConflicting(winnersOf(cast), BLOCK)
    expect(await stateOf(store, cast)).toEqual({ ...WON, P2: { ...WON.P2, locked: true } })
  })

  it('locks what it frees until the winner has it: a third one is refused in between', async () => {
    const cast = await conflict(store)
    const third = spending([{ tx: cast.P1 as never, vout: 0 }])
    const rival = await opened()
    const seen = new Set<string>()
    store.transport = {
      async batchOperate(rows, options) {
        const isSpend = rows.some(row => row.kind === 'apply' && row.function === 'spendMulti')
        if (isSpend) seen.add(await code(rival.spend(third, HEIGHT)))
        const isUnspend = rows.some(row => row.kind === 'apply' && row.function === 'unspend')
        const answers = await good.batchOperate(rows, options)
        if (isUnspend) {
          const failure = await rival.spend(third, HEIGHT).catch((error: unknown) => error)
          seen.add((failure as { spends: { error: StoreError }[] }).spends[0]?.error.code ?? 'spent')
        }
        return answers
      },
    }
    await store.processConflicting(winnersOf(cast), BLOCK)
    await rival.close()
    expect([...seen].sort()).toEqual(['TX_LOCKED', 'UTXO_ERROR'])
    expect(await stateOf(store, cast)).toEqual(WON)
  })

  it.each([
    ['a winner that is not stored', async () => [coinbase()], 'TX_NOT_FOUND'],
    [
      'a winner that is not conflicting',
      async () => {
        const tx = spending([{ tx: await created(), vout: 0 }])
        await store.create(tx, HEIGHT)
        return [tx]
      },
      'PROCESSING',
    ],
    [
      'two winners of one output',
      async () => {
        const parent = await created()
        const rivals = [spending([{ tx: parent, vout: 0 }]), spending([{ tx: parent, vout: 0 }])]
        for (const tx of rivals) await store.create(tx, HEIGHT, { conflicting: true })
        return rivals
      },
      'PROCESSING',
    ],
    [
      'a winner that descends from a loser',
      async () => {
        const parent = await created()
        const holder = spending([{ tx: parent, vout: 0 }])
        await store.spendAndCreate(holder, HEIGHT)
        const winner = spending([{ tx: parent, vout: 0 }])
        const contradiction = spending([{ tx: holder, vout: 0 }])
        for (const tx of [winner, contradiction]) await store.create(tx, HEIGHT, { conflicting: true })
        return [winner, contradiction]
      },
      'PROCESSING',
    ],
    [
      'a frozen output',
      async () => {
        const parent = coinbase()
        await store.create(parent, 100, { frozen: true })
        const tx = spending([{ tx: parent, vout: 0 }])
        await store.create(tx, HEIGHT, { conflicting: true })
        return [tx]
      },
      'UTXO_FROZEN',
    ],
  ])('refuses %s before anything is changed', async (_, winners, expected) => {
    const txids = (await winners()).map(({ txid }) => txid)
    const writes: string[] = []
    store.transport = {
      batchOperate(rows, options) {
        writes.push(...rows.filter(row => row.kind !== 'read').map(row => row.kind))
        return good.batchOperate(rows, options)
      },
    }
    expect(await code(store.processConflicting(txids, BLOCK))).toBe(expected)
    expect(writes).toEqual([])
  })

  it.each([
    ['it was stored with what it spent', {}],
    ['it was stored without', { skipExtendedInputs: true }],
  ])(
    'a winner whose output was given to another is refused before anything is changed; %s',
    async (_, options) => {
      const [wanted, other] = [await created(), await created()]
      const loser = spending([{ tx: wanted, vout: 0 }])
      await store.spendAndCreate(loser, HEIGHT)
      const winner = spending([
        { tx: wanted, vout: 0 },
        { tx: other, vout: 0 },
      ])
      const stored = 'skipExtendedInputs' in options ? parseTransaction(encodeTransaction(winner)) : winner
      await store.create(stored, HEIGHT, { conflicting: true, ...options })
      const output = { txid: other.txid, vout: 0 }
      await store.freezeUtxos([output])
      await store.reassignUtxo(output, { satoshis: 7n, lockingScript: Uint8Array.of(0x52) })
      const writes: string[] = []
      store.transport = {
        batchOperate(rows, options) {
          writes.push(...rows.filter(row => row.kind !== 'read').map(row => row.kind))
          return good.batchOperate(rows, options)
        },
      }
      expect(await code(store.processConflicting([winner.txid], BLOCK))).toBe('UTXO_HASH_MISMATCH')
      expect(writes).toEqual([])
    },
  )

  it('a winner that holds an output which was given to another has proved that it fits', async () => {
    const parent = await created()
    const output = { txid: parent.txid, vout: 0 }
    const script = { satoshis: 7n, lockingScript: Uint8Array.of(0x52) }
    await store.freezeUtxos([output])
    await store.reassignUtxo(output, script)
    const owner = extendTransaction(
      parseTransaction(encodeTransaction(spending([{ tx: parent, vout: 0 }]))),
      [script],
    )
    await store.spend(owner, HEIGHT + 2_000)
    await store.create(parseTransaction(encodeTransaction(owner)), HEIGHT, { skipExtendedInputs: true })
    expect(await store.processConflicting([owner.txid], BLOCK)).toEqual({ losers: [], markedConflicting: [] })
  })

  it('frees an output that a spender without a record holds, near the tip (#1214)', async () => {
    const parent = await created()
    const ghost = spending([{ tx: parent, vout: 0 }])
    await store.spend(ghost, HEIGHT)
    const winner = spending([{ tx: parent, vout: 0 }])
    await store.create(winner, HEIGHT, { conflicting: true })
    await store.processConflicting([winner.txid], BLOCK)
    expect((await stateOf(store, { parent, winner })).parent).toMatchObject({
      outputs: ['winner'],
      locked: false,
    })
  })
})

describe('processConflicting and its caller', () => {
  const failingUnlocks = (transport: Transport, times: number): Transport => {
    let left = times
    return {
      async batchOperate(rows, options) {
        const isUnlock = rows.some(
          row => row.kind === 'apply' && row.function === 'setLocked' && row.args[0] === false,
        )
        if (isUnlock && left-- > 0) throw new Error('the lock was not lifted')
        return transport.batchOperate(rows, options)
      },
    }
  }

  it.each([
    [2, undefined],
    [3, { phase: 'unlock', isUndone: false, code: 'STORAGE_ERROR' }],
  ])('a lock that can be lifted after %i failures: %j', async (failures, expected) => {
    const cast = await conflict(store)
    store.transport = failingUnlocks(good, failures)
    const error = await store.processConflicting(winnersOf(cast), BLOCK).then(
      () => undefined,
      (failure: unknown) => failure,
    )
    store.transport = good
    if (expected === undefined) expect(error).toBe(undefined)
    else {
      expect(error).toMatchObject(expected)
      expect((await stateOf(store, cast)).P1).toMatchObject({ locked: true })
      // The winners have won already: what is built on them since stays.
      const child = spending([{ tx: cast.winner2 as never, vout: 0 }])
      await store.spendAndCreate(child, HEIGHT)
      expect(await store.recoverConflicts()).toMatchObject([{ outcome: 'completed' }])
      expect((await store.getMeta(child.txid)).conflicting).toBe(false)
      await store.unspend((await store.spend(child, HEIGHT)).map(spend => spend))
    }
    expect(await stateOf(store, cast)).toEqual(WON)
  })

  /** Does something once, before the first call of a UDF. */
  const interrupted = (transport: Transport, name: string, work: () => unknown): Transport => {
    let isDone = false
    return {
      async batchOperate(rows, options) {
        if (!isDone && rows.some(row => row.kind === 'apply' && row.function === name)) {
          isDone = true
          await work()
        }
        return transport.batchOperate(rows, options)
      },
    }
  }

  it('marks whoever spends an output of a loser at the last moment', async () => {
    const cast = await conflict(store)
    const late = spending([{ tx: cast.last as never, vout: 0 }])
    const later = spending([{ tx: late, vout: 0 }])
    const rival = await opened()
    store.transport = interrupted(good, 'setConflicting', async () => {
      for (const tx of [late, later]) await rival.spendAndCreate(tx, HEIGHT)
    })
    const { losers, markedConflicting } = await store.processConflicting(winnersOf(cast), BLOCK)
    await rival.close()
    const names = [late, later].map(({ txid }) => txidToHex(txid))
    expect(markedConflicting.slice(losers.length).map(txidToHex)).toEqual(names)
    expect(await stateOf(store, { ...cast, late, later })).toMatchObject({
      ...WON,
      last: { ...WON.last, conflictingChildren: ['late'] },
      late: { conflicting: true, outputs: ['unspent'] },
      later: { conflicting: true },
    })
  })

  it('marks a holder that gets its record at the last moment', async () => {
    const parents = [await created(), await created()] as const
    const ghost = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    await store.spend(ghost, HEIGHT)
    const winner = spending([{ tx: parents[0], vout: 0 }])
    await store.create(winner, HEIGHT, { conflicting: true })
    const rival = await opened()
    store.transport = interrupted(good, 'unspend', () => rival.create(ghost, HEIGHT))
    await store.processConflicting([winner.txid], BLOCK)
    await rival.close()
    expect(await stateOf(store, { first: parents[0], second: parents[1], ghost, winner })).toMatchObject({
      first: { outputs: ['winner'], locked: false },
      second: { outputs: ['unspent'], locked: false },
      ghost: { conflicting: true },
      winner: { conflicting: false },
    })
  })

  it('frees what a conflicting winner’s own outputs are spent by: those do not win with it', async () => {
    const parent = await created()
    await store.spendAndCreate(spending([{ tx: parent, vout: 0 }]), HEIGHT)
    const winner = spending([{ tx: parent, vout: 0 }])
    await store.create(winner, HEIGHT, { conflicting: true })
    const child = spending([{ tx: winner, vout: 0 }])
    await store.spend(child, HEIGHT, { ignoreConflicting: true })
    await store.create(child, HEIGHT, { conflicting: true })
    await store.processConflicting([winner.txid], BLOCK)
    expect(await stateOf(store, { winner, child })).toMatchObject({
      winner: { conflicting: false, outputs: ['unspent'], locked: false },
      child: { conflicting: true },
    })
  })

  it.each(['setConflicting', 'unspend', 'spendMulti'])(
    'a caller who leaves before %s is released at once, and the work is brought to its end',
    async moment => {
      const one = await opened(ownSet)
      const cast = await conflict(one)
      const controller = new AbortController()
      one.transport = interrupted(one.transport, moment, () => controller.abort(new Error('gone')))
      const call = one.processConflicting(winnersOf(cast), BLOCK, { signal: controller.signal })
      expect(await code(call)).toBe('CONTEXT_CANCELED')
      const other = await sibling(one)
      await one.close()
      expect(await stateOf(other, cast)).toEqual(WON)
      expect(await other.pendingConflictIntents()).toEqual([])
      await other.close()
    },
  )

  it.each(['setConflicting', 'unspend', 'spendMulti'])(
    'a store that is closed before %s closes when the work is done',
    async moment => {
      const one = await opened(ownSet)
      const cast = await conflict(one)
      const other = await sibling(one)
      let closed: Promise<void> | undefined
      one.transport = interrupted(one.transport, moment, () => {
        // Not awaited here, where the work it waits for would wait for it.
        closed = one.close()
        return undefined
      })
      expect(await code(one.processConflicting(winnersOf(cast), BLOCK))).toBe('ok')
      await closed
      expect(await stateOf(other, cast)).toEqual(WON)
      await other.close()
    },
  )

  it('two calls of one store run one after the other: the later one has the last word', async () => {
    const parent = await created()
    const rivals = [0, 1].map(() => spending([{ tx: parent, vout: 0 }]))
    for (const tx of rivals) await store.create(tx, HEIGHT, { conflicting: true })
    await Promise.all(rivals.map(tx => store.processConflicting([tx.txid], BLOCK)))
    const [first, second] = rivals
    const state = await stateOf(store, { parent, first: first as never, second: second as never })
    expect(state).toMatchObject({
      parent: { outputs: ['second'], locked: false },
      first: { conflicting: true },
      second: { conflicting: false },
    })
  })

  it('keeps the counts and delete-at-heights of parents with pages', async () => {
    const one = await UtxoStore.open(storeUrl(server, { set: uniqueSet('pages') }), {
      settings: { ...SETTINGS, utxoBatchSize: 4 },
    })
    one.setBlockState(HEIGHT, 0)
    const parent = coinbase({ outputs: 10 })
    await one.createPartial(parent.txid, new Map(parent.outputs.entries()), 100)
    await one.setMinedMulti([parent.txid], {
      blockId: 1,
      blockHeight: 400,
      subtreeIdx: 0,
      onLongestChain: true,
    })
    const holders = parent.outputs.map((_, vout) => spending([{ tx: parent, vout }]))
    for (const tx of holders) await one.spendAndCreate(tx, HEIGHT)
    const winner = spending([{ tx: parent, vout: 9 }])
    await one.create(winner, HEIGHT, { conflicting: true })
    const fields = ['locked', 'deleteAtHeight', 'spentExtraRecs'] as const
    const before = await one.get(parent.txid, fields)
    expect(before).toMatchObject({ locked: false, deleteAtHeight: HEIGHT + 288, spentExtraRecs: 2 })

    await one.processConflicting([winner.txid], { ...BLOCK, blockHeight: HEIGHT + 5 })
    expect(await one.get(parent.txid, fields)).toEqual({ ...before, deleteAtHeight: HEIGHT + 5 + 288 })
    // An output of page 2 names the winner, and that page is unlocked.
    expect(await one.spend(winner, HEIGHT)).toMatchObject([{ error: undefined }])
    await one.close()
  })
})

async function created(outputs = 1) {
  const tx = coinbase({ outputs })
  await store.create(tx, 100)
  return tx
}

describe('lesson 74: conflict processing that is interrupted', () => {
  it('comes to the same end when it is run again, wherever it was', async () => {
    const batches = await batchesOfOneRun()
    expect(batches).toBeGreaterThan(15)
    // A batch whose answer is lost leaves what the next one leaves that is not sent, so one of the two is enough.
    const runs = Array.from({ length: batches }, (_, index) => index + 1)
    await inLanes(runs, async (at, inSet) => {
      const crashing = await opened(inSet)
      const cast = await conflict(crashing)
      crashing.transport = losing(crashing.transport, at, 'answer lost', true)
      const end = await code(crashing.processConflicting(winnersOf(cast), BLOCK))
      const other = await sibling(crashing)
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
        const one = await opened(inSet)
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
      const one = await opened(inSet)
      const cast = await conflict(one)
      const transport = one.transport
      // One batch fails, the way back begins, and `later` batches on the process dies.
      one.transport = losing(losing(transport, run.at, run.loss, false), run.at + run.later, run.loss, true)
      const end = await code(one.processConflicting(winnersOf(cast), BLOCK))
      const other = await sibling(one)
      await other.recoverConflicts()
      if (end !== 'ok') await other.processConflicting(winnersOf(cast), BLOCK)
      expect({ run, state: await stateOf(other, cast) }).toEqual({ run, state: WON })
      expect(await other.pendingConflictIntents()).toEqual([])
      await Promise.all([one.close(), other.close()])
    })
  }, 120_000)

  it('a run that was taken up again and fails is not undone: it stays locked and pending for the next', async () => {
    const one = await opened(ownSet)
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
    const one = await opened(uniqueSet('refused'))
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
    const one = await opened(uniqueSet('late-free'))
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
    const inSet = uniqueSet('held-up')
    const one = await UtxoStore.open(storeUrl(server, { set: inSet }), {
      settings: {
        ...SETTINGS,
        enableSpendFilterExpressions: 'off',
        batchPolicyTotalTimeout: 100,
        overloadRetryMaxElapsed: 0,
        batcherWaitGrace: 100,
      },
    })
    setOf.set(one, inSet)
    one.setBlockState(HEIGHT, 1_700_000_000)
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
    const one = await opened(uniqueSet('nearly'))
    const [parent, other] = [coinbase(), coinbase()]
    for (const tx of [parent, other]) await one.create(tx, 100)
    const loser = spending([
      { tx: parent, vout: 0 },
      { tx: other, vout: 0 },
    ])
    await one.spend(loser, HEIGHT)
    const winner = spending([{ tx: parent, vout: 0 }])
    await one.create(winner, HEIGHT, { conflicting: true })
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
    expect(await stateOf(one, { parent, other, loser, winner })).toMatchObject({
      parent: { outputs: ['winner'], locked: false },
      other: { outputs: ['unspent'], locked: false },
      loser: { conflicting: true },
      winner: { conflicting: false },
    })
    await one.close()
  })

  it('a loser that got its record while the run died is found by the next one', async () => {
    const one = await opened(uniqueSet('late'))
    const [parent, other] = [coinbase(), coinbase()]
    for (const tx of [parent, other]) await one.create(tx, 100)
    const loser = spending([
      { tx: parent, vout: 0 },
      { tx: other, vout: 0 },
    ])
    await one.spend(loser, HEIGHT)
    const winner = spending([{ tx: parent, vout: 0 }])
    await one.create(winner, HEIGHT, { conflicting: true })
    const creator = await sibling(one)
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
    expect(await stateOf(creator, { parent, other, loser, winner })).toMatchObject({
      parent: { outputs: ['winner'], locked: false },
      other: { outputs: ['unspent'], locked: false },
      loser: { conflicting: true },
      winner: { conflicting: false },
    })
    await Promise.all([one.close(), creator.close()])
  })

  it('a run that died between a master and its pages is finished on the pages, too', async () => {
    const small = await UtxoStore.open(storeUrl(server, { set: uniqueSet('pages') }), {
      settings: { ...SETTINGS, utxoBatchSize: 1, maxMinedBatchSize: 1 },
    })
    small.setBlockState(HEIGHT, 1_700_000_000)
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
    const one = await opened(ownSet)
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
    const one = await opened(inSet)
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

/** Another store on the same set, as another process would have it. */
async function sibling(one: UtxoStore): Promise<UtxoStore> {
  return opened(setOf.get(one))
}

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
