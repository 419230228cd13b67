// Aerospike's stand-in as a process of its own, as `utxo-store serve` runs it: what is stored outlives the others.
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { stopped, tell } from './settings.js'

const isToStop = stopped()
const server = await startEmbeddedServer({ namespaces: ['utxo-store'] })
tell({ ready: `aerospike://${server.host}:${server.port}/utxo-store` })
await isToStop
await server.close()
process.disconnect()
