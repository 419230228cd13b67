import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals'
import { type BatchRow, type Transport, UtxoStore } from 'aerospike-utxo-store'
import { AerospikeMetadata, CoalescingMetadata } from 'aerospike-utxo-store/metadata'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'

/** What the server answers where the filter keeps a row out. */
const FILTERED_OUT = 27

let server: TestServer
let store: UtxoStore
let set: string

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set: 'metadata-store' }))
})

beforeEach(() => {
  set = uniqueSet('metadata')
})

afterAll(async () => {
  await store.close()
  await server.close()
})

const text = (value: string): Uint8Array => Buffer.from(value)

async function contents(metadata: AerospikeMetadata): Promise<Record<string, string>> {
  return Object.fromEntries(
    [...(await metadata.entries())].map(([key, value]) => [key, String(Buffer.from(value))]),
  )
}

it('keeps values by key, in one record', async () => {
  const metadata = new AerospikeMetadata({ transport: store.transport, set })
  expect(await metadata.getMetadata('height')).toBeUndefined()
  await metadata.deleteMetadata('never there')
  await metadata.setMetadata('height', text('820000'))
  await metadata.batchMetadata({
    puts: new Map([
      ['tip', text('00ab')],
      ['empty', text('')],
    ]),
    deletes: ['height'],
  })
  expect(await contents(metadata)).toEqual({ tip: '00ab', empty: '' })
  const again = new AerospikeMetadata({ transport: store.transport, set })
  expect(await again.getMetadata('tip')).toEqual(Buffer.from('00ab'))
  const elsewhere = new AerospikeMetadata({ transport: store.transport, set, record: 'other' })
  expect(await contents(elsewhere)).toEqual({})
})

