// Closes a store with calls queued that would linger for an hour: its timers must end with it (exit.test.ts).
import { UtxoStore } from 'aerospike-utxo-store'

const LINGER_MS = 3_600_000
const store = await UtxoStore.open('embedded:', {
  settings: {
    getBatcherDurationMillis: LINGER_MS,
    lockedBatcherDurationMillis: LINGER_MS,
    batchPolicyTotalTimeout: LINGER_MS,
  },
})
store.setBlockState(500, 1)
const txid = new Uint8Array(32)
const calls = Promise.allSettled([
  store.get(txid),
  store.get(txid, undefined, { signal: AbortSignal.timeout(LINGER_MS) }),
  store.setLocked([txid], true),
])
await new Promise(setImmediate)
await store.close()
process.stdout.write(`${(await calls).map(({ reason }) => reason?.code).join()}\n`)
