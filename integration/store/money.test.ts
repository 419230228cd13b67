import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  encodeExtendedTransaction,
  encodeTransaction,
  parseTransaction,
  type RowAnswer,
  type StoreError,
  type Transaction,
  type TransactionParts,
  type Transport,
  UtxoStore,
  utxoHash,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { coinbase, LOCKING_SCRIPT, spending } from './sample-transactions.ts'

/** Races and half-failures in which outputs could be lost or spent twice. */

const set = uniqueSet('money')
let server: TestServer
let store: UtxoStore
let good: Transport

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }), {
    settings: { storeBatcherDurationMillis: 1, spendBatcherDurationMillis: 1 },
  })
  store.setBlockState(500, 1_700_000_000)
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

async function created(outputs = 1): Promise<Transaction> {
  const tx = coinbase({ outputs })
  await store.create(tx, 100)
  return tx
}

async function stateOf(tx: Transaction, vout = 0): Promise<string | undefined> {
  return (await store.get(tx.txid, ['utxos'])).utxos?.[vout]?.state
}

/** A transport that applies every row, and answers the chosen calls of a UDF for one record differently. */
function distorted(
  functionName: string,
  record: Transaction,
  distort: (answer: RowAnswer) => Promise<RowAnswer>,
  calls = Number.POSITIVE_INFINITY,
): Transport {
  let left = calls
  return {
    async batchOperate(rows, options) {
      const answers = await good.batchOperate(rows, options)
      return Promise.all(
        answers.map(answer => {
          const row = rows[answer.index]
          const isIt =
            row?.kind === 'apply' &&
            row.function === functionName &&
            Buffer.compare(row.key.userKey as Uint8Array, record.txid) === 0
          if (!isIt || left <= 0) return answer
          left -= 1
          return distort(answer)
        }),
      )
    },
  }
}

const inDoubt = async (answer: RowAnswer): Promise<RowAnswer> => ({
  ...answer,
  status: 9,
  bins: undefined,
  inDoubt: true,
})

describe('two spends by the same transaction', () => {
  it('the rollback of a failed one leaves the other’s success alone', async () => {
    const parents = [await created(), await created()] as const
    const tx = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    store.transport = distorted('spendMulti', parents[1], inDoubt, 1)
    const outcomes = await Promise.all([code(store.spend(tx, 500)), code(store.spend(tx, 500))])
    expect(outcomes.sort()).toEqual(['UTXO_ERROR', 'ok'])
    expect(await Promise.all(parents.map(parent => stateOf(parent)))).toEqual(['spent', 'spent'])
  })

  it('a repeat that fails in part does not undo what was acknowledged before the record is there', async () => {
    const parents = [await created(), await created()] as const
    const tx = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    const spends = await store.spend(tx, 500)
    store.transport = distorted('spendMulti', parents[1], inDoubt, 1)
    expect(await code(store.spend(tx, 500))).toBe('UTXO_ERROR')
    store.transport = good
    expect(await Promise.all(parents.map(parent => stateOf(parent)))).toEqual(['spent', 'spent'])
    // Undone by its owner, it is a new spend, and a failure in part is rolled back again.
    await store.unspend(spends)
    store.transport = distorted('spendMulti', parents[1], inDoubt, 1)
    expect(await code(store.spend(tx, 500))).toBe('UTXO_ERROR')
    store.transport = good
    expect(await Promise.all(parents.map(parent => stateOf(parent)))).toEqual(['unspent', 'unspent'])
  })

  it('a retry after an abort is not undone by the rollback of the aborted one', async () => {
    const parents = [await created(), await created()] as const
    const tx = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    const controller = new AbortController()
    let slow: () => void = () => {}
    const held = new Promise<void>(resolve => {
      slow = resolve
    })
    // The second parent's answer is held back until the first caller has gone.
    store.transport = distorted(
      'spendMulti',
      parents[1],
      async answer => {
        controller.abort()
        await held
        return answer
      },
      1,
    )
    expect(await code(store.spend(tx, 500, { signal: controller.signal }))).toBe('CONTEXT_CANCELED')
    const retry = code(store.spend(tx, 500))
    slow()
    expect(await retry).toBe('ok')
    await store.create(tx, 400)
    expect(await Promise.all(parents.map(parent => stateOf(parent)))).toEqual(['spent', 'spent'])
    expect(await code(store.spend(spending([{ tx: parents[0], vout: 0 }]), 500))).toBe('UTXO_ERROR')
  })
})

