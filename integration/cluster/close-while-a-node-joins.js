// Closes the npm client in the turn of the event loop in which what it frees is freed before its threads have ended,
// while one of them learns of a node that joins (see lib/transport/client/safe-close.ts).
import { setImmediate as turn } from 'node:timers/promises'
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { connectClient } from '../../dist/transport/client/index.js'

const JOINING = 2
const server = await startEmbeddedServer({ nodes: 3 })
await server.nodes[JOINING].kill()
const client = await connectClient({
  hosts: [{ host: server.host, port: server.port }],
  connectionsMax: 10,
  connectionsMin: 0,
  connectTimeoutMs: 1_000,
  connectRetries: 0,
})
// The client asks a new node several questions before it counts it in. It tends its nodes once a second.
const slow = await server.faults.add({
  nodes: [JOINING],
  match: { kinds: ['info'] },
  fault: { when: 'after', kind: 'delay', ms: 300 },
})
await server.nodes[JOINING].start()
while ((await slow.hits()) === 0) await turn()
await turn()
client.close(false)
// Its thread goes on with what it was at: it asks the second question, and then counts the node in.
while ((await slow.hits()) < 2) await turn()
await slow.remove()
await server.close()
process.stdout.write('closed\n')
