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

const NOT_MS = [0, -1, 0.5, Number.NaN, 2 ** 31, '5']

it.each(NOT_MS)('refuses a time of %p, by its name', async wrong => {
  const value = wrong as number
  const refusal = (field: string) => ({ code: 'INVALID_ARGUMENT', field })
  const connecting = { ...GOOD, connectTimeoutMs: value }
  await expect(KafkaSink.open(connecting, unloaded)).rejects.toMatchObject(refusal('connectTimeoutMs'))
  await expect(KafkaSource.open(connecting, unloaded)).rejects.toMatchObject(refusal('connectTimeoutMs'))
  await expect(KafkaSink.open({ ...GOOD, deliveryTimeoutMs: value }, unloaded)).rejects.toMatchObject(
    refusal('deliveryTimeoutMs'),
  )
})

it.each([
  ['pollRecordsMax', 0],
  ['pollRecordsMax', 1.5],
  ['pollRecordsMax', 1_000_001],
  ['from', 'beginning'],
  ['from', null],
])('refuses %s of %p', async (field, value) => {
  await expect(KafkaSource.open({ ...GOOD, [field]: value }, unloaded)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    field,
  })
})

it('says what to install where the client is missing', async () => {
  await expect(KafkaSink.open(GOOD, unloaded)).rejects.toThrow('install node-rdkafka')
  await expect(KafkaSource.open(GOOD, unloaded)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
})
