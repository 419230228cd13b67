import { readFile } from 'node:fs/promises'
import { GenericContainer, Wait } from 'testcontainers'
import type { TestServer } from './server.ts'

const PORT = 3000
const NAMESPACE = 'utxo-store'
// Above proto-fd-max, as in docker-compose.yml: Docker's own limit may be too low for the server to start.
const OPEN_FILES_MAX = 20_000
const REPOSITORY = new URL('../../', import.meta.url)

/** A real Aerospike with the image and the configuration of docker-compose.yml, so that both are named once. */
export async function startContainer(): Promise<TestServer> {
  const compose = await readFile(new URL('docker-compose.yml', REPOSITORY), 'utf8')
  const image = /image:\s*(\S*aerospike-server\S*)/.exec(compose)?.[1]
  if (image === undefined) throw new Error('docker-compose.yml names no aerospike-server image')
  const configuration = await readFile(new URL('docs/aerospike/single-node.conf', REPOSITORY), 'utf8')
  const container = await new GenericContainer(image)
    .withExposedPorts(PORT)
    .withCopyContentToContainer([{ content: configuration, target: '/opt/utxo-store/aerospike.conf' }])
    .withCommand(['--config-file', '/opt/utxo-store/aerospike.conf'])
    .withUlimits({ nofile: { soft: OPEN_FILES_MAX, hard: OPEN_FILES_MAX } })
    // "service ready" comes about two seconds too early: until the node owns its partitions, clients refuse it.
    .withWaitStrategy(Wait.forLogMessage(/ rebalanced: /))
    .start()
  return {
    kind: 'container',
    host: container.getHost(),
    port: container.getMappedPort(PORT),
    namespace: NAMESPACE,
    close: async () => {
      await container.stop()
    },
  }
}
