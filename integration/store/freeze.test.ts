import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type FreezeError,
  type FreezeOptions,
  SpendError,
  type StoreError,
  type Transaction,
  txidToHex,
  UtxoStore,
  utxoHash,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged, RecordAccess } from './record-access.ts'
import { coinbase, LOCKING_SCRIPT, spending } from './sample-transactions.ts'

const TIP = 1_000
const NEVER = 2 ** 32 - 1
const set = uniqueSet('freeze')

let server: TestServer
let store: UtxoStore
let records: RecordAccess

const open = (settings: object = {}): Promise<UtxoStore> =>
  UtxoStore.open(storeUrl(server, { set }), {
    settings: {
      utxoBatchSize: 2,
      storeBatcherDurationMillis: 1,
      spendBatcherDurationMillis: 1,
      getBatcherDurationMillis: 1,
      ...settings,
    },
  })

beforeAll(async () => {
  server = await testServer()
  store = await open()
  store.setBlockState(TIP, 1_700_000_000)
  records = new RecordAccess(store, set)
})
afterAll(async () => {
  await store.close()
  await server.close()
})

async function created(outputs = 1): Promise<Transaction> {
  return createPaged(store, outputs)
}

/** Code of a spend of one output at a height: `ok`, or that of its input's error. */
async function spendAt(
  tx: Transaction,
  height: number,
  {
    vout = 0,
    ...flags
  }: { vout?: number; ignorePolicyFreeze?: boolean; ignoreConsensusFreeze?: boolean } = {},
): Promise<string | undefined> {
  try {
    await store.spend(spending([{ tx, vout }]), height, flags)
    return 'ok'
  } catch (error) {
    return error instanceof SpendError ? error.spends[0]?.error?.code : (error as StoreError).code
  }
}

const outcomesOf = (promise: Promise<void>): Promise<(string | undefined)[] | 'ok'> =>
  promise.then(
    () => 'ok' as const,
    (error: FreezeError) => error.outputs.map(({ error: own }) => own?.code),
  )

describe('lesson 70: what a freeze refuses, at each height', () => {
  it.each<[string, FreezeOptions, Record<number, string>]>([
    ['always, without a window', {}, { 1: 'UTXO_CONSENSUS_FROZEN', 999999: 'UTXO_CONSENSUS_FROZEN' }],
    [
      'a half-open window, with a policy that lasts',
      { from: 100, until: 200 },
      { 99: 'UTXO_FROZEN', 100: 'UTXO_CONSENSUS_FROZEN', 199: 'UTXO_CONSENSUS_FROZEN', 200: 'UTXO_FROZEN' },
    ],
    [
      'a half-open window, with a policy that ends',
      { from: 100, until: 200, policyExpires: true },
      { 99: 'UTXO_FROZEN', 100: 'UTXO_CONSENSUS_FROZEN', 199: 'UTXO_CONSENSUS_FROZEN', 200: 'ok' },
    ],
    ['no end', { from: 100 }, { 99: 'UTXO_FROZEN', 100: 'UTXO_CONSENSUS_FROZEN' }],
    ['an end without a start', { until: 100 }, { 99: 'UTXO_CONSENSUS_FROZEN', 100: 'UTXO_FROZEN' }],
    [
      'a window that ends where it starts',
      { from: 100, until: 100 },
      { 99: 'UTXO_FROZEN', 100: 'UTXO_FROZEN' },
    ],
    ['an empty window with a policy that ends', { from: 100, until: 50, policyExpires: true }, { 1: 'ok' }],
  ])('%s', async (_, window, expected) => {
    const tx = await created()
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }], window)
    const verdicts: Record<number, string | undefined> = {}
    for (const height of Object.keys(expected).map(Number)) verdicts[height] = await spendAt(tx, height)
    expect(verdicts).toEqual(expected)
  })

  it('each tier has its own code and its own flag', async () => {
    const tx = await created()
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }], { from: 100, until: 200 })
    expect(await spendAt(tx, 150, { ignorePolicyFreeze: true })).toBe('UTXO_CONSENSUS_FROZEN')
    expect(await spendAt(tx, 150, { ignoreConsensusFreeze: true })).toBe('UTXO_FROZEN')
    expect(await spendAt(tx, 150, { ignoreConsensusFreeze: true, ignorePolicyFreeze: true })).toBe('ok')
  })

  it('consensus precedes what the slot says: a repeated spend is refused within the window', async () => {
    const tx = await created()
    const spender = spending([{ tx, vout: 0 }])
    await store.spend(spender, 50)
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }], { from: 100, until: 200 })
    await expect(store.spend(spender, 100)).rejects.toMatchObject({
      spends: [{ error: { code: 'UTXO_CONSENSUS_FROZEN' } }],
    })
    await expect(store.spend(spender, 200)).resolves.toHaveLength(1)
  })
})

