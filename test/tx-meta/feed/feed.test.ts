import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { FeedConsumer } from '../../../lib/tx-meta/feed/consumer.ts'
import { type FeedReading, readFeedMessage } from '../../../lib/tx-meta/feed/message.ts'
import { FeedProducer, type FeedProducerOptions, partitionOf } from '../../../lib/tx-meta/feed/producer.ts'
import { ScriptedSource, ScriptedTopic, SILENT, until } from './scripted-broker.ts'

const txid = (number: number): Buffer => Buffer.alloc(32, number)

function producerOn(topic: ScriptedTopic, options: Partial<FeedProducerOptions> = {}): FeedProducer {
  return new FeedProducer({ sink: topic, logger: SILENT, lingerMs: 1, retryMs: 1, ...options })
}

describe('FeedProducer', () => {
  it('lesson 89: sends each entry to the partition of its own txid', async () => {
    const topic = new ScriptedTopic(4)
    const producer = producerOn(topic)
    for (let i = 0; i < 40; i++) producer.add(txid(i), Buffer.from('x'))
    await producer.flush()
    for (const [partition, log] of topic.logs.entries()) {
      const found: number[] = []
      const note = (id: Uint8Array): void => void found.push(partitionOf(id, 4))
      for (const message of log) readFeedMessage(message, { add: note, delete: note })
      expect(found).toEqual(new Array(10).fill(partition))
    }
    await producer.close()
  })

  it('lesson 89: gives each message a key, the txid of its first entry', async () => {
    const topic = new ScriptedTopic(2)
    const keys: (readonly [partition: number, key: string])[] = []
    const sink = {
      partitions: topic.partitions,
      send: (partition: number, key: Uint8Array, value: Uint8Array) => {
        keys.push([partition, Buffer.from(key).toString('hex')])
        return topic.send(partition, key, value)
      },
    }
    const producer = new FeedProducer({ sink, logger: SILENT })
    producer.add(txid(3), Buffer.from('x'))
    producer.add(txid(5), Buffer.from('x'))
    const removed = producer.delete(txid(4))
    await Promise.all([producer.close(), removed])
    expect(new Map(keys)).toEqual(
      new Map([3, 4].map(number => [partitionOf(txid(number), 2), txid(number).toString('hex')])),
    )
  })

  it('makes messages of as many entries as are allowed, and a last one after the linger', async () => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic, { entriesMax: 3 })
    for (let i = 0; i < 7; i++) producer.add(txid(i), Buffer.from('x'))
    await until(() => topic.logs[0]?.length === 3, 'three messages')
    const counts = topic.logs[0]?.map(
      message => readFeedMessage(message, { add: () => {}, delete: () => {} }).entries,
    )
    expect(counts).toEqual([3, 3, 1])
    await producer.close()
  })

  const readings = (topic: ScriptedTopic): FeedReading[] =>
    topic.logs.flat().map(message => readFeedMessage(message, { add: () => {}, delete: () => {} }))

  it('makes no message larger than a broker takes, unless one entry is', async () => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic, { bytesMax: 1_000 })
    for (const bytes of [300, 300, 300, 2_000, 10]) producer.add(txid(bytes), Buffer.alloc(bytes))
    await producer.delete(txid(1))
    expect(readings(topic).map(({ entries }) => entries)).toEqual([2, 1, 1, 2])
    expect(topic.logs[0]?.map(message => message.byteLength <= 1_000)).toEqual([true, true, false, true])
    await producer.close()
  })

  it('makes messages of version 2 where it is told to', async () => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic, { version: 2 })
    await producer.delete(txid(1))
    expect(readings(topic)).toEqual([{ version: 2, entries: 1, defect: undefined }])
    await producer.close()
  })

  it('makes no message of version 1 that can be taken for one of version 2', async () => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic)
    // As a number this txid is small enough for the count of a message of version 2.
    for (let i = 0; i < 767; i++) producer.add(Buffer.alloc(32), Buffer.from('something'))
    await producer.flush()
    expect(readings(topic)).toEqual([
      { version: 1, entries: 766, defect: undefined },
      { version: 1, entries: 1, defect: undefined },
    ])
    await producer.close()
  })

  it.each([
    ['entriesMax', 0],
    ['bytesMax', 0],
    ['queuedBytesMax', 0],
    ['version', 3],
    ['lingerMs', -1],
    ['lingerMs', 2 ** 31],
    ['retries', Number.POSITIVE_INFINITY],
    ['retries', -1],
    ['retryMs', Number.NaN],
    ['retryMs', '1'],
  ])('refuses %s of %p', (field, value) => {
    expect(() => producerOn(new ScriptedTopic(1), { [field]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
    )
  })

  it('refuses a topic without partitions', () => {
    expect(() => producerOn(new ScriptedTopic(0))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'sink.partitions' }),
    )
  })

  it.each([
    ['too short', Buffer.alloc(31)],
    ['too long', Buffer.alloc(33)],
    ['text', '00'.repeat(32)],
    ['a list', new Array(32).fill(0)],
    ['nothing', undefined],
  ])('refuses a txid that is %s, and what it has taken goes out all the same', async (_name, wrong) => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic)
    const bad = wrong as Uint8Array
    producer.add(txid(1), Buffer.from('x'))
    const removed = producer.delete(txid(2))
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'txid' })
    expect(() => producer.add(bad, Buffer.from('x'))).toThrow(refusal)
    await expect(producer.delete(bad)).rejects.toEqual(refusal)
    await removed
    expect(readings(topic)).toEqual([{ version: 1, entries: 2, defect: undefined }])
    expect(producer.addsLost).toBe(0)
    await producer.close()
  })

  it('refuses content that is not bytes', async () => {
    const producer = producerOn(new ScriptedTopic(1))
    expect(() => producer.add(txid(1), 'x' as unknown as Uint8Array)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'content' }),
    )
    await producer.close()
  })

  it('holds a bounded number of bytes while the broker is away, and passes over additions, but no removal', async () => {
    const topic = new ScriptedTopic(2)
    const warnings: string[] = []
    const logger = { ...SILENT, warn: (_fields: object, message: string) => void warnings.push(message) }
    const producer = producerOn(topic, { logger, queuedBytesMax: 5_000, entriesMax: 4 })
    let isThere = (): void => {}
    const away = new Promise<void>(resolve => (isThere = resolve))
    const send = topic.send.bind(topic)
    topic.send = (...message) => away.then(() => send(...message))
    // 1,045 bytes each with what comes around the content.
    for (let i = 0; i < 10; i++) producer.add(txid(i), Buffer.alloc(1_000))
    const removals = Array.from({ length: 200 }, (_, i) => producer.delete(txid(i)))
    producer.add(txid(1), Buffer.from('x'))
    expect([producer.addsLost, warnings.length]).toEqual([7, 1])
    isThere()
    await Promise.all(removals)
    await producer.flush()
    expect(readings(topic).reduce((sum, { entries }) => sum + entries, 0)).toBe(204)
    // Another episode, and another warning.
    for (let i = 0; i < 5; i++) producer.add(txid(i), Buffer.alloc(1_000))
    expect([producer.addsLost, warnings.length]).toEqual([8, 2])
    await producer.close()
  })

  it('has room again for what was lost', async () => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic, { queuedBytesMax: 1_500 })
    topic.onSend = () => {
      throw new Error('no leader')
    }
    for (let i = 1; i <= 3; i++) {
      producer.add(txid(i), Buffer.alloc(1_000))
      await producer.flush()
    }
    topic.onSend = () => {}
    producer.add(txid(4), Buffer.alloc(1_000))
    await producer.flush()
    expect([producer.addsLost, readings(topic).length]).toEqual([3, 1])
    await producer.close()
  })

  it('settles removals and goes on when the logger throws', async () => {
    const topic = new ScriptedTopic(1)
    const fails = (): never => {
      throw new Error('the disk is full')
    }
    const producer = producerOn(topic, { retries: 0, logger: { warn: fails, error: fails } })
    topic.onSend = () => {
      throw new Error('no leader')
    }
    await expect(producer.delete(txid(1))).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    topic.onSend = () => {}
    await producer.delete(txid(1))
    expect(readings(topic).length).toBe(1)
    await producer.close()
  })

  it('counts an addition that is not taken, and tries a removal again until it is', async () => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic)
    let failures = 2
    topic.onSend = () => {
      if (failures-- > 0) throw new Error('no leader')
    }
    producer.add(txid(1), Buffer.from('x'))
    await producer.flush()
    expect(producer.addsLost).toBe(1)
    const removed = producer.delete(txid(1))
    await producer.flush()
    await removed
    expect(topic.logs[0]?.length).toBe(1)
    await producer.close()
  })

  it.each([new TypeError('x is not a function'), 'a string', undefined])(
    'tries a removal again whatever the sink throws: %p',
    async thrown => {
      const topic = new ScriptedTopic(1)
      const producer = producerOn(topic, { retries: 2 })
      let failures = 2
      topic.onSend = () => {
        if (failures-- > 0) throw thrown
      }
      await producer.delete(txid(1))
      expect(topic.logs[0]).toHaveLength(1)
      await producer.close()
    },
  )

  it('surfaces a removal that is never taken', async () => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic, { retries: 2 })
    let attempts = 0
    topic.onSend = () => {
      attempts += 1
      throw new Error('no leader')
    }
    const removed = producer.delete(txid(1))
    await expect(removed).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect(attempts).toBe(3)
    await producer.close()
    expect(() => producer.add(txid(1), Buffer.from('x'))).toThrow(
      expect.objectContaining({ code: 'SERVICE_UNAVAILABLE' }),
    )
  })

  it('keeps the order of a transaction while its first message is tried again', async () => {
    const topic = new ScriptedTopic(1)
    const producer = producerOn(topic)
    let failures = 1
    topic.onSend = () => {
      if (failures-- > 0) throw new Error('no leader')
    }
    const removed = producer.delete(txid(1))
    const first = producer.flush()
    producer.add(txid(1), Buffer.from('again'))
    await Promise.all([first, producer.flush(), removed])
    const actions: string[] = []
    const note = (action: string) => (): void => void actions.push(action)
    for (const message of topic.logs[0] ?? [])
      readFeedMessage(message, { add: note('add'), delete: note('delete') })
    expect(actions).toEqual(['delete', 'add'])
    await producer.close()
  })
})

