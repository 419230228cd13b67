import { expect, it } from '@jest/globals'
import { KafkaSink } from '../../../lib/tx-meta/kafka/kafka-sink.ts'
import { type FakeClient, fakeKafka } from './fake-kafka.ts'

const LOGGER = { warn: () => {}, error: () => {} }
const OPTIONS = { brokers: ['127.0.0.1:9092'], topic: 'txmeta', logger: LOGGER }

async function open(): Promise<{ sink: KafkaSink; client: FakeClient }> {
  const { clients, load } = fakeKafka()
  const sink = await KafkaSink.open(OPTIONS, load)
  return { sink, client: clients[0] as FakeClient }
}

/** As the client calls it: the last argument comes back with the report. */
type Produce = (...args: [string, number, Buffer, Buffer, undefined, unknown]) => void

it('has the partitions of the topic, and refuses one that is not there', async () => {
  const { sink } = await open()
  expect(sink.partitions).toBe(2)
  await expect(KafkaSink.open({ ...OPTIONS, topic: 'other' }, fakeKafka().load)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  })
})

it('goes on when the logger throws', async () => {
  const { clients, load } = fakeKafka()
  const warn = (): never => {
    throw new Error('the disk is full')
  }
  const sink = await KafkaSink.open({ ...OPTIONS, logger: { ...LOGGER, warn } }, load)
  expect(() => clients[0]?.emit('event.error', new Error('a broker is gone'))).not.toThrow()
  await sink.close()
})

it('settles each message by its own report', async () => {
  const { sink, client } = await open()
  const reports: unknown[] = []
  const produce: Produce = (...args) => void reports.push(args.at(-1))
  client.produce = produce as () => void
  const sent = [0, 1].map(partition => sink.send(partition, Uint8Array.of(1), Uint8Array.of(2)))
  client.emit('delivery-report', new Error('timed out'), { opaque: reports[1] })
  client.emit('delivery-report', null, { opaque: reports[0] })
  await expect(sent[1]).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  await expect(sent[0]).resolves.toBeUndefined()
  await sink.close()
})

it('rejects what the client does not take, and what has no report when it closes', async () => {
  const { sink, client } = await open()
  const waiting = sink.send(0, Uint8Array.of(1), Uint8Array.of(2))
  client.produce = () => {
    throw new Error('the queue is full')
  }
  await expect(sink.send(0, Uint8Array.of(1), Uint8Array.of(2))).rejects.toThrow('the queue is full')
  const ended = expect(waiting).rejects.toThrow('the sink was closed')
  await sink.close()
  await ended
})
