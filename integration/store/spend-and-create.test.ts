import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import {
  type BatchRow,
  type CreateOptions,
  decodeSpendingData,
  type SpendAndCreateOptions,
  SpendError,
  type StoreError,
  type Transaction,
  type Transport,
  txidToHex,
  UtxoStore,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { coinbase, spending } from './sample-transactions.ts'

const HEIGHT = 500
const SETTINGS = { storeBatcherDurationMillis: 1, spendBatcherDurationMillis: 1, getBatcherDurationMillis: 1 }

let server: TestServer
/** Two stores on one set, as two processes have them. */
let store: UtxoStore
let other: UtxoStore
let good: Transport
let otherGood: Transport
const set = uniqueSet('spend-create')

async function opened(): Promise<UtxoStore> {
  const one = await UtxoStore.open(storeUrl(server, { set }), { settings: SETTINGS })
  one.setBlockState(HEIGHT, 1_700_000_000)
  return one
}

beforeAll(async () => {
  server = await testServer()
  store = await opened()
  other = await opened()
  good = store.transport
  otherGood = other.transport
})
afterEach(() => {
  store.transport = good
  other.transport = otherGood
})
afterAll(async () => {
  await Promise.all([store.close(), other.close()])
  await server.close()
})

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )

async function twoParents(): Promise<[Transaction, Transaction]> {
  const parents: [Transaction, Transaction] = [coinbase(), coinbase()]
  for (const parent of parents) await store.create(parent, 100)
  return parents
}

const child = (parents: readonly Transaction[]): Transaction =>
  spending(parents.map(parent => ({ tx: parent, vout: 0 })))

/** Who holds output 0 of each transaction: `tx`, another, or nobody. */
async function holders(parents: readonly Transaction[], tx: Transaction): Promise<string[]> {
  return Promise.all(
    parents.map(async parent => {
      const slot = (await store.get(parent.txid, ['utxos'])).utxos?.[0]
      if (slot?.state !== 'spent') return slot?.state ?? 'missing'
      return txidToHex(decodeSpendingData(slot.spendingData).txid) === txidToHex(tx.txid) ? 'tx' : 'another'
    }),
  )
}

/** As a rollback of another process. */
async function freeAll(parents: readonly Transaction[]): Promise<void> {
  for (const { txid } of parents) {
    const slot = (await other.get(txid, ['utxos'])).utxos?.[0]
    if (slot?.state === 'spent') await other.unspend([{ txid, vout: 0, ...slot }])
  }
}

const isCreate = (row: BatchRow): boolean => row.kind === 'write' && row.exists === 'create-only'
const isMaster = (row: BatchRow): boolean => isCreate(row) && row.key.userKey.length === 32
const isLookUp = (row: BatchRow): boolean => row.kind === 'read' && row.bins.length === 0
const calls =
  (name: string) =>
  (row: BatchRow): boolean =>
    row.kind === 'apply' && row.function === name

/** Before, or after, the first batch with such a row, does something else. */
function interrupted(
  transport: Transport,
  when: 'before' | 'after',
  isIt: (row: BatchRow) => boolean,
  work: () => Promise<unknown>,
): Transport {
  let left = 1
  return {
    async batchOperate(rows, options) {
      const isNow = left > 0 && rows.some(isIt)
      if (isNow) left = 0
      if (isNow && when === 'before') await work()
      const answers = await transport.batchOperate(rows, options)
      if (isNow && when === 'after') await work()
      return answers
    },
  }
}

/** Rows of that kind fail with a status; where it is in doubt, they have been applied. */
function failing(transport: Transport, isIt: (row: BatchRow) => boolean, status: number): Transport {
  return {
    async batchOperate(rows, options) {
      const sent = rows.filter(row => status === 9 || !isIt(row))
      const answers = await transport.batchOperate(sent, options)
      return rows.map((row, index) =>
        isIt(row)
          ? { index, status, bins: undefined, inDoubt: status === 9 }
          : { ...(answers[sent.indexOf(row)] as (typeof answers)[number]), index },
      )
    },
  }
}

