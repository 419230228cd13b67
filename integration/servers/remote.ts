import type { TestServer } from './server.ts'

export function useRemote(url: string): TestServer {
  const match = /^aerospike:\/\/([^:/]+):(\d+)\/([^/?]+)$/.exec(url)
  if (match?.[1] === undefined || match[3] === undefined) {
    throw new Error(
      `UTXO_TEST_SERVER must be embedded, container or aerospike://host:port/namespace, got ${url}`,
    )
  }
  return {
    kind: 'remote',
    host: match[1],
    port: Number(match[2]),
    namespace: match[3],
    close: async () => {},
  }
}