describe('producer and consumer together', () => {
  it('leave the cache as the last word of each transaction says, over failures, rebalances and restarts', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('add' as const), id: fc.nat(9), value: fc.nat(99) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), id: fc.nat(9) }) },
      { weight: 2, arbitrary: fc.constant({ kind: 'turn' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('rebalance' as const), partition: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'fail' as const }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async steps => {
        const topic = new ScriptedTopic(3)
        const producer = producerOn(topic, { entriesMax: 4 })
        const expected = new Map<number, string>()
        const cache = new Map<number, string>()
        let failures = 0
        const target = {
          add: (id: Uint8Array, content: Uint8Array) =>
            void cache.set(id[0] ?? 0, Buffer.from(content).toString()),
          delete: async (id: Uint8Array) => {
            await undefined
            if (failures > 0) {
              failures -= 1
              throw new Error('not now')
            }
            cache.delete(id[0] ?? 0)
          },
        }
        const start = () => {
          const source = new ScriptedSource(topic, [0, 1, 2], 2)
          const consumer = new FeedConsumer({
            source,
            target,
            logger: SILENT,
            commitEveryMs: 0,
            queueRecordsMax: 100,
            retryMs: 1,
          })
          return { source, consumer, running: consumer.run() }
        }
        let current = start()
        const play = async () => {
          for (const each of steps) {
            if (each.kind === 'add') {
              producer.add(txid(each.id), Buffer.from(String(each.value)))
              expected.set(each.id, String(each.value))
            } else if (each.kind === 'delete') {
              void producer.delete(txid(each.id))
              expected.delete(each.id)
            } else if (each.kind === 'turn') await new Promise(resolve => setImmediate(resolve))
            else if (each.kind === 'fail') failures = 1
            else if (each.kind === 'restart') {
              await current.consumer.stop()
              await current.running
              current = start()
            } else {
              await current.source.revoke([each.partition])
              current.source.assign(each.partition)
            }
          }
          await producer.close()
          await until(
            () => topic.logs.every((log, partition) => topic.committed[partition] === log.length),
            'everything committed',
          )
        }
        // A consumer that went on after a failure would keep the process from ending.
        await play().finally(() => current.consumer.stop())
        await current.running
        expect(Object.fromEntries(cache)).toEqual(Object.fromEntries(expected))
      }),
      { numRuns: 60 },
    )
  })
})
