// The server of a benchmark that measures a store: an embedded one in a process of its own (embedded-server.js), or the one
// that --store names, of which nothing is known but its URL.
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** @param query of the URL of the embedded server, from the question mark on */
export async function startServer(storeUrl, { query = '', execArgv = [] } = {}) {
  if (storeUrl !== undefined) return { url: storeUrl, usage: async () => undefined, close: async () => {} }
  const child = fork(new URL('embedded-server.js', import.meta.url), { execArgv })
  const [{ port }] = await once(child, 'message')
  return {
    url: `aerospike://127.0.0.1:${port}/test${query}`,
    async usage() {
      child.send('time')
      const [usage] = await once(child, 'message')
      return usage
    },
    async close() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}