/** The other store's spend of the same transaction, which fails for its second input. */
function failInOther(tx: Transaction): Promise<string> {
  const second = tx.inputs[1]?.previousTxid ?? new Uint8Array()
  const current = other.transport
  const ofSecond = (row: BatchRow): boolean =>
    calls('spendMulti')(row) && Buffer.compare(row.key.userKey as Uint8Array, second) === 0
  other.transport = failing(current, ofSecond, 9)
  return code(other.spend(tx, HEIGHT))
}

describe('spendAndCreate', () => {
  it('spends the inputs and stores the outputs', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    const { spends, metadata } = await store.spendAndCreate(tx, HEIGHT)
    expect(spends.map(({ error }) => error)).toEqual([undefined, undefined])
    expect(metadata).toMatchObject({ fee: 9_999_999_000, conflicting: false })
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
    expect(await code(store.spendAndCreate(child([tx]), HEIGHT))).toBe('ok')
  })

  it('does one half where asked, but not none', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    expect(await store.spendAndCreate(tx, HEIGHT, { createOnly: true })).toMatchObject({ spends: [] })
    expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
    const { spends, metadata } = await store.spendAndCreate(tx, HEIGHT, { spendOnly: true })
    expect({ spends: spends.length, metadata }).toEqual({ spends: 2, metadata: undefined })
    expect(await code(store.spendAndCreate(tx, HEIGHT, { createOnly: true, spendOnly: true }))).toBe(
      'INVALID_ARGUMENT',
    )
  })

  it('stores nothing when the spend fails', async () => {
    const parents = await twoParents()
    await store.spendAndCreate(child([parents[1]]), HEIGHT)
    const tx = child(parents)
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('UTXO_ERROR')
    expect(await code(store.get(tx.txid))).toBe('TX_NOT_FOUND')
    expect(await holders(parents, tx)).toEqual(['unspent', 'another'])
  })

  it('undoes the spends when the create fails', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    store.transport = failing(good, isCreate, 18)
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('STORAGE_ERROR')
    expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
  })

  it.each<[string, (tx: Transaction) => Transaction, SpendAndCreateOptions & CreateOptions, string]>([
    ['has no outputs', tx => ({ ...tx, outputs: [] }), {}, 'PROCESSING'],
    ['is in a block that is none', tx => tx, { minedBlockInfos: [null as never] }, 'INVALID_ARGUMENT'],
    ['has an option of the wrong type', tx => tx, { locked: 5 as never }, 'INVALID_ARGUMENT'],
  ])('spends nothing for a transaction that %s', async (_, changed, options, expected) => {
    const parents = await twoParents()
    const tx = changed(child(parents))
    const spends = jest.spyOn(good, 'batchOperate')
    expect(await code(store.spendAndCreate(tx, HEIGHT, options))).toBe(expected)
    expect(spends).not.toHaveBeenCalled()
    spends.mockRestore()
    expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
  })

  it.each([
    ['one record', 1, 22],
    ['several records', 129, 22],
    ['one record', 1, 8],
    ['several records', 129, 8],
  ])(
    'undoes the spends when the server refuses the master of %s, of %d outputs, with %d',
    async (_, outputs, status) => {
      const parents = await twoParents()
      const tx = spending(
        parents.map(parent => ({ tx: parent, vout: 0 })),
        { outputs },
      )
      store.transport = failing(good, isMaster, status)
      expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('STORAGE_ERROR')
      expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
      store.transport = good
      expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('ok')
    },
  )

  it('undoes the spends when the namespace takes no lock', async () => {
    const parents = await twoParents()
    const tx = spending(
      parents.map(parent => ({ tx: parent, vout: 0 })),
      { outputs: 129 },
    )
    store.transport = failing(good, row => isCreate(row) && !isMaster(row), 22)
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('STORAGE_ERROR')
    expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
  })

  it.each([1, 129])('undoes the spends when the body of %d outputs cannot be written', async outputs => {
    const parents = await twoParents()
    const tx = spending(
      parents.map(parent => ({ tx: parent, vout: 0 })),
      { outputs },
    )
    const folder = await mkdtemp(join(tmpdir(), 'bodies-'))
    const url = storeUrl(server, { set, externalStore: pathToFileURL(folder).href })
    const settings = { ...SETTINGS, externalizeAllTransactions: true }
    await using one = await UtxoStore.open(url, { settings })
    await rm(folder, { recursive: true })
    expect(await code(one.spendAndCreate(tx, HEIGHT))).toBe('STORAGE_ERROR')
    expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
  })

  it('undoes the spends when a page is left over from a transaction that was deleted', async () => {
    const parents = await twoParents()
    const tx = spending(
      parents.map(parent => ({ tx: parent, vout: 0 })),
      { outputs: 129 },
    )
    await store.create(tx, HEIGHT)
    await store.delete(tx.txid)
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('STORAGE_ERROR')
    expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
  })

  it('keeps its spends while its create is on the way, though its caller has gone', async () => {
    const parents = await twoParents()
    const [tx, rival] = [child(parents), child(parents)]
    const caller = new AbortController()
    let arrive = (): void => {}
    const arrived = new Promise<void>(resolve => {
      arrive = resolve
    })
    let landed: Promise<unknown> = Promise.resolve()
    store.transport = {
      batchOperate(rows, options) {
        const answers = rows.some(isCreate)
          ? arrived.then(() => good.batchOperate(rows, options))
          : good.batchOperate(rows, options)
        if (rows.some(isCreate)) {
          landed = answers
          caller.abort()
        }
        return answers
      },
    }
    expect(await code(store.spendAndCreate(tx, HEIGHT, { signal: caller.signal }))).toBe('CONTEXT_CANCELED')
    expect(await code(other.spend(rival, HEIGHT))).toBe('UTXO_ERROR')
    arrive()
    await landed
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('TX_EXISTS')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
  })

  it.each([
    ['one record', 1],
    ['several records', 129],
  ])('leaves its spends when the create of the master of %s has no verdict', async (_, outputs) => {
    const parents = await twoParents()
    const tx = spending(
      parents.map(parent => ({ tx: parent, vout: 0 })),
      { outputs },
    )
    store.transport = {
      batchOperate: (rows, options) =>
        rows.some(isMaster) ? Promise.reject(new Error('torn')) : good.batchOperate(rows, options),
    }
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('STORAGE_ERROR')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
  })

  it('leaves the spends when the transaction exists', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    await store.spendAndCreate(tx, HEIGHT)
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('TX_EXISTS')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
  })

  it('leaves a conflicting transaction that exists as it is: whoever makes it win spends for it, too', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    await store.create(tx, HEIGHT, { conflicting: true })
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('TX_EXISTS')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
  })

  it('leaves the spends when the record is there although the create’s answer was lost', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    store.transport = failing(good, isCreate, 9)
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('STORAGE_ERROR')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
    store.transport = good
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('TX_EXISTS')
  })

  it('puts the spends back when the record appears while they are being undone', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    const late = interrupted(good, 'after', calls('unspend'), () => other.create(tx, HEIGHT))
    store.transport = failing(late, isCreate, 18)
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('STORAGE_ERROR')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
  })
})

