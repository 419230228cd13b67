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
    ['no entries', { entriesMax: 0 }],
    ['no bytes', { bytesMax: 0 }],
    ['a version that is not known', { version: 3 as 2 }],
  ])('refuses %s', (_name, options) => {
    expect(() => producerOn(new ScriptedTopic(1), options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
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
