import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  encodeTransaction,
  extendTransaction,
  parseTransaction,
  type StoreError,
  type Transport,
  txidToHex,
  type UtxoStore,
} from 'aerospike-utxo-store'
import { type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { BLOCK, conflict, HEIGHT, LOSERS, stateOf, WON } from './conflict-scenario.ts'
import { ConflictStores, code, winnersOf } from './conflict-stores.ts'
import { coinbase, spending } from './sample-transactions.ts'

let server: TestServer
let stores: ConflictStores
let store: UtxoStore
let good: Transport
const set = uniqueSet('conflicts')
/** For stores that are closed again. */
const ownSet = uniqueSet('own')

const opened = (inSet = set): Promise<UtxoStore> => stores.open(inSet)

beforeAll(async () => {
  server = await testServer()
  stores = new ConflictStores(server)
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
      const other = await stores.sibling(one)
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
      const other = await stores.sibling(one)
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
    const one = await stores.open(uniqueSet('pages'), { utxoBatchSize: 4 })
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
