// The server of bench/embedded.js, in a process of its own, as `utxo-store serve` runs it: starts, and tells its parent what
// it has used whenever asked.
import { serveEmbedded } from 'aerospike-utxo-store/embedded'
import { collectGarbageLessOften } from '../dist/cli/garbage-collection.js'

collectGarbageLessOften()
const server = await serveEmbedded()

process.on('message', question => {
  // Run with --expose-gc: what is left is what the records need. It takes time, which is nobody's when time is asked for.
  if (question === 'memory') globalThis.gc()
  const { user, system } = process.cpuUsage()
  process.send({ cpuMicroseconds: user + system, memory: process.memoryUsage() })
})
process.on('disconnect', () => server.close())
process.send({ port: server.port })