describe('freezing', () => {
  it('shows frozen outputs, and their windows as they are stored', async () => {
    const tx = await created(5)
    await store.freezeUtxos([{ txid: tx.txid, vout: 1 }], { from: 100, until: 200, policyExpires: true })
    await store.freezeUtxos([{ txid: txidToHex(tx.txid), vout: 4 }], { from: 300, until: 300 })
    const states = (await store.get(tx.txid, ['utxos'])).utxos?.map(({ state }) => state)
    expect(states).toEqual(['unspent', 'frozen', 'unspent', 'unspent', 'frozen'])
    expect(await store.getFreezeRecords(tx.txid)).toEqual([
      { vout: 1, window: { from: 100, until: 200, policyExpires: true } },
      { vout: 4, window: { from: NEVER, until: NEVER, policyExpires: false } },
    ])
    expect((await records.read(tx.txid))?.utxoFreezeRecs).toEqual({ 0: 1, 2: 1 })
  })

  it('answers each output for itself; what is frozen this way already is UTXO_FROZEN', async () => {
    const [a, b, missing] = [await created(3), await created(), coinbase()]
    await store.freezeUtxos([{ txid: a.txid, vout: 2 }], { from: 5 })
    const outputs = [
      { txid: a.txid, vout: 0 },
      { txid: a.txid, vout: 2 },
      { txid: missing.txid, vout: 0 },
      { txid: b.txid, vout: 1 },
      { txid: b.txid, vout: 200 },
      { txid: b.txid, vout: 0, utxoHash: new Uint8Array(32) },
    ]
    expect(await outcomesOf(store.freezeUtxos(outputs, { from: 5 }))).toEqual([
      undefined,
      'UTXO_FROZEN',
      'TX_NOT_FOUND',
      'TX_NOT_FOUND',
      'TX_NOT_FOUND',
      'UTXO_HASH_MISMATCH',
    ])
    await expect(store.freezeUtxos(outputs, { from: 5 })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(await records.read(missing.txid)).toBeUndefined()
    // A record that is not there is not marked, or every reader of the freezes would fail from then on.
    expect((await records.read(b.txid))?.utxoFreezeRecs).toEqual({ 0: 1 })
    expect(await store.getFreezeRecords(b.txid)).toEqual([])
  })

  it('freezes and unfreezes many outputs of one record in one call', async () => {
    const wide = await open({ utxoBatchSize: 64 })
    wide.setBlockState(TIP, 1_700_000_000)
    const tx = await createPaged(wide, 60)
    const outputs = tx.outputs.map((_, vout) => ({ txid: tx.txid, vout }))
    await wide.freezeUtxos(outputs)
    expect(await outcomesOf(wide.freezeUtxos(outputs))).toEqual(new Array(60).fill('UTXO_FROZEN'))
    await wide.unfreezeUtxos(outputs)
    expect(await outcomesOf(wide.unfreezeUtxos(outputs))).toEqual(new Array(60).fill('UTXO_ERROR'))
    await wide.close()
  })

  it('lesson 71: a freeze outlives a spend that passed it over and was undone', async () => {
    const tx = await created()
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }], { from: 100 })
    const flags = { ignorePolicyFreeze: true, ignoreConsensusFreeze: true }
    const spends = await store.spend(spending([{ tx, vout: 0 }]), 150, flags)
    await store.unspend(spends)
    expect((await store.get(tx.txid, ['utxos'])).utxos?.[0]?.state).toBe('frozen')
    expect(await spendAt(tx, 150)).toBe('UTXO_CONSENSUS_FROZEN')
    await store.unfreezeUtxos([{ txid: tx.txid, vout: 0 }])
    expect(await spendAt(tx, 150)).toBe('ok')
  })

  it('tells of a damaged record, which a fresh freeze repairs', async () => {
    const tx = await created()
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }])
    await records.write(tx.txid, { utxoFreezeFrom: new Map([[0, 'soon']]) })
    expect(await store.getFreezeRecords(tx.txid)).toEqual([{ vout: 0, window: undefined }])
    expect(await spendAt(tx, 100, { ignoreConsensusFreeze: true, ignorePolicyFreeze: true })).toBe(
      'STORAGE_ERROR',
    )
    await expect(store.getSpend({ txid: tx.txid, vout: 0 })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }], { from: 7 })
    expect(await store.getFreezeRecords(tx.txid)).toMatchObject([{ window: { from: 7 } }])
  })

  it('a marked page that is missing is damage, not "no freezes"', async () => {
    const tx = await created(3)
    await store.freezeUtxos([{ txid: tx.txid, vout: 2 }])
    await records.remove(tx.txid, 1)
    await expect(store.getFreezeRecords(tx.txid)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it.each<[FreezeOptions, string]>([
    [{ from: -1 }, 'from'],
    [{ until: 1.5 }, 'until'],
    [{ policyExpires: 1 as never }, 'policyExpires'],
  ])('refuses %j before anything is changed', async (window, field) => {
    const tx = await created()
    await expect(store.freezeUtxos([{ txid: tx.txid, vout: 0 }], window)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field,
    })
    expect(await records.read(tx.txid)).not.toHaveProperty('utxoFreezeRecs')
  })
})