describe('a spend that fails in part', () => {
  it('is not undone once it was repeated with success, however late its rollback arrives', async () => {
    await using own = await UtxoStore.open(storeUrl(server), {
      settings: { spendBatcherDurationMillis: 1, spendRollbackTimeout: 50 },
    })
    own.setBlockState(500, 1_700_000_000)
    const parents = [coinbase(), coinbase()] as const
    const [first, frozen] = parents
    for (const parent of parents) await own.create(parent, 100)
    const tx = spending(parents.map(parent => ({ tx: parent, vout: 0 })))
    const hash = utxoHash(frozen.txid, 0, LOCKING_SCRIPT, 5_000_000_000n)
    const target = [{ txid: frozen.txid, vout: 0, utxoHash: hash }]
    await own.freezeUtxos(target)

    const ownGood = own.transport
    let letGo: () => void = () => {}
    const held = new Promise<void>(resolve => {
      letGo = resolve
    })
    const late: Promise<readonly RowAnswer[]>[] = []
    own.transport = {
      batchOperate(rows, options) {
        if (!rows.some(row => row.kind === 'apply' && row.function === 'unspend'))
          return ownGood.batchOperate(rows, options)
        const { signal: _, ...rest } = options
        const answers = held.then(() => ownGood.batchOperate(rows, rest))
        late.push(answers)
        return answers
      },
    }
    expect(await code(own.spend(tx, 500))).toBe('UTXO_ERROR')
    expect(late.length).toBe(1)
    await own.unfreezeUtxos(target)
    expect(await code(own.spend(tx, 500))).toBe('ok')
    letGo()
    expect((await late[0])?.map(({ status }) => status)).toEqual([0])
    const slots = await Promise.all(
      [first, frozen].map(async parent => (await own.get(parent.txid, ['utxos'])).utxos?.[0]?.state),
    )
    expect(slots).toEqual(['spent', 'spent'])
  })

  it('lesson 30: undoes an input whose answer was lost, too: no parent names a spender without a record', async () => {
    const [doubtful, taken, free] = [await created(), await created(), await created()] as const
    await store.spend(spending([{ tx: taken, vout: 0 }]), 500)
    const tx = spending([doubtful, taken, free].map(parent => ({ tx: parent, vout: 0 })))
    store.transport = distorted('spendMulti', doubtful, inDoubt)
    expect(await code(store.spend(tx, 500))).toBe('UTXO_ERROR')
    store.transport = good
    expect([await stateOf(doubtful), await stateOf(free)]).toEqual(['unspent', 'unspent'])
  })

  it('an output that never was is no pruned parent, whatever the spender has', async () => {
    const parent = await created()
    const other = coinbase({ outputs: 2 })
    const beyond = spending([{ tx: other, vout: 1 }])
    const inputs = beyond.inputs.map(input => ({ ...input, previousTxid: parent.txid }))
    const tx = {
      ...beyond,
      version: beyond.version,
      locktime: beyond.locktime,
      outputs: beyond.outputs,
      inputs,
    } as Transaction
    await store.create(tx, 400)
    expect(await code(store.spend(tx, 500))).toBe('UTXO_ERROR')
  })
})

describe('create', () => {
  it('stores a transaction under the txid that it hashes to, not under one that it claims', async () => {
    const [tx, victim] = [coinbase(), coinbase()]
    const { txid } = await store.create(
      {
        ...tx,
        version: tx.version,
        locktime: tx.locktime,
        inputs: tx.inputs,
        outputs: tx.outputs,
        txid: victim.txid,
      } as Transaction,
      100,
    )
    expect(txid).toEqual(tx.txid)
    expect(await code(store.get(victim.txid))).toBe('TX_NOT_FOUND')
  })

  it('refuses flags that are no booleans, which would be written as numbers', async () => {
    await expect(store.create(coinbase(), 100, { isCoinbase: 1 as never })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'isCoinbase',
    })
  })
})

