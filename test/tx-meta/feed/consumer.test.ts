import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type { FeedRecord } from '../../../lib/tx-meta/feed/broker.ts'
import {
  FeedConsumer,
  type FeedConsumerOptions,
  type FeedTarget,
} from '../../../lib/tx-meta/feed/consumer.ts'
import { encodeFeedMessage, type FeedEntry } from '../../../lib/tx-meta/feed/message.ts'
import { ScriptedSource, ScriptedTopic, SILENT, until } from './scripted-broker.ts'

const txid = (number: number): Buffer => Buffer.alloc(32, number)
const add = (number: number, content = 'x'): FeedEntry => ({
  action: 'add',
  txid: txid(number),
  content: Buffer.from(content),
})
const remove = (number: number): FeedEntry => ({ action: 'delete', txid: txid(number) })

/** A target that notes what it is told, by the first byte of the txid. */
class NotingTarget implements FeedTarget {
  readonly told: string[] = []
  readonly contents = new Map<number, string>()
  onAdd: (number: number) => void = () => {}
  onDelete: (number: number) => Promise<void> | void = () => {}

  add(id: Uint8Array, content: Uint8Array): void {
    const number = id[0] ?? 0
    this.onAdd(number)
    this.told.push(`+${number}`)
    this.contents.set(number, Buffer.from(content).toString())
  }

  delete(id: Uint8Array): Promise<void> | void {
    const number = id[0] ?? 0
    const done = (): void => {
      this.told.push(`-${number}`)
      this.contents.delete(number)
    }
    const waited = this.onDelete(number)
    if (waited === undefined) return done()
    return waited.then(done)
  }
}

function gate(): { open(): void; opened: Promise<void> } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => (open = resolve))
  return { open, opened }
}

/** Those of the test, so that one that fails leaves none running. */
const consumers: FeedConsumer[] = []

afterEach(async () => {
  await Promise.race([
    Promise.all(consumers.splice(0).map(consumer => consumer.stop())),
    new Promise(resolve => setTimeout(resolve, 100).unref()),
  ])
})

function setUp(partitions: number, options: Partial<FeedConsumerOptions> & { pollRecordsMax?: number } = {}) {
  const topic = new ScriptedTopic(partitions)
  const source = new ScriptedSource(topic, [...topic.logs.keys()], options.pollRecordsMax)
  const target = new NotingTarget()
  const consumer = new FeedConsumer({ source, target, logger: SILENT, commitEveryMs: 0, ...options })
  consumers.push(consumer)
  const send = (partition: number, ...entries: FeedEntry[]): void => {
    topic.logs[partition]?.push(encodeFeedMessage(entries))
  }
  return { topic, source, target, consumer, send }
}

