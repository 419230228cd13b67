import { percent } from './format.ts'
import type { Limit } from './report.ts'

/** What a measured figure tells of its bottleneck. Shares are of one core, 0 to 1 for each. */
export interface LoadShares {
  /** Busy share of the client's event loop, 0 to 1: everything that runs JavaScript waits for it. */
  readonly eventLoopBusy: number
  /** Cores that the client's process took, its native threads included. */
  readonly clientCores: number
  /** Cores that the server took; null where it cannot be seen. */
  readonly serverCores: number | null
  /** Cores that the server can take: one for the embedded server, which is one thread, else all. */
  readonly serverCoresMax: number
  readonly machineCores: number
  /** Cores that neither client nor server took, and that were not idle. */
  readonly otherCores: number
  /** How long a batch waits for company; null for a subject without a linger. */
  readonly lingerMs: number | null
  /** Rows of a batch on average, of those that fit; null where batches are made by hand. */
  readonly batchFill: number | null
  readonly p50Ms: number
}

/** From here on a core counts as taken: the rest goes to the kernel, the collector and the scheduler. */
const BUSY = 0.9
/** More than this share of the machine in other hands, and the figures are those of a disturbed run. */
const DISTURBED = 0.25
/** A shared machine never gives its processes all of its time. */
const MACHINE_BUSY = 0.9
/** Batches with less company than this went out because their time was up. */
const FULL = 0.75

/** Says what held a subject back. The first rule that applies wins; each names the figure it goes by. */
export function limitOf(shares: LoadShares): Limit {
  const { eventLoopBusy, clientCores, serverCores, serverCoresMax, machineCores, otherCores, p50Ms } = shares
  if (otherCores >= DISTURBED * machineCores) {
    const taken = `${percent(otherCores)} of one core`
    return { kind: 'machine', text: `disturbed: other processes took ${taken}, of ${machineCores} cores` }
  }
  if (eventLoopBusy >= BUSY)
    return { kind: 'client', text: `client CPU bound: ${percent(eventLoopBusy)} of one core` }
  if (serverCores !== null && serverCores >= BUSY * serverCoresMax)
    return { kind: 'server', text: `server CPU bound: ${percent(serverCores)} of one core` }
  const together = clientCores + (serverCores ?? 0)
  if (together >= MACHINE_BUSY * machineCores) {
    const parts = serverCores === null ? '' : `, server ${percent(serverCores)}`
    return {
      kind: 'machine',
      text: `machine bound: client ${percent(clientCores)}${parts} of ${machineCores} cores`,
    }
  }
  const { lingerMs, batchFill } = shares
  if (lingerMs !== null && batchFill !== null && batchFill < FULL && p50Ms >= lingerMs)
    return {
      kind: 'linger',
      text: `linger bound: batches went ${percent(batchFill)} full after ${lingerMs} ms`,
    }
  const server = serverCores === null ? '' : `, server ${percent(serverCores)}`
  return {
    kind: 'waiting',
    text: `waits for answers: client ${percent(clientCores)}${server} of one core busy; more calls in progress would fill the gaps`,
  }
}