describe('what callers change after the call', () => {
  const hashesOf = ({ txid, outputs }: Transaction) =>
    outputs.map(({ lockingScript, satoshis }, vout) => utxoHash(txid, vout, lockingScript, satoshis))

  it('is no matter of a create that waits to be sent: its bytes, and its list of blocks', async () => {
    const tx = coinbase({ outputs: 2 })
    const bytes = encodeTransaction(tx)
    const minedBlockInfos = [{ blockId: 7, blockHeight: 100, subtreeIdx: 3 }]
    const stored = store.create(bytes, 100, { minedBlockInfos })
    bytes.fill(0xee)
    Object.assign(minedBlockInfos[0] as object, { blockId: 8 })
    minedBlockInfos.push({ blockId: 9, blockHeight: 101, subtreeIdx: 4 })
    expect((await stored).blockIds).toEqual([7])
    const { blockIds, utxos, tx: body } = await store.get(tx.txid, ['blockIds', 'utxos', 'tx'])
    expect([blockIds, body?.txid]).toEqual([[7], tx.txid])
    expect(utxos?.map(slot => slot.state === 'unspent' && slot.utxoHash)).toEqual(hashesOf(tx))
  })

  async function expectStored(tx: Transaction): Promise<void> {
    const { utxos, tx: body } = await store.get(tx.txid, ['utxos', 'tx'])
    expect(body?.txid).toEqual(tx.txid)
    expect(utxos?.map(slot => slot.state === 'unspent' && slot.utxoHash)).toEqual(hashesOf(tx))
  }

  /** A transaction put together by hand, and what its maker does with its memory afterwards. */
  function handMade(tx: Transaction): { parts: TransactionParts; reuse: () => void } {
    const bytes: Uint8Array[] = []
    const own = (script: Uint8Array): Uint8Array => {
      const copy = Uint8Array.from(script)
      bytes.push(copy)
      return copy
    }
    const parts = {
      version: tx.version,
      locktime: tx.locktime,
      inputs: tx.inputs.map(input => ({
        ...input,
        previousTxid: own(input.previousTxid),
        unlockingScript: own(input.unlockingScript),
        previousLockingScript: input.previousLockingScript && own(input.previousLockingScript),
      })),
      outputs: tx.outputs.map(output => ({ ...output, lockingScript: own(output.lockingScript) })),
    }
    return { parts, reuse: () => bytes.forEach(each => void each.fill(0xee)) }
  }

  it('is no matter of a create, or a spend, of a transaction that was put together by hand', async () => {
    const parent = await created(1)
    const tx = spending([{ tx: parent, vout: 0 }], { outputs: 2 })
    const { parts, reuse } = handMade(tx)
    const calls = [store.create(parts as Transaction, 500), store.spend(parts as Transaction, 500)]
    reuse()
    await Promise.all(calls)
    await expectStored(tx)
    expect(await stateOf(parent)).toBe('spent')
  })

  it('is no matter of a spendAndCreate whose caller was released after its spend', async () => {
    const parent = await created(1)
    const tx = spending([{ tx: parent, vout: 0 }], { outputs: 2 })
    const bytes = encodeExtendedTransaction(tx)
    const caller = new AbortController()
    store.transport = {
      async batchOperate(rows, options) {
        const answers = await good.batchOperate(rows, options)
        // The spend is done, and the create on its way to its batch, when the caller goes.
        const isSpend = rows.some(({ kind }) => kind === 'execute' || kind === 'apply')
        if (isSpend && answers.some(({ status }) => status === 0)) setImmediate(() => caller.abort())
        return answers
      },
    }
    const slow = await UtxoStore.open(storeUrl(server, { set }), {
      settings: { storeBatcherDurationMillis: 50 },
    })
    slow.setBlockState(500, 1_700_000_000)
    slow.transport = store.transport
    const call = slow.spendAndCreate(parseTransaction(bytes), 500, { signal: caller.signal })
    expect(await code(call)).toBe('CONTEXT_CANCELED')
    bytes.fill(0xee)
    // Ends what goes on without its caller.
    await slow.close()
    await expectStored(tx)
  })

  it('is no matter of a createPartial that waits to be sent: its outputs', async () => {
    const { txid } = coinbase()
    const lockingScript = Uint8Array.from(LOCKING_SCRIPT)
    const outputs = new Map([[0, { satoshis: 5n, lockingScript }]])
    const hash = utxoHash(txid, 0, LOCKING_SCRIPT, 5n)
    const stored = store.createPartial(txid, outputs, 100)
    lockingScript.fill(0xee)
    outputs.clear()
    await stored
    expect((await store.get(txid, ['utxos'])).utxos).toEqual([{ state: 'unspent', utxoHash: hash }])
  })
})

