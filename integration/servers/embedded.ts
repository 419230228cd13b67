import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import type { TestServer } from './server.ts'

const NAMESPACE = 'test'

export async function startEmbedded(): Promise<TestServer> {
  const server = await startEmbeddedServer({ namespaces: [NAMESPACE] })
  return {
    kind: 'embedded',
    host: server.host,
    port: server.port,
    namespace: NAMESPACE,
    close: () => server.close(),
  }
}
