import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { StoreError } from '../../lib/errors/index.ts'
import { CoalescingMetadata, type CoalescingMetadataOptions } from '../../lib/metadata/coalescing-metadata.ts'
import type { MetadataBatch, MetadataStore } from '../../lib/metadata/metadata-store.ts'

/** A base store in memory whose batches end when the test says so, or at once. */
class ScriptedStore implements MetadataStore {
  readonly values = new Map<string, string>()
  readonly batches: MetadataBatch[] = []
  isClosed = false
  held = false
  failure: Error | undefined
  #release: (() => void) | undefined
  #arrived: (() => void) | undefined

  async getMetadata(key: string): Promise<Uint8Array | undefined> {
    const value = this.values.get(key)
    return value === undefined ? undefined : Buffer.from(value)
  }

  setMetadata(key: string, value: Uint8Array): Promise<void> {
    return this.batchMetadata({ puts: new Map([[key, value]]), deletes: [] })
  }

  deleteMetadata(key: string): Promise<void> {
    return this.batchMetadata({ puts: new Map(), deletes: [key] })
  }

  async batchMetadata(batch: MetadataBatch): Promise<void> {
    if (this.isClosed) throw new Error('written after close')
    this.batches.push(batch)
    this.#arrived?.()
    if (this.held) await new Promise<void>(resolve => (this.#release = resolve))
    if (this.failure !== undefined) throw this.failure
    for (const [key, value] of batch.puts) this.values.set(key, Buffer.from(value).toString())
    for (const key of batch.deletes) this.values.delete(key)
  }

  async close(): Promise<void> {
    this.isClosed = true
  }

  /** Resolves when a batch has come in and is held. */
  arrival(): Promise<void> {
    return new Promise(resolve => (this.#arrived = resolve))
  }

  release(): void {
    this.held = false
    this.#release?.()
  }
}

function setUp(options: { queueKeysMax?: number } = {}): {
  base: ScriptedStore
  metadata: CoalescingMetadata
  logged: object[]
} {
  const base = new ScriptedStore()
  const logged: object[] = []
  const logger = { error: (fields: object) => void logged.push(fields) }
  return { base, metadata: new CoalescingMetadata(base, { ...options, logger }), logged }
}

const text = (value: string): Uint8Array => Buffer.from(value)

describe('lesson 94: asynchronous metadata writes', () => {
  it('makes one batch of a thousand writes to ten keys, with the last value of each', async () => {
    const { base, metadata } = setUp()
    for (let i = 0; i < 1_000; i++) void metadata.setMetadata(`key ${i % 10}`, text(`value ${i}`))
    await metadata.flush()
    expect(base.batches.length).toBe(1)
    expect([...base.values]).toEqual(
      Array.from({ length: 10 }, (_, key) => [`key ${key}`, `value ${990 + key}`]),
    )
  })

  it('has everything in the base store when it is closed at once', async () => {
    const { base, metadata } = setUp({ queueKeysMax: 7 })
    const writes = Array.from({ length: 100 }, (_, i) => metadata.setMetadata(`key ${i}`, text(String(i))))
    await metadata.close()
    await Promise.all(writes)
    expect(base.values.size).toBe(100)
    expect(base.isClosed).toBe(true)
  })

  it('copies the value, so that the caller may use its buffer again', async () => {
    const { base, metadata } = setUp()
    const value = Buffer.from('before')
    void metadata.setMetadata('key', value)
    value.write('after!')
    await metadata.flush()
    expect(base.values.get('key')).toBe('before')
  })

  it.each<[string, (metadata: CoalescingMetadata) => void, string | undefined]>([
    ['set, delete', m => void [m.setMetadata('k', text('1')), m.deleteMetadata('k')], undefined],
    ['delete, set', m => void [m.deleteMetadata('k'), m.setMetadata('k', text('2'))], '2'],
    ['set, set', m => void [m.setMetadata('k', text('1')), m.setMetadata('k', text('2'))], '2'],
  ])('%s in one batch leaves the last', async (_name, write, expected) => {
    const { base, metadata } = setUp()
    base.values.set('k', 'old')
    write(metadata)
    await metadata.flush()
    expect(base.values.get('k')).toBe(expected)
    expect(base.batches.length).toBe(1)
  })

  it('holds a caller up while the queue is full, and keeps the order of a key', async () => {
    const { base, metadata } = setUp({ queueKeysMax: 2 })
    base.held = true
    const arrival = base.arrival()
    void metadata.setMetadata('first', text('0'))
    await arrival
    await metadata.setMetadata('a', text('1'))
    await metadata.setMetadata('b', text('1'))
    const order: string[] = []
    const waits = [
      metadata.setMetadata('c', text('waited')).then(() => order.push('c')),
      metadata.setMetadata('c', text('waited longer')).then(() => order.push('c again')),
    ]
    await metadata.setMetadata('a', text('2'))
    expect(order).toEqual([])
    base.release()
    await Promise.all(waits)
    expect(order).toEqual(['c', 'c again'])
    await metadata.flush()
    expect(Object.fromEntries(base.values)).toEqual({ first: '0', a: '2', b: '1', c: 'waited longer' })
  })

  it('lets nobody overtake a change that waits for room', async () => {
    const { base, metadata } = setUp({ queueKeysMax: 2 })
    const set = (key: string, value: string) => void metadata.setMetadata(key, text(value))
    for (const key of ['a', 'b']) set(key, 'fills the queue')
    set('c', '1')
    set('d', '1')
    set('e', '1')
    set('c', '2')
    // Those for c and d are admitted in this turn.
    await new Promise(resolve => setImmediate(resolve))
    set('c', '3')
    set('e', '2')
    await metadata.flush()
    expect(['c', 'd', 'e'].map(key => base.values.get(key))).toEqual(['3', '1', '2'])
  })

  it('flushes what waits for room, in whatever order it is admitted', async () => {
    const { base, metadata } = setUp({ queueKeysMax: 1 })
    const set = (key: string, value: string) => void metadata.setMetadata(key, text(value))
    set('a', '1')
    set('b', '1')
    set('c', '1')
    set('b', '2')
    await metadata.flush()
    expect(Object.fromEntries(base.values)).toEqual({ a: '1', b: '2', c: '1' })
  })

  it('writes batches one after the other, never two at once', async () => {
    const { base, metadata } = setUp()
    base.held = true
    const arrival = base.arrival()
    void metadata.setMetadata('key', text('old'))
    await arrival
    void metadata.setMetadata('key', text('new'))
    const flushed = metadata.flush()
    await new Promise(resolve => setImmediate(resolve))
    expect(base.batches.length).toBe(1)
    base.release()
    await flushed
    expect(base.values.get('key')).toBe('new')
  })

  it('goes on after a failed batch; flush and close tell the first error, the logger every one', async () => {
    const { base, metadata, logged } = setUp()
    base.failure = new Error('no disk')
    void metadata.setMetadata('lost', text('1'))
    await expect(metadata.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR', cause: base.failure })
    void metadata.setMetadata('lost too', text('1'))
    await expect(metadata.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    base.failure = undefined
    void metadata.setMetadata('kept', text('1'))
    await metadata.flush()
    expect([...base.values.keys()]).toEqual(['kept'])
    expect(logged).toMatchObject([{ event: 'metadata_write_failed' }, { event: 'metadata_write_failed' }])
    await expect(metadata.close()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(base.isClosed).toBe(true)
    // The second close has the same end.
    await expect(metadata.close()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it('tells a failure between two flushes to the second', async () => {
    const { base, metadata } = setUp()
    base.failure = new Error('no disk')
    const arrival = base.arrival()
    void metadata.setMetadata('lost', text('1'))
    await arrival
    base.failure = undefined
    await new Promise(resolve => setImmediate(resolve))
    base.failure = new Error('again')
    void metadata.setMetadata('lost', text('2'))
    await expect(metadata.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    base.failure = undefined
    await metadata.flush()
  })

  it('is not stopped by a logger that throws', async () => {
    const base = new ScriptedStore()
    const metadata = new CoalescingMetadata(base, {
      logger: {
        error: () => {
          throw new Error('no log')
        },
      },
    })
    base.failure = new Error('no disk')
    void metadata.setMetadata('lost', text('1'))
    await expect(metadata.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    base.failure = undefined
    void metadata.setMetadata('kept', text('1'))
    await metadata.flush()
    expect([...base.values.keys()]).toEqual(['kept'])
  })

  it('writes what comes while it closes, after what came before, and refuses what comes later', async () => {
    const { base, metadata } = setUp()
    base.held = true
    const arrival = base.arrival()
    void metadata.setMetadata('key', text('before'))
    await arrival
    const closed = metadata.close()
    const late = [metadata.setMetadata('key', text('late')), metadata.deleteMetadata('other')]
    base.release()
    await Promise.all(late)
    expect(base.values.get('key')).toBe('late')
    await closed
    await expect(metadata.setMetadata('key', text('too late'))).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    })
  })

  it('applies a batch of the caller after what was put down before', async () => {
    const { base, metadata } = setUp()
    void metadata.setMetadata('key', text('queued'))
    await metadata.batchMetadata({ puts: new Map([['key', text('batch')]]), deletes: [] })
    await metadata.flush()
    expect(base.values.get('key')).toBe('batch')
  })

  it('applies what is put down after a batch of the caller after it, and never both at once', async () => {
    const { base, metadata } = setUp()
    base.held = true
    const arrival = base.arrival()
    const batch = metadata.batchMetadata({ puts: new Map([['key', text('batch')]]), deletes: ['other'] })
    void metadata.setMetadata('key', text('later'))
    void metadata.setMetadata('other', text('later'))
    const flushed = metadata.flush()
    await arrival
    await new Promise(resolve => setImmediate(resolve))
    expect(base.batches).toHaveLength(1)
    base.release()
    await Promise.all([batch, flushed])
    expect(Object.fromEntries(base.values)).toEqual({ key: 'later', other: 'later' })
  })

  it('applies a batch of the caller after what waits for room when it comes, and before what comes later', async () => {
    const { base, metadata } = setUp({ queueKeysMax: 1 })
    const set = (key: string, value: string) => void metadata.setMetadata(key, text(value))
    set('a', 'fills the queue')
    set('b', 'waits')
    set('c', 'waits')
    const batch = metadata.batchMetadata({ puts: new Map([['a', text('batch')]]), deletes: ['b'] })
    set('c', 'later')
    await batch
    expect(Object.fromEntries(base.values)).toEqual({ a: 'batch', c: 'waits' })
    await metadata.flush()
    expect(Object.fromEntries(base.values)).toEqual({ a: 'batch', c: 'later' })
  })

  it('copies a batch, so that the caller may use its buffers again', async () => {
    const { base, metadata } = setUp()
    base.values.set('deleted', 'old')
    const value = Buffer.from('before')
    const [puts, deletes] = [new Map<string, Uint8Array>([['key', value]]), ['deleted']]
    const written = metadata.batchMetadata({ puts, deletes })
    value.write('after!')
    puts.set('another', value)
    deletes.pop()
    await written
    expect(Object.fromEntries(base.values)).toEqual({ key: 'before' })
  })

  it('does not refuse a batch of the caller for a change that failed before; flush and close tell of that', async () => {
    const { base, metadata } = setUp()
    const down = new Error('no disk')
    base.failure = down
    const arrival = base.arrival()
    void metadata.setMetadata('lost', text('1'))
    await arrival
    await new Promise(resolve => setImmediate(resolve))
    base.failure = undefined
    await metadata.batchMetadata({ puts: new Map([['kept', text('1')]]), deletes: [] })
    expect(Object.fromEntries(base.values)).toEqual({ kept: '1' })
    await expect(metadata.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR', cause: down })
    await metadata.flush()
    await expect(metadata.close()).rejects.toMatchObject({ code: 'STORAGE_ERROR', cause: down })
  })

  it('hides no failure from flush by what is written while it closes', async () => {
    const { base, metadata } = setUp()
    base.failure = new Error('no disk')
    base.held = true
    const arrival = base.arrival()
    void metadata.setMetadata('lost', text('1'))
    await arrival
    const closed = expect(metadata.close()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    const late = metadata.setMetadata('late', text('1'))
    base.release()
    await expect(late).rejects.toBe(base.failure)
    await expect(metadata.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await closed
  })

  it('writes a batch of the caller that comes while it closes, and refuses one that comes later', async () => {
    const { base, metadata } = setUp()
    base.held = true
    const arrival = base.arrival()
    void metadata.setMetadata('key', text('before'))
    await arrival
    const closed = metadata.close()
    const late = metadata.batchMetadata({ puts: new Map([['key', text('late')]]), deletes: [] })
    base.release()
    await Promise.all([late, closed])
    expect(base.values.get('key')).toBe('late')
    await expect(metadata.batchMetadata({ puts: new Map(), deletes: ['key'] })).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    })
  })

  it.each<[string, (metadata: CoalescingMetadata) => Promise<void>]>([
    ['writes', metadata => metadata.setMetadata('late', text('1'))],
    ['deletes', metadata => metadata.deleteMetadata('late')],
    ['applies batches', metadata => metadata.batchMetadata({ puts: new Map(), deletes: ['late'] })],
  ])('closes while somebody %s without a gap, and writes all that it accepts', async (_name, write) => {
    const { base, metadata } = setUp({ queueKeysMax: 1 })
    for (const key of ['a', 'b', 'c']) void metadata.setMetadata(key, text('before'))
    const closed = metadata.close()
    let accepted = 0
    const writers = [1, 2, 3].map(async () => {
      for (; accepted < 10_000; accepted++) await write(metadata)
    })
    const refusals = Promise.all(
      writers.map(writer => expect(writer).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })),
    )
    await closed
    await refusals
    expect(base.isClosed).toBe(true)
    expect(base.batches.length).toBe(3 + accepted)
    for (const key of ['a', 'b', 'c']) expect(base.values.get(key)).toBe('before')
  })

  it('closes while somebody flushes without a gap', async () => {
    const { base, metadata } = setUp()
    void metadata.setMetadata('key', text('before'))
    let isClosed = false
    let flushes = 0
    const flushing = (async () => {
      for (; !isClosed && flushes < 10_000; flushes++) await metadata.flush()
    })()
    await metadata.close()
    isClosed = true
    await flushing
    expect(flushes).toBeLessThan(10_000)
    expect(base.values.get('key')).toBe('before')
  })

  it('loses only what does not fit, where a batch is refused for want of room', async () => {
    const { base, metadata, logged } = setUp()
    const noRoom = new StoreError('PROCESSING', 'no room')
    const batchMetadata = base.batchMetadata.bind(base)
    base.batchMetadata = async batch => {
      const after = new Map<string, { length: number }>([...base.values, ...batch.puts])
      for (const key of batch.deletes) after.delete(key)
      const bytes = [...after.values()].reduce((sum, value) => sum + value.length, 0)
      if (bytes > 100) throw noRoom
      await batchMetadata(batch)
    }
    base.values.set('old', 'o'.repeat(90))
    const set = (key: string, bytes: number) => void metadata.setMetadata(key, text('x'.repeat(bytes)))
    set('too large', 101)
    set('last-height', 6)
    set('large', 80)
    void metadata.deleteMetadata('old')
    set('beside it', 60)
    set('tip', 32)
    await expect(metadata.flush()).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
      message: '2 metadata changes were not written',
      cause: noRoom,
    })
    expect([...base.values.keys()].sort()).toEqual(['beside it', 'last-height', 'tip'])
    expect(logged).toHaveLength(1)
    set('tip', 31)
    await metadata.flush()
    expect(base.values.get('tip')).toHaveLength(31)
  })

  it('tries a batch that failed otherwise once only', async () => {
    const { base, metadata } = setUp()
    base.failure = new StoreError('STORAGE_ERROR', 'it may have been applied')
    for (const key of ['a', 'b', 'c']) void metadata.setMetadata(key, text('1'))
    await expect(metadata.flush()).rejects.toMatchObject({ message: '3 metadata changes were not written' })
    expect(base.batches).toHaveLength(1)
  })

  it('tells of the first change that failed when the base store cannot be closed either', async () => {
    const close = new Error('still in use')
    const closeFails = () => {
      const { base, metadata } = setUp()
      base.close = () => Promise.reject(close)
      return { base, metadata }
    }
    const { base, metadata } = closeFails()
    base.failure = new Error('no disk')
    void metadata.setMetadata('lost', text('1'))
    await expect(metadata.close()).rejects.toMatchObject({ code: 'STORAGE_ERROR', cause: base.failure })
    await expect(closeFails().metadata.close()).rejects.toBe(close)
  })

  it.each([undefined, {}, { logger: null }, { logger: {} }, { logger: { error: 'text' } }])(
    'refuses %p for want of a logger',
    given => {
      const options = given as unknown as CoalescingMetadataOptions
      expect(() => new CoalescingMetadata(new ScriptedStore(), options)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'logger' }),
      )
    },
  )

  it.each<[string, (metadata: CoalescingMetadata) => unknown]>([
    ['an empty key', m => m.setMetadata('', text('1'))],
    ['a key that is too long', m => m.deleteMetadata('é'.repeat(129))],
    ['a value that is too long', m => m.setMetadata('k', new Uint8Array(16_385))],
    ['a value that is no bytes', m => m.setMetadata('k', 'text' as unknown as Uint8Array)],
    ['a value that is missing', m => m.setMetadata('k', undefined as unknown as Uint8Array)],
    ['a key with a NUL', m => m.setMetadata('a\0b', text('1'))],
    ['a key with half a character', m => m.deleteMetadata('\ud800')],
  ])('refuses %s before anything is put down', (_name, write) => {
    const { metadata } = setUp()
    expect(() => write(metadata)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('ends as the calls in their order would, whatever the timing', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), key: fc.nat(2), value: fc.nat(9) }),
      fc.record({ kind: fc.constant('delete' as const), key: fc.nat(2) }),
      fc.constant({ kind: 'turn' as const }),
      fc.constant({ kind: 'flush' as const }),
      fc.record({ kind: fc.constant('batch' as const), key: fc.nat(2), value: fc.option(fc.nat(9)) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 2 }),
        async (steps, queueKeysMax) => {
          const { base, metadata } = setUp({ queueKeysMax })
          const model = new Map<string, string>()
          for (const each of steps) {
            if (each.kind === 'turn') await new Promise(resolve => setImmediate(resolve))
            else if (each.kind === 'batch') {
              const key = `k${each.key}`
              const puts = new Map(each.value === null ? [] : [[key, text(String(each.value))]])
              void metadata.batchMetadata({ puts, deletes: each.value === null ? [key] : [] })
              if (each.value === null) model.delete(key)
              else model.set(key, String(each.value))
            } else if (each.kind === 'flush') {
              await metadata.flush()
              expect(new Map([...base.values].sort())).toEqual(new Map([...model].sort()))
            } else if (each.kind === 'set') {
              void metadata.setMetadata(`k${each.key}`, text(String(each.value)))
              model.set(`k${each.key}`, String(each.value))
            } else {
              void metadata.deleteMetadata(`k${each.key}`)
              model.delete(`k${each.key}`)
            }
          }
          await metadata.close()
          expect(Object.fromEntries(base.values)).toEqual(Object.fromEntries(model))
          for (const { puts, deletes } of base.batches)
            expect(puts.size + deletes.length).toBeLessThanOrEqual(queueKeysMax)
        },
      ),
      { numRuns: 200 },
    )
  })
})