describe('createPartial', () => {
  const output = (satoshis: bigint) => ({ satoshis, lockingScript: LOCKING_SCRIPT })

  it('writes outputs of any index, spendable like any other', async () => {
    const parent = coinbase({ outputs: 301 })
    const outputs = new Map(
      [
        [0, 0],
        [130, 130],
        [300, 300],
      ].map(([vout = 0]) => [vout, parent.outputs[vout] as never]),
    )
    await store.createPartial(parent.txid, outputs, 100)
    const { utxos, creating, totalExtraRecs, tx } = await store.get(parent.txid, [
      'utxos',
      'creating',
      'totalExtraRecs',
      'tx',
    ])
    expect([utxos?.length, creating, totalExtraRecs, tx]).toEqual([301, false, 2, undefined])
    expect(utxos?.flatMap((slot, vout) => (slot.state === 'nil' ? [] : [vout]))).toEqual([0, 130, 300])
    expect(
      await code(
        store.spend(
          spending([
            { tx: parent, vout: 0 },
            { tx: parent, vout: 130 },
            { tx: parent, vout: 300 },
          ]),
          500,
        ),
      ),
    ).toBe('ok')
    const record = await store.get(parent.txid, ['spentUtxos', 'spentExtraRecs'])
    expect(record).toMatchObject({ spentUtxos: 1, spentExtraRecs: 2 })
    await store.setMinedMulti([parent.txid], {
      blockId: 1,
      blockHeight: 450,
      subtreeIdx: 0,
      onLongestChain: true,
    })
    expect((await store.get(parent.txid, ['deleteAtHeight'])).deleteAtHeight).toBe(450 + 288)
    expect(await code(store.createPartial(parent.txid, outputs, 100))).toBe('TX_EXISTS')
  })

  it('adds no pages to a transaction that is there', async () => {
    const tx = await created(2)
    expect(await code(store.createPartial(tx.txid, new Map([[200, output(1n)]]), 100))).toBe('TX_EXISTS')
    expect((await store.get(tx.txid, ['utxos'])).utxos?.length).toBe(2)
  })

  it('lesson 50: is completed by repeating it after every step at which it can break, and refuses other outputs', async () => {
    for (let failing = 0; failing < 6; failing++) {
      const { txid } = coinbase()
      let batch = 0
      store.transport = {
        batchOperate: (rows, options) =>
          batch++ === failing ? Promise.reject(new Error('cut')) : good.batchOperate(rows, options),
      }
      const first = await code(
        store.createPartial(
          txid,
          new Map([
            [5, output(1n)],
            [200, output(2n)],
          ]),
          100,
        ),
      )
      store.transport = good
      const broke = failing < 4
      expect([failing, first]).toEqual([failing, broke ? 'STORAGE_ERROR' : 'ok'])
      // The lock and the look at what is there come before the body, which settles what the outputs are.
      if (broke && failing > 1) {
        expect(await code(store.createPartial(txid, new Map([[200, output(7n)]]), 100))).toBe(
          'BLOB_ALREADY_EXISTS',
        )
      }
      const again = await code(
        store.createPartial(
          txid,
          new Map([
            [5, output(1n)],
            [200, output(2n)],
          ]),
          100,
        ),
      )
      expect(['ok', 'TX_EXISTS']).toContain(again)
      const { creating, utxos, outputs } = await store.get(txid, ['creating', 'utxos', 'outputs'])
      expect([creating, utxos?.length, outputs?.[200]?.satoshis]).toEqual([false, 201, 2n])
    }
  })
})

it('each transaction of a mined block has a list of blocks of its own, which its caller may change', async () => {
  const all = [await created(), await created(), await created()]
  const info = { blockId: 7, blockHeight: 200, subtreeIdx: 0, onLongestChain: true }
  const lists = [
    ...(
      await store.setMinedMulti(
        all.map(({ txid }) => txid),
        info,
      )
    ).values(),
  ]
  ;(lists[0] as number[]).push(99)
  expect(lists).toEqual([[7, 99], [7], [7]])
})
