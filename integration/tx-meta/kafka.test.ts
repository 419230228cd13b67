import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals'
import { encodeFeedMessage, FeedConsumer, FeedProducer, type FeedTarget } from 'aerospike-utxo-store/tx-meta'
import { KafkaSink, KafkaSource } from 'aerospike-utxo-store/tx-meta/kafka'
import { type MockCluster, startMockCluster } from './mock-cluster.ts'

const PATIENCE_MS = 30_000
/** The mock waits for this long, less a second, whenever a group changes, and three seconds for the first member. */
const GROUP_SETTINGS = { 'session.timeout.ms': 3_600, 'heartbeat.interval.ms': 300 }
const LOGGER = { warn: () => {}, error: () => {} }

/** Resolves when the condition holds, or rejects after a long time. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > end) throw new Error(`it never came to this: ${what}`)
    await delay(10)
  }
}

/** Transactions as a cache would know them, with how often each was removed. */
class Applied implements FeedTarget {
  readonly contents = new Map<string, string>()
  readonly deletes: string[] = []
  onDelete: (txid: string) => Promise<void> | void = () => {}

  add(txid: Uint8Array, content: Uint8Array): void {
    this.contents.set(Buffer.from(txid).toString('hex'), Buffer.from(content).toString())
  }

  async delete(txid: Uint8Array): Promise<void> {
    const hex = Buffer.from(txid).toString('hex')
    await this.onDelete(hex)
    this.contents.delete(hex)
    this.deletes.push(hex)
  }
}

const cluster = await startMockCluster()

if (cluster === undefined)
  it.skip('the feed on Kafka: node-rdkafka is not installed (npm install --no-save node-rdkafka; it builds from source)', () => {})
else feedTests(cluster)

