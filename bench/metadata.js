// What an asynchronous metadata write costs its caller, and how many operates the server sees:
// `npm run --silent build && node bench/metadata.js`.

import { UtxoStore } from 'aerospike-utxo-store'
import { AerospikeMetadata, CoalescingMetadata } from 'aerospike-utxo-store/metadata'

const WRITES = 1_000_000
const KEYS = 10
/** Writes between two turns of the event loop: what a validator notes down in one block. */
const WRITES_A_TURN = 1_000

const store = await UtxoStore.open(process.env.UTXO_STORE_URL ?? 'embedded:')
let operates = 0
const counting = {
  batchOperate(rows, options) {
    if (rows[0]?.kind === 'write') operates += 1
    return store.transport.batchOperate(rows, options)
  },
}
const base = new AerospikeMetadata({ transport: counting, set: 'metadata-bench' })
const metadata = new CoalescingMetadata(base, { logger: console })
const keys = Array.from({ length: KEYS }, (_, index) => `key ${index}`)
const value = new Uint8Array(36)
let callerNanoseconds = 0n
for (let done = 0; done < WRITES; done += WRITES_A_TURN) {
  const from = process.hrtime.bigint()
  for (let i = 0; i < WRITES_A_TURN; i++) void metadata.setMetadata(keys[i % KEYS], value)
  callerNanoseconds += process.hrtime.bigint() - from
  await new Promise(resolve => setImmediate(resolve))
}
await metadata.flush()
const microseconds = Number(callerNanoseconds) / 1_000 / WRITES
console.log(
  JSON.stringify({ writes: WRITES, keys: KEYS, callerMicrosecondsPerWrite: microseconds, operates }),
)
await metadata.close()
await store.close()
