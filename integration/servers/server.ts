import { randomBytes } from 'node:crypto'

/** An Aerospike for one test file. */
export interface TestServer {
  readonly kind: 'embedded' | 'container' | 'remote'
  readonly host: string
  readonly port: number
  readonly namespace: string
  close(): Promise<void>
}

/**
 * The one place where integration tests get their server. UTXO_TEST_SERVER chooses it: `embedded` (the default),
 * `container` (a real Aerospike by testcontainers), or `aerospike://host:port/namespace` for a given one;
 * `npm run test:integration -- --server KIND` sets it.
 */
export async function testServer(): Promise<TestServer> {
  const choice = process.env.UTXO_TEST_SERVER ?? 'embedded'
  if (choice === 'embedded') return (await import('./embedded.ts')).startEmbedded()
  if (choice === 'container') return (await import('./container.ts')).startContainer()
  return (await import('./remote.ts')).useRemote(choice)
}

/** A set that no other test uses: given servers keep their data between runs. */
export function uniqueSet(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`
}

const { UTXO_TEST_TRANSPORT: forced = 'auto' } = process.env

/** For tests of what all transports have to do alike: both, unless one is forced on the whole run. */
export const testedTransports = (['wire', 'client'] as const).filter(
  name => forced === 'auto' || forced === name,
)

export interface StoreUrlOptions {
  set?: string
  externalStore?: string
  /** What `--transport` says where absent, otherwise the store's own choice. */
  transport?: 'auto' | 'wire' | 'client'
}

export function storeUrl(
  server: TestServer,
  { set = uniqueSet('utxo'), externalStore = 'memory:', transport }: StoreUrlOptions = {},
): string {
  const wanted = transport ?? process.env.UTXO_TEST_TRANSPORT
  const chosen = wanted === undefined ? '' : `&transport=${wanted}`
  return `aerospike://${server.host}:${server.port}/${server.namespace}?set=${set}&externalStore=${externalStore}${chosen}`
}