function feedTests({ brokers, createTopic, stop }: MockCluster): void {
  let topic: string
  let sink: KafkaSink
  const running: FeedConsumer[] = []

  beforeEach(async () => {
    topic = await createTopic()
    sink = await KafkaSink.open({ brokers, topic, logger: LOGGER })
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map(consumer => consumer.stop()))
    await sink.close()
  })

  afterAll(stop)

  async function consume(target: FeedTarget, groupId: string): Promise<FeedConsumer> {
    const source = await KafkaSource.open({
      brokers,
      topic,
      groupId,
      logger: LOGGER,
      clientSettings: GROUP_SETTINGS,
    })
    const consumer = new FeedConsumer({ source, target, logger: LOGGER, commitEveryMs: 50, retryMs: 5 })
    running.push(consumer)
    consumer.run().catch(() => {})
    return consumer
  }

  it('carries additions and removals, in order for each transaction', async () => {
    const producer = new FeedProducer({ sink, logger: LOGGER, lingerMs: 1 })
    const kept = Array.from({ length: 300 }, () => randomBytes(32))
    const removed = Array.from({ length: 100 }, () => randomBytes(32))
    const target = new Applied()
    const consumer = await consume(target, topic)
    for (const txid of removed) producer.add(txid, Buffer.from('gone'))
    for (const txid of kept) producer.add(txid, Buffer.from('first'))
    const removals = removed.map(txid => producer.delete(txid))
    for (const txid of kept) producer.add(txid, Buffer.from('second'))
    await Promise.all(removals)
    await producer.close()
    await until(() => consumer.counts.adds === 700 && target.deletes.length === 100, 'everything was applied')
    const second = new Set(target.contents.values())
    expect([target.contents.size, [...second]]).toEqual([300, ['second']])
    expect(sink.partitions).toBe(4)
  })

  it('goes on where the last consumer of the group has stopped, and another group begins at the beginning', async () => {
    const producer = new FeedProducer({ sink, logger: LOGGER, lingerMs: 1 })
    const publish = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) producer.add(randomBytes(32), Buffer.from('x'))
      await producer.flush()
    }
    await publish(40)
    const first = new Applied()
    const consumer = await consume(first, topic)
    await until(() => first.contents.size === 40, 'the first consumer has all')
    await consumer.stop()
    await publish(20)
    const next = await consume(new Applied(), topic)
    const other = await consume(new Applied(), `${topic}-other`)
    await until(() => other.counts.adds === 60, 'the other group has all')
    await until(() => next.counts.adds >= 20, 'the next consumer has the rest')
    expect(next.counts.adds).toBe(20)
    await producer.close()
  })

  it('commits nothing past a removal that failed', async () => {
    const producer = new FeedProducer({ sink, logger: LOGGER, lingerMs: 1 })
    const [before, failing, after] = [1, 2, 3].map(fill => Buffer.alloc(32, 4 * fill)) as [
      Buffer,
      Buffer,
      Buffer,
    ]
    for (const txid of [before, failing, after]) await producer.delete(txid)
    const target = new Applied()
    target.onDelete = txid => {
      if (txid === failing.toString('hex')) throw new Error('the cache does not answer')
    }
    const consumer = await consume(target, topic)
    await until(() => consumer.counts.failures > 3, 'the removal has failed several times')
    await consumer.stop()
    expect(target.deletes).toEqual([before.toString('hex')])
    const next = new Applied()
    await consume(next, topic)
    await until(() => next.deletes.length === 2, 'the next consumer has done it')
    expect(next.deletes).toEqual([failing, after].map(txid => txid.toString('hex')))
    await producer.close()
  })

  it('shares the partitions with another consumer of the group, and nothing is lost when it comes or goes', async () => {
    const producer = new FeedProducer({ sink, logger: LOGGER, lingerMs: 1 })
    const target = new Applied()
    const txids = new Set<string>()
    const publish = async (count: number): Promise<void> => {
      const removals: Promise<void>[] = []
      for (let i = 0; i < count; i++) {
        const txid = randomBytes(32)
        txids.add(txid.toString('hex'))
        removals.push(producer.delete(txid))
      }
      await Promise.all(removals)
    }
    const done = (): Set<string> => new Set(target.deletes)
    const one = await consume(target, topic)
    await publish(200)
    const two = await consume(target, topic)
    for (const end = performance.now() + PATIENCE_MS; two.counts.deletes === 0 && performance.now() < end; ) {
      await publish(8)
      await delay(50)
    }
    expect(two.counts.deletes).toBeGreaterThan(0)
    await one.stop()
    await publish(200)
    await until(() => done().size === txids.size, 'every removal was done')
    expect(done()).toEqual(txids)
    await producer.close()
  })

  it('reads on after a change of the group what was paused before it', async () => {
    const source = await KafkaSource.open({
      brokers,
      topic,
      groupId: topic,
      logger: LOGGER,
      clientSettings: GROUP_SETTINGS,
    })
    const paused = new Set<number>()
    const pause = source.pause.bind(source)
    source.pause = partition => {
      paused.add(partition)
      pause(partition)
    }
    let open = (): void => {}
    const opened = new Promise<void>(resolve => (open = resolve))
    const onRevoke = source.onRevoke.bind(source)
    // What is in work ends when the partitions are taken away, and not before.
    source.onRevoke = handler =>
      onRevoke(partitions => {
        open()
        return handler(partitions)
      })
    const slow = new Applied()
    slow.onDelete = () => opened
    const first = new FeedConsumer({ source, target: slow, logger: LOGGER, queueRecordsMax: 2, retryMs: 5 })
    running.push(first)
    first.run().catch(() => {})
    const txids = new Set<string>()
    for (let partition = 0; partition < sink.partitions; partition++) {
      for (let i = 0; i < 8; i++) {
        const txid = randomBytes(32)
        txids.add(txid.toString('hex'))
        await sink.send(partition, txid, encodeFeedMessage([{ action: 'delete', txid }]))
      }
    }
    await until(() => paused.size === sink.partitions, 'every partition is paused')
    const other = new Applied()
    await consume(other, topic)
    const done = (): Set<string> => new Set([...slow.deletes, ...other.deletes])
    await until(() => done().size === txids.size, 'every removal was done')
    expect(done()).toEqual(txids)
    expect(slow.deletes.length).toBeGreaterThan(sink.partitions)
  })

  it('says so when the topic is not there, or the cluster', async () => {
    await expect(
      KafkaSink.open({ brokers: ['127.0.0.1:1'], topic, logger: LOGGER, connectTimeoutMs: 300 }),
    ).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await expect(
      KafkaSource.open({
        brokers: ['127.0.0.1:1'],
        topic,
        groupId: 'g',
        logger: LOGGER,
        connectTimeoutMs: 300,
      }),
    ).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  })
}
