import { expect, it } from '@jest/globals'
import { type LoadShares, limitOf } from '../../../lib/cli/bench/limits.ts'

const IDLE: LoadShares = {
  eventLoopBusy: 0.3,
  clientCores: 0.3,
  serverCores: 0.2,
  serverCoresMax: 2,
  machineCores: 2,
  otherCores: 0,
  lingerMs: 5,
  batchFill: 1,
  p50Ms: 20,
}

it.each<[Partial<LoadShares>, string]>([
  [{}, 'waits for answers: client 30 %, server 20 % of one core busy'],
  [{ serverCores: null }, 'waits for answers: client 30 % of one core busy'],
  [{ eventLoopBusy: 0.96 }, 'client CPU bound: 96 % of one core'],
  [{ serverCores: 0.95, serverCoresMax: 1 }, 'server CPU bound: 95 % of one core'],
  [{ serverCores: 0.95 }, 'waits for answers'],
  [{ serverCores: 1.1, clientCores: 0.8 }, 'machine bound: client 80 %, server 110 % of 2 cores'],
  [{ serverCores: null, clientCores: 1.9 }, 'machine bound: client 190 % of 2 cores'],
  [{ batchFill: 0.1, p50Ms: 5.4 }, 'linger bound: batches went 10 % full after 5 ms'],
  // It had no company either, but did not wait for any.
  [{ batchFill: 0.1, p50Ms: 2 }, 'waits for answers'],
  [{ batchFill: 0.1, lingerMs: null }, 'waits for answers'],
  [{ batchFill: null }, 'waits for answers'],
  // An event loop that is always busy but gets no processor is not the client's fault.
  [
    { eventLoopBusy: 1, clientCores: 0.2, otherCores: 1.6 },
    'disturbed: other processes took 160 % of one core',
  ],
])('%j: %s', (shares, text) => {
  expect(limitOf({ ...IDLE, ...shares }).text).toMatch(new RegExp(`^${text}`))
})