it('refuses a bad entry, and then nothing of its batch is written', async () => {
  const metadata = new AerospikeMetadata({ transport: store.transport, set })
  const puts = new Map([
    ['good', text('1')],
    ['bad', new Uint8Array(16_385)],
  ])
  await expect(metadata.batchMetadata({ puts, deletes: [] })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
  expect(await contents(metadata)).toEqual({})
  await metadata.close()
  await expect(metadata.setMetadata('late', text('1'))).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
})

it('puts many writers in an order, and none gives up', async () => {
  const writers = Array.from({ length: 24 }, () => new AerospikeMetadata({ transport: store.transport, set }))
  await Promise.all(
    writers.map(async (writer, who) => {
      for (let i = 0; i < 10; i++) await writer.setMetadata(`writer ${who}`, text(String(i)))
    }),
  )
  const expected = writers.map((_, who) => [`writer ${who}`, '9'])
  expect(await contents(writers[0] as AerospikeMetadata)).toEqual(Object.fromEntries(expected))
})

it('refuses what the record has no room for, and loses nothing small beside it', async () => {
  const base = new AerospikeMetadata({ transport: store.transport, set })
  const large = new Uint8Array(16_384)
  const fill = (keys: number) => new Map(Array.from({ length: keys }, (_, key) => [`large ${key}`, large]))
  await expect(base.batchMetadata({ puts: fill(64), deletes: [] })).rejects.toMatchObject({
    code: 'PROCESSING',
  })
  expect((await base.entries()).size).toBe(0)
  await base.batchMetadata({ puts: fill(63), deletes: [] })
  const metadata = new CoalescingMetadata(base, { logger: { error: () => {} } })
  void metadata.setMetadata('one too many', large)
  void metadata.setMetadata('last-height', text('850000'))
  await expect(metadata.flush()).rejects.toMatchObject({ message: '1 metadata changes were not written' })
  expect(await base.getMetadata('last-height')).toEqual(Buffer.from('850000'))
  expect((await base.entries()).size).toBe(64)
})

it('lets no batch that arrives late undo a newer one', async () => {
  const held: (readonly BatchRow[])[] = []
  const holding: Transport = {
    async batchOperate(rows, options) {
      const [row] = rows
      if (row?.kind !== 'write' || held.length > 0) return store.transport.batchOperate(rows, options)
      held.push(rows)
      throw new Error('no answer in time')
    },
  }
  const metadata = new AerospikeMetadata({ transport: holding, set })
  await expect(metadata.setMetadata('height', text('old'))).rejects.toThrow('no answer in time')
  await metadata.setMetadata('height', text('new'))
  for (const rows of held) await store.transport.batchOperate(rows, { timeout: 1_000 })
  expect(await contents(metadata)).toEqual({ height: 'new' })
})

it('takes its own batch, repeated by the transport, for applied', async () => {
  const doubling: Transport = {
    async batchOperate(rows, options) {
      if (rows[0]?.kind === 'write') await store.transport.batchOperate(rows, options)
      return store.transport.batchOperate(rows, options)
    },
  }
  const metadata = new AerospikeMetadata({ transport: doubling, set })
  await metadata.setMetadata('a', text('1'))
  await metadata.setMetadata('b', text('2'))
  expect(await contents(metadata)).toEqual({ a: '1', b: '2' })
})

it('takes its own batch, repeated by the transport, for applied where the answer is in doubt, too', async () => {
  const answers: boolean[] = []
  const doubling: Transport = {
    async batchOperate(rows, options) {
      if (rows[0]?.kind !== 'write') return store.transport.batchOperate(rows, options)
      await store.transport.batchOperate(rows, options)
      const repeated = await store.transport.batchOperate(rows, options)
      answers.push(...repeated.map(({ status }) => status === FILTERED_OUT))
      return repeated.map(answer => ({ ...answer, inDoubt: true }))
    },
  }
  const metadata = new AerospikeMetadata({ transport: doubling, set })
  await metadata.setMetadata('a', text('1'))
  await metadata.setMetadata('b', text('2'))
  expect(answers).toEqual([true, true])
  expect(await contents(metadata)).toEqual({ a: '1', b: '2' })
})

it('writes as many keys as the queue holds, and more than one row has operations, as one batch each', async () => {
  const metadata = new AerospikeMetadata({ transport: store.transport, set, timeoutMs: 60_000 })
  const names = Array.from({ length: 66_000 }, (_, number) => String(number))
  const puts = new Map(names.map(name => [name, text('1')]))
  // The second time the keys are there.
  for (const few of [names.slice(0, 8_192), names.slice(4_096, 12_288)])
    await metadata.batchMetadata({ puts: new Map(few.map(name => [name, text('0')])), deletes: [] })
  await metadata.batchMetadata({ puts, deletes: [] })
  const written = Object.entries(await contents(metadata))
  expect(written.filter(([, value]) => value === '1')).toHaveLength(names.length)
  await metadata.batchMetadata({ puts: new Map(), deletes: names.slice(1) })
  expect(await contents(metadata)).toEqual({ 0: '1' })
})

it('brings a thousand asynchronous writes to the server as a handful of operates', async () => {
  let writes = 0
  const counting: Transport = {
    batchOperate(rows, options) {
      if (rows[0]?.kind === 'write') writes += 1
      return store.transport.batchOperate(rows, options)
    },
  }
  const errors: string[] = []
  const base = new AerospikeMetadata({ transport: counting, set })
  const metadata = new CoalescingMetadata(base, {
    logger: { error: (_fields, message) => errors.push(message) },
  })
  for (let i = 0; i < 1_000; i++) {
    void metadata.setMetadata(`key ${i % 10}`, text(String(i)))
    if (i % 100 === 99) await new Promise(resolve => setImmediate(resolve))
  }
  await metadata.close()
  expect(errors).toEqual([])
  expect(writes).toBeLessThanOrEqual(10)
  const reader = new AerospikeMetadata({ transport: store.transport, set })
  expect(Object.values(await contents(reader)).sort()).toEqual([
    '990',
    '991',
    '992',
    '993',
    '994',
    '995',
    '996',
    '997',
    '998',
    '999',
  ])
})