describe('a spend that fails in part', () => {
  it.each([
    ['a locked parent alone', false, ['tx', 'unspent']],
    ['a locked parent and one that another has spent', true, ['unspent', 'unspent', 'another']],
  ])('lesson 31: with %s', async (_, isLost, expected) => {
    const parents = await twoParents()
    const lost = isLost ? [coinbase()] : []
    for (const parent of lost) {
      await store.create(parent, 100)
      await store.spendAndCreate(child([parent]), HEIGHT)
    }
    await store.setLocked([parents[1].txid], true)
    const tx = child([...parents, ...lost])
    expect(await code(store.spend(tx, HEIGHT))).toBe('UTXO_ERROR')
    expect(await holders([...parents, ...lost], tx)).toEqual(expected)
  })

  it('lesson 32: is rolled back while the store closes, and close waits for it', async () => {
    const parents = await twoParents()
    await store.spendAndCreate(child([parents[1]]), HEIGHT)
    const tx = child(parents)
    const one = await opened()
    let closed: Promise<void> | undefined
    one.transport = interrupted(one.transport, 'after', calls('spendMulti'), async () => {
      closed = one.close()
    })
    expect(await code(one.spend(tx, HEIGHT))).toBe('UTXO_ERROR')
    await closed
    expect(await holders(parents, tx)).toEqual(['unspent', 'another'])
  })

  it('lesson 32: is rolled back when its caller has gone', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    const one = await UtxoStore.open(storeUrl(server, { set }), {
      settings: { ...SETTINGS, spendBatcherSize: 1 },
    })
    const controller = new AbortController()
    let answer: () => void = () => {}
    const held = new Promise<void>(resolve => {
      answer = resolve
    })
    const transport = one.transport
    // The second input is not answered until the caller has gone, who goes when the first one is.
    one.transport = {
      async batchOperate(rows, options) {
        const second = rows.some(
          row =>
            calls('spendMulti')(row) && Buffer.compare(row.key.userKey as Uint8Array, parents[1].txid) === 0,
        )
        if (second) await held
        const answers = await transport.batchOperate(rows, options)
        if (!second && rows.some(calls('spendMulti'))) setImmediate(() => controller.abort())
        return second ? answers.map(row => ({ ...row, status: 18, bins: undefined })) : answers
      },
    }
    expect(await code(one.spend(tx, HEIGHT, { signal: controller.signal }))).toBe('CONTEXT_CANCELED')
    answer()
    await one.close()
    expect((await holders(parents, tx))[0]).toBe('unspent')
  })
})