describe("freezeMode 'sentinel'", () => {
  let shared: UtxoStore
  beforeAll(async () => {
    shared = await open({ freezeMode: 'sentinel' })
  })
  afterAll(() => shared.close())

  it('writes no freeze bin, which older nodes do not know, and refuses windows', async () => {
    const tx = await created(3)
    const output = { txid: tx.txid, vout: 2 }
    await shared.freezeUtxos([output])
    expect(await outcomesOf(shared.freezeUtxos([output]))).toEqual(['UTXO_FROZEN'])
    const bins = await Promise.all([0, 1].map(page => records.read(tx.txid, page)))
    expect(bins.flatMap(record => Object.keys(record ?? {})).filter(bin => /freeze/i.test(bin))).toEqual([])
    expect(await spendAt(tx, 5, { vout: 2 })).toBe('UTXO_CONSENSUS_FROZEN')
    await expect(shared.freezeUtxos([output], { from: 1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    await shared.unfreezeUtxos([output])
    expect(await spendAt(tx, 5, { vout: 2 })).toBe('ok')
  })

  it('refuses a spent output with its spender', async () => {
    const tx = await created()
    const spender = spending([{ tx, vout: 0 }])
    await store.spend(spender, 5)
    await expect(shared.freezeUtxos([{ txid: tx.txid, vout: 0 }])).rejects.toMatchObject({
      outputs: [{ error: { code: 'UTXO_SPENT', spendingData: { txid: spender.txid, vin: 0 } } }],
    })
  })
})

describe('reassigning', () => {
  const newOutput = { satoshis: 5_000_000_000n, lockingScript: Uint8Array.of(0x52) }

  async function reassigned() {
    const tx = await created(3)
    await store.freezeUtxos([{ txid: tx.txid, vout: 2 }], { from: 1 })
    await store.reassignUtxo({ txid: tx.txid, vout: 2 }, newOutput)
    // What the new owner spends: the same outpoint with another output.
    const outputs = [...tx.outputs.slice(0, 2), newOutput]
    return { tx, forNewOwner: { txid: tx.txid, outputs } as unknown as Transaction }
  }

  it('lesson 40: the new owner can spend 1,000 blocks after the tip, and not before', async () => {
    const { tx, forNewOwner } = await reassigned()
    expect(await spendAt(tx, TIP + 1_000, { vout: 2 })).toBe('UTXO_HASH_MISMATCH')
    expect(await spendAt(forNewOwner, TIP + 999, { vout: 2 })).toBe('UTXO_FROZEN')
    const state = (blockHeight: number) => store.getSpend({ txid: tx.txid, vout: 2 }, { blockHeight })
    expect((await state(TIP + 999)).status).toBe('IMMATURE')
    expect((await state(TIP + 1_000)).status).toBe('OK')
    expect(await spendAt(forNewOwner, TIP + 1_000, { vout: 2 })).toBe('ok')
  })

  it('lesson 72: the new hash is in the slot, and the freeze is gone', async () => {
    const { tx } = await reassigned()
    const { utxos } = await store.get(tx.txid, ['utxos'])
    expect(utxos?.[2]).toEqual({
      state: 'unspent',
      utxoHash: Buffer.from(utxoHash(tx.txid, 2, newOutput.lockingScript, newOutput.satoshis)),
    })
    expect(await store.getFreezeRecords(tx.txid)).toEqual([])
    expect(utxos?.[0]).toMatchObject({
      utxoHash: Buffer.from(utxoHash(tx.txid, 0, LOCKING_SCRIPT, 5_000_000_000n)),
    })
  })

  it('takes the hash itself, too', async () => {
    const tx = await created()
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }])
    const hash = new Uint8Array(32).fill(7)
    const call = store.reassignUtxo({ txid: tx.txid, vout: 0 }, hash)
    // The caller's buffer is its own again when the call has returned.
    hash.fill(8)
    await call
    const { utxos } = await store.get(tx.txid, ['utxos'])
    expect(utxos?.[0]).toMatchObject({ state: 'unspent', utxoHash: Buffer.alloc(32, 7) })
  })

  it('refuses an output that is not frozen, is spent, is another or is missing', async () => {
    const [tx, spent] = [await created(), await created()]
    const flags = { ignorePolicyFreeze: true, ignoreConsensusFreeze: true }
    await store.freezeUtxos([{ txid: spent.txid, vout: 0 }])
    await store.spend(spending([{ tx: spent, vout: 0 }]), 10, flags)
    const code = (output: Parameters<UtxoStore['reassignUtxo']>[0]) =>
      store.reassignUtxo(output, newOutput).catch((error: StoreError) => error.code)
    expect(await code({ txid: tx.txid, vout: 0 })).toBe('UTXO_ERROR')
    expect(await code({ txid: spent.txid, vout: 0 })).toBe('UTXO_ERROR')
    expect(await code({ txid: tx.txid, vout: 0, utxoHash: new Uint8Array(32) })).toBe('UTXO_HASH_MISMATCH')
    expect(await code({ txid: coinbase().txid, vout: 0 })).toBe('TX_NOT_FOUND')
  })

  it('needs the tip: a wait counted from height 0 would be over already', async () => {
    const tx = await created()
    const fresh = await open()
    await fresh.freezeUtxos([{ txid: tx.txid, vout: 0 }])
    await expect(fresh.reassignUtxo({ txid: tx.txid, vout: 0 }, newOutput)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    await fresh.close()
  })
})
