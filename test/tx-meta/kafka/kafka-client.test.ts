import { expect, it } from '@jest/globals'
import { StoreError } from '../../../lib/errors/index.ts'
import { KafkaSink } from '../../../lib/tx-meta/kafka/kafka-sink.ts'
import { KafkaSource } from '../../../lib/tx-meta/kafka/kafka-source.ts'

const LOGGER = { warn: () => {}, error: () => {} }
const GOOD = { brokers: ['127.0.0.1:9092'], topic: 'txmeta', groupId: 'one', logger: LOGGER }

const unloaded = async (): Promise<never> => {
  throw new StoreError('SERVICE_UNAVAILABLE', 'install node-rdkafka')
}

it.each([
  ['no brokers', { brokers: [] }],
  ['brokers that are no list', { brokers: 'localhost' as unknown as string[] }],
  ['no topic', { topic: '' }],
])('refuses %s', async (_name, wrong) => {
  const options = { ...GOOD, ...wrong }
  await expect(KafkaSink.open(options, unloaded)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(KafkaSource.open(options, unloaded)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

it('refuses no group', async () => {
  await expect(KafkaSource.open({ ...GOOD, groupId: '' }, unloaded)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
})

it('says what to install where the client is missing', async () => {
  await expect(KafkaSink.open(GOOD, unloaded)).rejects.toThrow('install node-rdkafka')
  await expect(KafkaSource.open(GOOD, unloaded)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
})
