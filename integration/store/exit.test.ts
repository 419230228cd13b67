import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from '@jest/globals'

/** Calls that would linger for an hour are queued when the store is closed; its timers must end with it. */
const PROGRAM = `
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
  console.log((await calls).map(({ reason }) => reason?.code).join())
`

it('lesson 27: a process ends by itself once its store is closed', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const [code, signal] = await once(child, 'exit')
  expect({ output, code, signal }).toEqual({
    output: 'TX_NOT_FOUND,TX_NOT_FOUND,TX_NOT_FOUND\n',
    code: 0,
    signal: null,
  })
}, 60_000)