describe('lesson 30: two processes spend for one transaction, and one of them fails', () => {
  it('rolls back what nobody else has stored', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    expect(await failInOther(tx)).toBe('UTXO_ERROR')
    expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
  })

  it.each([
    ['after the failing one has looked for the record', 'after' as const, isLookUp],
    ['after the failing one has undone the spends', 'after' as const, calls('unspend')],
  ])('the other stores it %s', async (_, when, moment) => {
    const parents = await twoParents()
    const tx = child(parents)
    other.transport = interrupted(otherGood, when, moment, () => store.spendAndCreate(tx, HEIGHT))
    expect(await failInOther(tx)).toBe('UTXO_ERROR')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
  })

  it.each([
    [true, ['tx', 'tx']],
    [false, ['unspent', 'unspent']],
  ])(
    'the failing one is through before the other stores it, confirmSpends: %s',
    async (confirmSpends, expected) => {
      const parents = await twoParents()
      const tx = child(parents)
      store.transport = interrupted(good, 'before', isCreate, () => failInOther(tx))
      expect(await code(store.spendAndCreate(tx, HEIGHT, { confirmSpends }))).toBe('ok')
      expect(await holders(parents, tx)).toEqual(expected)
    },
  )

  it('a third one takes what was free for a moment: the transaction has lost, and gives up the rest', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    const third = child([parents[0]])
    store.transport = interrupted(good, 'before', isCreate, async () => {
      await failInOther(tx)
      other.transport = otherGood
      await other.spendAndCreate(third, HEIGHT)
    })
    const error = await store.spendAndCreate(tx, HEIGHT).catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(SpendError)
    expect((error as SpendError).spends).toMatchObject([
      { error: { code: 'UTXO_SPENT' } },
      { error: undefined },
    ])
    expect(await holders(parents, tx)).toEqual(['another', 'unspent'])
    expect((await store.getMeta(tx.txid)).conflicting).toBe(true)
  })

  it('it has lost, and a decision that is undone lifts its mark while it gives up: the mark is set again', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    const third = child([parents[0]])
    const lifting = interrupted(good, 'after', calls('unspend'), () => other.setConflicting([tx.txid], false))
    store.transport = interrupted(lifting, 'before', isCreate, async () => {
      await failInOther(tx)
      other.transport = otherGood
      await other.spendAndCreate(third, HEIGHT)
    })
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('UTXO_ERROR')
    expect(await holders(parents, tx)).toEqual(['another', 'unspent'])
    expect((await store.getMeta(tx.txid)).conflicting).toBe(true)
  })

  it('it has lost, and wins by a block while it gives up: it holds what it has won', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    const third = child([parents[0]])
    const winning = interrupted(good, 'after', calls('setConflicting'), () =>
      other.processConflicting([tx.txid], { blockHeight: HEIGHT, blockHash: tx.txid }),
    )
    store.transport = interrupted(winning, 'before', isCreate, async () => {
      await failInOther(tx)
      other.transport = otherGood
      await other.spendAndCreate(third, HEIGHT)
    })
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('ok')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
    expect((await store.getMeta(tx.txid)).conflicting).toBe(false)
    expect((await store.getMeta(third.txid)).conflicting).toBe(true)
  })

  it('is marked as conflicting after it has looked, and does not pass for stored', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    const takesAgain = (row: BatchRow): boolean => row.kind === 'execute' || calls('spendMulti')(row)
    store.transport = interrupted(good, 'before', isCreate, async () => {
      await failInOther(tx)
      store.transport = interrupted(good, 'before', takesAgain, () => other.setConflicting([tx.txid], true))
    })
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('UTXO_ERROR')
    // Whoever marks it may be giving them back to it.
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
    expect((await store.getMeta(tx.txid)).conflicting).toBe(true)
  })

  it('whose inputs are freed as often as it takes them again gives up, and says so', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    let taken = 0
    const freeing: Transport = {
      async batchOperate(rows, options) {
        const answers = await good.batchOperate(rows, options)
        // Of coinbases Lua decides, whether or not a filtered write was tried before.
        if (rows.some(calls('spendMulti'))) {
          taken += 1
          await freeAll(parents)
        }
        return answers
      },
    }
    store.transport = interrupted(good, 'before', isCreate, async () => {
      await freeAll(parents)
      store.transport = freeing
    })
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('SERVICE_UNAVAILABLE')
    expect(taken).toBe(8)
  })

  it('a parent that is marked as conflicting between spend and create takes the transaction with it', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    store.transport = interrupted(good, 'before', isCreate, () =>
      other.setConflicting([parents[1].txid], true),
    )
    expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('UTXO_ERROR')
    expect(await holders(parents, tx)).toEqual(['unspent', 'unspent'])
    expect((await store.getMeta(tx.txid)).conflicting).toBe(true)
  })
})