describe('FeedConsumer', () => {
  it('applies the entries of a message and the messages of a partition in order', async () => {
    const { topic, target, consumer, send } = setUp(1)
    send(0, add(1, 'old'), add(2), remove(1))
    send(0, add(1, 'new'))
    const running = consumer.run()
    await until(() => topic.committed[0] === 2, 'both committed')
    expect(target.told).toEqual(['+1', '+2', '-1', '+1'])
    expect(target.contents.get(1)).toBe('new')
    await consumer.stop()
    await running
  })

  it('lesson 85: a removal is done before its message is committed, and a failed one is applied again', async () => {
    const { topic, target, consumer, send } = setUp(1)
    const held = gate()
    let attempts = 0
    target.onDelete = async () => {
      attempts += 1
      if (attempts === 1) throw new Error('the cache is not there')
      await held.opened
    }
    send(0, remove(1))
    send(0, add(2))
    const running = consumer.run()
    await until(() => attempts === 2, 'a second attempt')
    expect(topic.committed[0]).toBe(0)
    expect(target.told).toEqual([])
    held.open()
    await until(() => topic.committed[0] === 2, 'both committed')
    expect(target.told).toEqual(['-1', '+2'])
    expect(consumer.counts).toMatchObject({ failures: 1 })
    await consumer.stop()
    await running
  })

  it('goes on where the source refuses to pause and to resume, and asks it to resume again', async () => {
    const events: unknown[] = []
    const note = (fields: object): void => void events.push((fields as { event?: unknown }).event)
    const { topic, source, target, consumer, send } = setUp(1, {
      queueRecordsMax: 2,
      pollRecordsMax: 10,
      logger: { warn: note, error: note },
    })
    target.onDelete = () => new Promise(resolve => setImmediate(resolve))
    const pause = source.pause.bind(source)
    const resume = source.resume.bind(source)
    source.pause = partition => {
      pause(partition)
      throw new Error('pause refused')
    }
    let refusals = 2
    source.resume = partition => {
      if (refusals-- > 0) throw new Error('resume refused')
      resume(partition)
    }
    for (let number = 0; number < 10; number++) send(0, remove(number))
    const running = consumer.run()
    await until(() => refusals < 0 && !source.paused.has(0), 'a resumed partition')
    send(0, remove(10))
    await until(() => topic.committed[0] === 11, 'all committed')
    expect(events.filter(event => event === 'feed_resume_failed')).toHaveLength(2)
    expect(events).toContain('feed_pause_failed')
    await consumer.stop()
    await running
  })

  it('commits in time after the clock of the machine was set back', async () => {
    const { topic, consumer, send } = setUp(1, { commitEveryMs: 1 })
    send(0, remove(1))
    const running = consumer.run()
    await until(() => topic.committed[0] === 1, 'a commit')
    const clock = jest.spyOn(Date, 'now').mockReturnValue(0)
    try {
      send(0, remove(2))
      await until(() => topic.committed[0] === 2, 'a commit after it')
    } finally {
      clock.mockRestore()
    }
    await consumer.stop()
    await running
  })

  it('lesson 86: nothing behind a message that fails is committed; the next consumer gets it again', async () => {
    const { topic, target, consumer, send } = setUp(1)
    target.onDelete = number => {
      if (number === 7) throw new Error('it will not go')
    }
    send(0, add(1))
    send(0, remove(7))
    send(0, add(2))
    const running = consumer.run()
    await until(() => consumer.counts.failures > 0, 'a failure')
    await consumer.stop()
    await running
    expect(topic.committed[0]).toBe(1)
    expect(target.told).toEqual(['+1'])
    const second = new NotingTarget()
    const next = new FeedConsumer({
      source: new ScriptedSource(topic, [0]),
      target: second,
      logger: SILENT,
      commitEveryMs: 0,
    })
    const again = next.run()
    await until(() => topic.committed[0] === 3, 'the rest')
    expect(second.told).toEqual(['-7', '+2'])
    await next.stop()
    await again
  })

  it('lesson 87: messages of one partition are never applied at the same time, not even of two polls', async () => {
    const { topic, target, consumer, send } = setUp(1, { pollRecordsMax: 1 })
    let inWork = 0
    let most = 0
    target.onDelete = async () => {
      inWork += 1
      most = Math.max(most, inWork)
      for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
      inWork -= 1
    }
    for (let i = 0; i < 5; i++) send(0, remove(i))
    const running = consumer.run()
    await until(() => topic.committed[0] === 5, 'all')
    expect(most).toBe(1)
    expect(target.told).toEqual(['-0', '-1', '-2', '-3', '-4'])
    await consumer.stop()
    await running
  })

  it('lets no partition wait for a slow one', async () => {
    const { topic, target, consumer, send } = setUp(2)
    const held = gate()
    target.onDelete = () => held.opened
    send(0, remove(1))
    const running = consumer.run()
    for (let i = 10; i < 40; i++) {
      send(1, add(i))
      await new Promise(resolve => setImmediate(resolve))
    }
    await until(() => topic.committed[1] === 30, 'the other partition')
    expect(topic.committed[0]).toBe(0)
    held.open()
    await until(() => topic.committed[0] === 1, 'the slow one')
    await consumer.stop()
    await running
  })

  it('lesson 83: holds a bounded number of messages of a slow partition, and reads on when there is room', async () => {
    const { topic, source, target, consumer, send } = setUp(1, { queueRecordsMax: 4, pollRecordsMax: 3 })
    const held = gate()
    let begun = 0
    target.onDelete = () => {
      begun += 1
      return held.opened
    }
    for (let i = 0; i < 50; i++) send(0, remove(i))
    const running = consumer.run()
    await until(() => source.paused.has(0), 'a pause')
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(begun).toBe(1)
    expect(source.paused.has(0)).toBe(true)
    held.open()
    await until(() => topic.committed[0] === 50, 'all')
    expect(target.told.length).toBe(50)
    await consumer.stop()
    await running
  })

  it('blocks while it catches up, and passes additions over, but no removal, when it cannot keep up live', async () => {
    const { topic, source, target, consumer, send } = setUp(1, { queueRecordsMax: 2, pollRecordsMax: 10 })
    for (let i = 0; i < 9; i++) send(0, add(i))
    source.highWaterMark = () => 1_000
    const running = consumer.run()
    await until(() => topic.committed[0] === 9, 'caught up')
    expect(consumer.counts).toMatchObject({ adds: 9, addsLost: 0 })
    // From now on it is at the end of the topic.
    source.highWaterMark = () => topic.logs[0]?.length ?? 0
    send(0, add(100))
    await until(() => topic.committed[0] === 10, 'live')
    const held = gate()
    target.onDelete = () => held.opened
    send(0, remove(50))
    for (let i = 101; i < 109; i++) send(0, add(i), remove(i + 100))
    await until(() => source.paused.has(0), 'a pause')
    held.open()
    await until(() => topic.committed[0] === 19, 'all')
    const { adds, addsLost, deletes } = consumer.counts
    expect(deletes).toBe(9)
    expect(addsLost).toBeGreaterThan(0)
    expect(adds + addsLost).toBe(18)
    await consumer.stop()
    await running
  })

  it('passes nothing over where one poll brings more than the queue holds, and all of it is applied at once', async () => {
    const { topic, source, consumer, send } = setUp(2, { queueRecordsMax: 2, pollRecordsMax: 50 })
    const pause = jest.spyOn(source, 'pause')
    send(0, add(0))
    for (let i = 1; i < 200; i++) send(1, add(i))
    const running = consumer.run()
    await until(() => topic.committed[1] === 199, 'caught up')
    for (let i = 0; i < 40; i++) send(1, add(i))
    await until(() => topic.committed[1] === 239, 'a burst')
    expect(consumer.counts).toMatchObject({ adds: 240, addsLost: 0 })
    expect(pause).not.toHaveBeenCalled()
    await consumer.stop()
    await running
  })

  it('has not caught up before what is in front of the last message is applied', async () => {
    const { topic, source, target, consumer, send } = setUp(1, { queueRecordsMax: 2, pollRecordsMax: 20 })
    const held = gate()
    target.onDelete = () => held.opened
    send(0, remove(100))
    for (let i = 0; i < 9; i++) send(0, add(i))
    const running = consumer.run()
    await until(() => source.paused.has(0), 'a pause')
    held.open()
    await until(() => topic.committed[0] === 10, 'all')
    expect(consumer.counts).toMatchObject({ adds: 9, addsLost: 0 })
    await consumer.stop()
    await running
  })

  it('reads a partition on that was taken away while it was paused, and came back', async () => {
    const { topic, source, target, consumer, send } = setUp(1, { queueRecordsMax: 2, pollRecordsMax: 10 })
    const held = gate()
    target.onDelete = () => held.opened
    for (let i = 0; i < 20; i++) send(0, remove(i))
    const running = consumer.run()
    await until(() => source.paused.has(0), 'a pause')
    held.open()
    const revoked = source.revoke([0])
    await revoked
    source.assign(0)
    await until(() => topic.committed[0] === 20, 'all')
    await consumer.stop()
    await running
  })

  it('acknowledges what cannot be read, after what could', async () => {
    const { topic, target, consumer, send } = setUp(1)
    send(0, add(1), add(2))
    const log = topic.logs[0] ?? []
    log.push(Buffer.from(log[0] ?? []).subarray(0, 79), Buffer.alloc(2), Buffer.alloc(0))
    ;(log as (Uint8Array | null | undefined)[]).push(null, undefined)
    send(0, add(3))
    const running = consumer.run()
    await until(() => topic.committed[0] === 7, 'all')
    expect(target.told).toEqual(['+1', '+2', '+1', '+3'])
    expect(consumer.counts).toMatchObject({ messages: 7, defects: 3 })
    await consumer.stop()
    await running
  })

  it('counts an addition that the cache refuses, and goes on', async () => {
    const { topic, target, consumer, send } = setUp(1)
    target.onAdd = number => {
      if (number === 1) throw new Error('too large')
    }
    send(0, add(1), add(2))
    const running = consumer.run()
    await until(() => topic.committed[0] === 1, 'committed')
    expect(consumer.counts).toMatchObject({ adds: 1, addsLost: 1, failures: 0 })
    await consumer.stop()
    await running
  })

  describe('lesson 88: every way out waits for what is in work, then commits, then closes', () => {
    it.each<[string, (source: ScriptedSource, consumer: FeedConsumer) => Promise<unknown>, boolean]>([
      ['a stop', (_source, consumer) => consumer.stop(), true],
      [
        'a source that is gone',
        async source => {
          source.failure = new Error('no broker')
        },
        false,
      ],
    ])('%s', async (_name, leave, resolves) => {
      const { topic, source, target, consumer, send } = setUp(1)
      const held = gate()
      target.onDelete = () => held.opened
      send(0, remove(1))
      send(0, add(2))
      const ended = consumer.run().then(
        () => true,
        () => false,
      )
      await until(() => consumer.counts.messages === 1, 'a message in work')
      const left = leave(source, consumer)
      for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
      expect(source.isClosed).toBe(false)
      held.open()
      await left
      // Who stops a consumer need not have its `run` at hand.
      if (resolves) expect(source.isClosed).toBe(true)
      expect(await ended).toBe(resolves)
      expect(target.told).toEqual(['-1'])
      expect(topic.committed[0]).toBe(1)
      expect(source.events.slice(-2)).toEqual(['commit', 'close'])
    })
  })

  it('lesson 84: a message that arrives after the stop is passed over without an error', async () => {
    const { topic, source, target, consumer, send } = setUp(1)
    const held = gate()
    const poll = source.poll.bind(source)
    source.poll = async () => {
      const records = await poll()
      await held.opened
      return records
    }
    send(0, add(1))
    const running = consumer.run()
    const stopped = consumer.stop()
    held.open()
    await Promise.all([running, stopped])
    expect(target.told).toEqual([])
    expect(topic.committed[0]).toBe(0)
  })

  it('ends the record in work before a partition goes to another consumer, and commits nothing after it', async () => {
    const { topic, source, target, consumer, send } = setUp(2)
    const held = gate()
    target.onDelete = () => held.opened
    send(0, remove(1))
    send(0, add(2))
    const running = consumer.run()
    await until(() => consumer.counts.messages === 1, 'a message in work')
    let isRevoked = false
    const revoked = source.revoke([0]).then(() => {
      isRevoked = true
    })
    for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(isRevoked).toBe(false)
    held.open()
    await revoked
    expect(topic.committed[0]).toBe(1)
    send(1, add(3))
    await until(() => topic.committed[1] === 1, 'the partition that stayed')
    expect(target.told).toEqual(['-1', '+3'])
    expect(topic.committed[0]).toBe(1)
    await consumer.stop()
    await running
  })

  it('lesson 86: what comes while its partition is taken away does not pass a message that failed', async () => {
    const { topic, source, target, consumer, send } = setUp(1, { commitEveryMs: 1_000_000 })
    const late: FeedRecord[] = []
    const poll = source.poll.bind(source)
    source.poll = async () => [...(await poll()), ...late.splice(0)]
    target.onDelete = number => {
      if (number === 7) throw new Error('it will not go')
    }
    send(0, remove(7))
    const running = consumer.run()
    await until(() => consumer.counts.failures > 0, 'a failure')
    await until(() => source.events.includes('commit'), 'the commit after the first poll')
    const held = gate()
    const commit = source.commit.bind(source)
    source.commit = () => held.opened.then(commit)
    const revoked = source.revoke([0])
    late.push({ partition: 0, offset: 1, value: encodeFeedMessage([remove(2)]) })
    await until(() => late.length === 0, 'a poll')
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
    held.open()
    await revoked
    expect([topic.committed[0], target.told]).toEqual([0, []])
    source.commit = commit
    target.onDelete = () => {}
    source.assign(0)
    await until(() => target.told.length === 1, 'it is read again')
    expect(target.told).toEqual(['-7'])
    await consumer.stop()
    await running
    expect(topic.committed[0]).toBe(1)
  })

  it('lesson 86: nor does the first message of a partition that is being taken away', async () => {
    const { topic, source, target, consumer } = setUp(1, { commitEveryMs: 1_000_000 })
    const late: FeedRecord[] = []
    source.poll = () => new Promise(resolve => setImmediate(() => resolve(late.splice(0))))
    const running = consumer.run()
    const held = gate()
    const commit = source.commit.bind(source)
    source.commit = () => held.opened.then(commit)
    const revoked = source.revoke([0])
    late.push({ partition: 0, offset: 0, value: encodeFeedMessage([remove(2)]) })
    await until(() => late.length === 0, 'a poll')
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
    held.open()
    await revoked
    expect([topic.committed[0], target.told]).toEqual([0, []])
    await consumer.stop()
    await running
  })

  it('goes on when the logger throws', async () => {
    const fails = (): never => {
      throw new Error('the disk is full')
    }
    const { topic, target, consumer, send } = setUp(1, { logger: { warn: fails, error: fails }, retryMs: 1 })
    let failures = 1
    target.onDelete = () => {
      if (failures-- > 0) throw new Error('not now')
    }
    topic.logs[0]?.push(Buffer.alloc(2))
    send(0, remove(1))
    const running = consumer.run()
    await until(() => topic.committed[0] === 2, 'all')
    expect(consumer.counts).toMatchObject({ defects: 1, failures: 1 })
    expect(target.told).toEqual(['-1'])
    await consumer.stop()
    await running
  })

  it.each([
    ['queueRecordsMax', 0],
    ['commitEveryMs', -1],
    ['commitEveryMs', Number.NaN],
    ['retryMs', 0],
    ['retryMs', 2 ** 31],
    ['retryMs', '50'],
  ])('refuses %s of %p', (field, value) => {
    expect(() => setUp(1, { [field]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
    )
  })
})
