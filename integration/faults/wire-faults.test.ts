import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type BatchRow, type RowAnswer, UtxoStore } from 'aerospike-utxo-store'
import { type EmbeddedServerHandle, type FaultRule, startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { coinbase } from '../store/sample-transactions.ts'

/**
 * The wire transport and a node whose answers come torn, late, twice, or not at all. Only an embedded server can
 * be told so, and is here whatever --server says.
 */

const SET = 'faults'
const ATTEMPT_MS = 700
const RETRIES = 2
const TOTAL_MS = 10_000
/** On a busy machine what takes its time takes longer. */
const GRACE_MS = 2_000
const STATUS = { TIMEOUT: 9, CLIENT: -1, CONNECTION: -10, NO_RESPONSE: -15 } as const

let server: EmbeddedServerHandle
let store: UtxoStore
/** Prepares and looks at records, with all the time it needs. */
let patient: UtxoStore

beforeAll(async () => {
  server = await startEmbeddedServer()
  const url = `${server.url}?set=${SET}&externalStore=memory:&transport=wire`
  patient = await UtxoStore.open(url)
  store = await UtxoStore.open(url, {
    settings: {
      batchPolicySocketTimeout: ATTEMPT_MS,
      batchPolicyMaxRetries: RETRIES,
      overloadRetryMaxElapsed: 0,
    },
  })
})

afterEach(() => server.faults.clear())

afterAll(async () => {
  await store.close()
  await patient.close()
  await server.close()
})

const keyOf = (name: string) => ({ set: SET, userKey: name })
const put = (name: string, value: number): BatchRow => ({
  kind: 'write',
  key: keyOf(name),
  exists: 'any',
  operations: [{ kind: 'put', bin: 'n', value }],
})
const add = (name: string): BatchRow => ({
  kind: 'write',
  key: keyOf(name),
  exists: 'any',
  operations: [{ kind: 'add', bin: 'n', value: 1 }],
})
const readOf = (name: string): BatchRow => ({ kind: 'read', key: keyOf(name), bins: 'all' })

const send = (rows: readonly BatchRow[], once = false): Promise<readonly RowAnswer[]> =>
  store.transport.batchOperate(rows, { timeout: TOTAL_MS, once })

async function storedValue(name: string): Promise<unknown> {
  const [answer] = await patient.transport.batchOperate([readOf(name)], { timeout: TOTAL_MS })
  return answer?.bins?.n
}

/** Adds a rule for the next requests on records. */
const inject = (fault: FaultRule['fault'], times?: number): Promise<{ hits(): Promise<number> }> =>
  server.faults.add({ match: { kinds: ['batch'] }, fault, ...(times === undefined ? {} : { times }) })

type Case = [string, FaultRule['fault'], number]

/** What becomes of an answer, and the status of its rows where they are not sent again. */
const LOST_ANSWERS: Case[] = [
  ['never comes', { when: 'after', kind: 'drop' }, STATUS.TIMEOUT],
  ['comes late', { when: 'after', kind: 'delay', ms: 2 * ATTEMPT_MS }, STATUS.TIMEOUT],
  ['is cut off in its header', { when: 'after', kind: 'truncate', bytes: 5 }, STATUS.CONNECTION],
  ['is cut off in a row', { when: 'after', kind: 'truncate', bytes: 20 }, STATUS.CONNECTION],
  ['is a reset', { when: 'after', kind: 'reset' }, STATUS.CONNECTION],
  ['is no frame', { when: 'after', kind: 'corrupt', bytes: 200 }, STATUS.CLIENT],
  ['has no row', { when: 'after', kind: 'dropRows', rows: { every: 1 } }, STATUS.NO_RESPONSE],
]

describe('an answer that', () => {
  it.each(LOST_ANSWERS)(
    '%s leaves a change that must not be repeated in doubt, and done once',
    async (what, fault, status) => {
      await inject(fault, 1)
      const failure = await send([add(what)], true).catch((error: unknown) => error)
      expect(failure).toMatchObject({ name: 'BatchError', status, inDoubt: true })
      expect(await storedValue(what)).toBe(1)
    },
  )

  it.each(LOST_ANSWERS.filter(([, , status]) => status === STATUS.TIMEOUT || status === STATUS.CONNECTION))(
    '%s costs a change that may be repeated another attempt',
    async (what, fault) => {
      await inject(fault, 2)
      const [answer] = await send([put(`again ${what}`, 5)])
      expect(answer).toMatchObject({ status: 0, inDoubt: false })
      expect(await storedValue(`again ${what}`)).toBe(5)
    },
  )

  it.each(LOST_ANSWERS)('%s again and again ends within the time of all attempts', async (what, fault) => {
    await inject(fault)
    const startedMs = performance.now()
    await expect(send([readOf(what), readOf('other')])).rejects.toMatchObject({ inDoubt: false })
    expect(performance.now() - startedMs).toBeLessThan((RETRIES + 1) * ATTEMPT_MS + GRACE_MS)
  })
})

describe('the lost answer to', () => {
  /** Loses the answers to calls of functions, and to nothing else. */
  async function losing(work: () => Promise<unknown>): Promise<unknown> {
    const good = store.transport
    store.transport = {
      async batchOperate(rows, options) {
        if (rows[0]?.kind === 'apply') await inject({ when: 'after', kind: 'reset' }, 1)
        return good.batchOperate(rows, options)
      },
    }
    try {
      return await work().catch((error: unknown) => error)
    } finally {
      store.transport = good
    }
  }

  it('a freeze, its end or a reassignment leaves it in doubt: a second try would be refused for what was done', async () => {
    const tx = coinbase()
    store.setBlockState(500, 1_700_000_000)
    await patient.create(tx, 1)
    const output = { txid: tx.txid, vout: 0 }
    const stateOf = async (): Promise<string | undefined> =>
      (await patient.get(tx.txid, ['utxos'])).utxos?.[0]?.state
    const inDoubt = { code: 'STORAGE_ERROR', message: expect.stringContaining('may have been applied') }
    const frozen = await losing(() => store.freezeUtxos([output]))
    expect(frozen).toMatchObject({ name: 'FreezeError', outputs: [{ error: inDoubt }] })
    expect(await stateOf()).toBe('frozen')
    const unfrozen = await losing(() => store.unfreezeUtxos([output]))
    expect(unfrozen).toMatchObject({ name: 'FreezeError', outputs: [{ error: inDoubt }] })
    expect(await stateOf()).toBe('unspent')
    await patient.freezeUtxos([output])
    expect(await losing(() => store.reassignUtxo(output, new Uint8Array(32).fill(7)))).toMatchObject(inDoubt)
    expect(await stateOf()).toBe('unspent')
  })
})

describe('a request that', () => {
  it('was not read counts as sent: what it changes is in doubt', async () => {
    await inject({ when: 'before', kind: 'drop' }, 1)
    await expect(send([add('unread')], true)).rejects.toMatchObject({ status: STATUS.TIMEOUT, inDoubt: true })
    expect(await storedValue('unread')).toBeUndefined()
  })

  it('the partition refused is sent again, and one that the server refused for load is not', async () => {
    await inject({ when: 'before', kind: 'refuse', resultCode: 11, rows: { every: 1 } }, 2)
    expect(await send([put('moved', 1)])).toMatchObject([{ status: 0 }])
    const overload = await inject({ when: 'before', kind: 'refuse', resultCode: 18, rows: { every: 1 } })
    expect(await send([put('busy', 1)])).toMatchObject([{ status: 18, inDoubt: false }])
    expect(await overload.hits()).toBe(1)
  })
})

describe('rows', () => {
  const names = Array.from({ length: 300 }, (_, index) => `row ${index}`)

  beforeAll(async () => {
    await patient.transport.batchOperate(names.map(put), { timeout: TOTAL_MS })
  })

  it('in another order, and some twice, are still each other’s own', async () => {
    await inject({ when: 'after', kind: 'reorderRows' })
    await inject({ when: 'after', kind: 'duplicateRows', rows: { probability: 0.5 } })
    const answers = await send(names.map(readOf))
    expect(answers.map(({ index, bins }) => [index, bins?.n])).toEqual(
      names.map((_, index) => [index, index]),
    )
  })

  it('that are left out have no response, and the others their answers', async () => {
    await inject({ when: 'after', kind: 'dropRows', rows: { probability: 0.3 } }, 1)
    const answers = await send(names.map(readOf))
    const missing = answers.filter(({ status }) => status === STATUS.NO_RESPONSE)
    expect(missing.length).toBeGreaterThan(0)
    for (const { index, status, bins } of answers) if (status === 0) expect(bins).toEqual({ n: index })
    expect(answers.length - missing.length).toBe(answers.filter(({ status }) => status === 0).length)
  })

  it('of an answer that comes twice are never taken for those of the next batch', async () => {
    await inject({ when: 'after', kind: 'duplicate' })
    for (let round = 0; round < 50; round++) {
      // Each of a length of its own, so that a shifted answer would show.
      const asked = names.slice(round, round + 10 + (round % 7))
      const answers = await send(asked.map(readOf)).catch((error: { status: number }) => {
        // A second answer may be there before the batch that finds it: then that one is lost, never wrong.
        expect(error.status).not.toBe(0)
        return []
      })
      for (const { index, status, bins } of answers)
        if (status === 0) expect(bins).toEqual({ n: round + index })
    }
  })
})

it('hundreds of batches at once under all of these end, each with the right values or an error', async () => {
  const chance = { probability: 0.05 }
  for (const [, fault] of LOST_ANSWERS.filter(([what]) => what !== 'is no frame'))
    await server.faults.add({ match: { kinds: ['batch'], requests: chance }, fault })
  const outcomes = await Promise.all(
    Array.from({ length: 300 }, async (_, batch) => {
      const rows = Array.from({ length: 5 }, (_, index) => put(`load ${batch} ${index}`, batch))
      await send(rows).catch(() => {})
      const answers = await send(rows.map((_, index) => readOf(`load ${batch} ${index}`))).catch(() => [])
      return answers.every(({ status, bins }) => status !== 0 || bins?.n === batch)
    }),
  )
  expect(outcomes.filter(isRight => !isRight)).toEqual([])
  await server.faults.clear()
  expect(await send([put('after', 1)])).toMatchObject([{ status: 0 }])
})
