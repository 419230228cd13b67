import { randomBytes } from 'node:crypto'

/** Brokers on loopback that speak Kafka's protocol, inside of librdkafka. Each topic has four partitions. */
export interface MockCluster {
  readonly brokers: readonly string[]
  createTopic(): Promise<string>
  stop(): Promise<void>
}

interface Metadata {
  readonly brokers: readonly { readonly host: string; readonly port: number }[]
}

interface Client {
  connect(options: object, callback: (error: Error | null, metadata: Metadata) => void): void
  getMetadata(options: object, callback: (error: Error | null) => void): void
  disconnect(callback: () => void): void
}

/** Undefined where `node-rdkafka` is not installed. */
export async function startMockCluster(): Promise<MockCluster | undefined> {
  const name: string = 'node-rdkafka'
  const loaded = (await import(name).catch(() => undefined)) as
    | { default: { Producer: new (settings: object) => Client } }
    | undefined
  if (loaded === undefined) return undefined
  const client = new loaded.default.Producer({ 'test.mock.num.brokers': 2 })
  const { brokers } = await new Promise<Metadata>((resolve, reject) => {
    client.connect({ timeout: 10_000 }, (error, metadata) => (error ? reject(error) : resolve(metadata)))
  })
  return {
    brokers: brokers.map(({ host, port }) => `${host}:${port}`),
    createTopic: () =>
      new Promise((resolve, reject) => {
        const topic = `txmeta-${randomBytes(4).toString('hex')}`
        client.getMetadata({ topic, timeout: 10_000 }, error => (error ? reject(error) : resolve(topic)))
      }),
    stop: () => new Promise(resolve => client.disconnect(resolve)),
  }
}
