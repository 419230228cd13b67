// Makes many calls with one signal and tells what Node warned of (shared-signal.test.ts): Jest's processes hear no warnings.
import { UtxoStore } from 'aerospike-utxo-store'

const CALLS = 50
const warnings = []
process.on('warning', ({ name }) => warnings.push(name))
const store = await UtxoStore.open('embedded:')
store.setBlockState(500, 1)
const controller = new AbortController()
const txid = index => new Uint8Array(32).fill(index)
const calls = Array.from({ length: CALLS }, (_, index) =>
  index % 2 === 0
    ? store.get(txid(index), undefined, { signal: controller.signal })
    : store.setLocked([txid(index)], true, { signal: controller.signal }),
)
controller.abort()
const ended = (await Promise.allSettled(calls)).map(({ reason }) => reason?.code)
await store.close()
process.stdout.write(JSON.stringify({ ended, warnings }))
