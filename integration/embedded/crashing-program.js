// Starts a server, has its thread crash (see crash-when-told.js), and writes what the handle tells of it.
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'

const server = await startEmbeddedServer()
const channel = new BroadcastChannel('crash')
channel.postMessage('now')
const failure = await server.exited.catch(error => error)
channel.close()
await server.close()
process.stdout.write(JSON.stringify({ code: failure?.code, cause: failure?.cause?.message }))
