import { beforeEach, expect, it } from '@jest/globals'
import { KafkaSource } from '../../../lib/tx-meta/kafka/kafka-source.ts'
import { type FakeClient, fakeKafka } from './fake-kafka.ts'

const ASSIGN = -175
const REVOKE = -174
const LOGGER = { warn: () => {}, error: () => {} }

let source: KafkaSource
let client: FakeClient

beforeEach(async () => {
  const { clients, load } = fakeKafka()
  const options = { brokers: ['127.0.0.1:9092'], topic: 'txmeta', groupId: 'one', logger: LOGGER }
  source = await KafkaSource.open(options, load)
  client = clients[0] as FakeClient
})

const record = (partition: number, offset: number) => ({ partition, offset, value: Buffer.from('x') })

const refuse = (): void => {
  throw new Error('the client is being closed')
}

it('delivers what comes of the partitions that it has', async () => {
  client.polls.push([record(0, 5), record(1, 9)])
  client.rebalance(ASSIGN, [0])
  expect(await source.poll()).toEqual([record(0, 5)])
  expect(await source.poll()).toEqual([])
})

it('commits what was marked, one further, and resolves when the broker has it', async () => {
  client.rebalance(ASSIGN, [0, 1])
  await source.poll()
  source.mark(0, 5)
  source.mark(0, 6)
  source.mark(1, 2)
  client.answersCommits = false
  let isDone = false
  const committing = source.commit().then(() => {
    isDone = true
  })
  await source.poll()
  await source.poll()
  expect([client.calls.at(-1), isDone]).toEqual(['commit 0@7,1@3', false])
  client.answersCommits = true
  await committing
  await source.commit()
  expect(client.calls.filter(call => call.startsWith('commit'))).toHaveLength(1)
})

it('keeps for the next poll what arrives while it waits for a commit', async () => {
  client.rebalance(ASSIGN, [0])
  await source.poll()
  source.mark(0, 1)
  client.polls.push([record(0, 2)])
  await source.commit()
  expect(await source.poll()).toEqual([record(0, 2)])
})

it('stops reading when more arrives than one poll brings while it waits for a commit, and reads on after it', async () => {
  const { clients, load } = fakeKafka()
  const options = { brokers: ['x:1'], topic: 'txmeta', groupId: 'one', logger: LOGGER, pollRecordsMax: 2 }
  const small = await KafkaSource.open(options, load)
  const [other] = clients as [FakeClient]
  // The broker has as many as anybody wants, of the partitions that are not paused.
  let offset = 0
  other.onPoll = () =>
    [0, 1].filter(partition => !other.paused.has(partition)).map(partition => record(partition, offset++))
  other.rebalance(ASSIGN, [0, 1])
  expect(await small.poll()).toHaveLength(2)
  expect(other.paused.size).toBe(0)
  small.mark(0, 0)
  other.answersCommits = false
  const committing = small.commit()
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
  expect([other.paused.size, offset]).toEqual([2, 6])
  small.pause(0)
  small.pause(1)
  small.resume(1)
  expect(other.paused.size).toBe(2)
  other.answersCommits = true
  await committing
  expect((await small.poll()).map(each => each.offset)).toEqual([2, 3, 4, 5])
  expect([...other.paused]).toEqual([0])
  expect(await small.poll()).toEqual([record(1, 6)])
})

it('hands partitions over when their last work is done, and nothing of them is delivered or marked afterwards', async () => {
  client.rebalance(ASSIGN, [0, 1])
  await source.poll()
  source.onRevoke(async partitions => {
    client.calls.push(`revoked ${partitions}`)
    source.mark(0, 4)
    await source.commit()
  })
  client.polls.push([record(0, 5)])
  client.rebalance(REVOKE, [0, 1])
  expect(await source.poll()).toEqual([])
  expect(client.calls).toEqual(['assign 0,1', 'resume 0,1', 'revoked 0,1', 'commit 0@5', 'unassign'])
  source.mark(0, 5)
  await source.commit()
  expect(client.calls.at(-1)).toBe('unassign')
})

it('delivers what came with a revocation before it tells of that', async () => {
  client.rebalance(ASSIGN, [0])
  await source.poll()
  const heard: string[] = []
  source.onRevoke(async () => void heard.push('revoked'))
  client.polls.push([record(0, 5)])
  const polled = (async (): Promise<void> => {
    for (const { offset } of await source.poll()) heard.push(`record ${offset}`)
  })()
  client.rebalance(REVOKE, [0])
  await polled
  await source.poll()
  expect(heard).toEqual(['record 5', 'revoked'])
})

it('reads again what was paused when its partition was taken away', async () => {
  client.rebalance(ASSIGN, [0, 1])
  await source.poll()
  source.pause(1)
  client.rebalance(REVOKE, [0, 1])
  await source.poll()
  source.resume(1)
  client.rebalance(ASSIGN, [1])
  await source.poll()
  expect([...client.paused]).toEqual([])
})

it('outlasts a client that refuses to pause and to resume', async () => {
  client.rebalance(ASSIGN, [0])
  await source.poll()
  client.pause = refuse
  client.resume = refuse
  source.pause(0)
  source.resume(0)
  client.polls.push([record(0, 5)])
  expect(await source.poll()).toEqual([record(0, 5)])
})

it('lets the group go on even when the work on revoked partitions fails', async () => {
  client.rebalance(ASSIGN, [0])
  source.onRevoke(() => Promise.reject(new Error('a removal failed')))
  client.rebalance(REVOKE, [0])
  await source.poll()
  expect(client.calls).toEqual(['assign 0', 'resume 0', 'unassign'])
})

it('takes no partitions while a poll is under way: what that brings belongs to before', async () => {
  client.polls.push([record(0, 7)])
  const before = source.poll()
  client.rebalance(ASSIGN, [0])
  await new Promise(resolve => setImmediate(resolve))
  expect(client.calls).toEqual([])
  expect(await before).toEqual([])
  expect(await source.poll()).toEqual([])
  expect(client.calls).toEqual(['assign 0', 'resume 0'])
})

it('goes on after an error, and rejects when the client has failed for good', async () => {
  client.rebalance(ASSIGN, [0])
  client.polls.push(Object.assign(new Error('no leader'), { code: 5 }), [record(0, 1)])
  expect(await source.poll()).toEqual([])
  expect(await source.poll()).toEqual([record(0, 1)])
  client.polls.push(Object.assign(new Error('fenced'), { code: -150 }))
  await expect(source.poll()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
})

it('goes on when the logger throws', async () => {
  const { clients, load } = fakeKafka()
  const fails = (): never => {
    throw new Error('the disk is full')
  }
  const logger = { warn: fails, error: fails }
  const noted = await KafkaSource.open({ brokers: ['x:1'], topic: 'txmeta', groupId: 'one', logger }, load)
  const [other] = clients as [FakeClient]
  noted.onRevoke(() => Promise.reject(new Error('a removal failed')))
  other.polls.push(Object.assign(new Error('no leader'), { code: 5 }))
  other.rebalance(ASSIGN, [0])
  expect(await noted.poll()).toEqual([])
  other.rebalance(REVOKE, [0])
  expect(await noted.poll()).toEqual([])
  expect(other.calls.at(-1)).toBe('unassign')
  other.emit('event.error', Object.assign(new Error('a broker is gone'), { code: -195 }))
})

it('closes once', async () => {
  await source.close()
  await source.close()
  expect(client.calls).toEqual(['disconnect'])
})