it('leaves the inputs to another call that is creating the same transaction of several records', async () => {
  const parents = await twoParents()
  const tx = spending(
    parents.map(parent => ({ tx: parent, vout: 0 })),
    { outputs: 129 },
  )
  const isLock = (row: BatchRow): boolean => row.kind === 'write' && row.ttlSeconds !== undefined
  let codeOfOther: string | undefined
  store.transport = interrupted(
    good,
    'before',
    row => isCreate(row) && !isLock(row),
    async () => {
      codeOfOther = await code(other.spendAndCreate(tx, HEIGHT))
      expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
    },
  )
  expect(await code(store.spendAndCreate(tx, HEIGHT))).toBe('ok')
  expect(codeOfOther).toBe('TX_EXISTS')
  expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
  expect((await store.get(tx.txid, ['utxos'])).utxos?.length).toBe(129)
})

describe('closing', () => {
  it('lets a call in progress take its last step, the look whether the inputs are still held', async () => {
    const parents = await twoParents()
    const tx = spending(
      parents.map(parent => ({ tx: parent, vout: 0 })),
      { outputs: 129 },
    )
    const closing = await opened()
    let closed: Promise<void> | undefined
    closing.transport = interrupted(closing.transport, 'before', isCreate, async () => {
      closed = closing.close()
      await failInOther(tx)
    })
    expect(await code(closing.spendAndCreate(tx, HEIGHT))).toBe('ok')
    await closed
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
    expect(await code(closing.getMeta(tx.txid))).toBe('SERVICE_UNAVAILABLE')
  })

  it('has every step of a call in progress leave at once, however long batches linger', async () => {
    const parents = await twoParents()
    const tx = child(parents)
    const lingerMs = 100_000
    const settings = {
      spendBatcherDurationMillis: lingerMs,
      storeBatcherDurationMillis: lingerMs,
      getBatcherDurationMillis: lingerMs,
    }
    const closing = await UtxoStore.open(storeUrl(server, { set }), { settings })
    const call = code(closing.spendAndCreate(tx, HEIGHT))
    await closing.close()
    expect(await call).toBe('ok')
    expect(await holders(parents, tx)).toEqual(['tx', 'tx'])
  })
})
