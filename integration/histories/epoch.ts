import { setTimeout as delay } from 'node:timers/promises'
import { UtxoStore } from 'aerospike-utxo-store'
import { type Evidence, type Violation, violations } from './checks.ts'
import type { ClusterFaults } from './cluster-faults.ts'
import { type Counts, EpochMetrics, sum } from './counts.ts'
import { FaultyNetwork } from './faulty-network.ts'
import { readFinalRecords } from './final-state.ts'
import { describe, History, shortened } from './history.ts'
import { Random } from './random.ts'
import { createUniverse } from './universe.ts'
import { type StoreInUse, Workload } from './workload.ts'

export interface EpochOptions {
  readonly seed: number
  readonly operations: number
  /** A set of this epoch's own. */
  readonly url: string
  readonly set: string
  /** Breaks the servers as well, where the test has power over them. */
  readonly clusterFaults?: ClusterFaults | undefined
  readonly onProgress?: (done: number) => void
}

export interface EpochReport {
  readonly operations: number
  /** Calls by name and outcome, to see that every path was taken. */
  readonly outcomes: Counts
  /** Batches between stores and servers, by what happened to them. */
  readonly batches: Counts
  /** Spends that failed in part, by what became of their successes. */
  readonly rollbacks: Counts
  readonly violations: readonly Violation[]
  /** For each violation the calls that touch its transaction, a line each. */
  readonly traces: readonly string[]
}

const STORES = 3
const CONCURRENCY = 64
const TIP = 500
const OPERATIONS_PER_PARENT = 50
const OPEN_ATTEMPTS_MAX = 10
const OPEN_PAUSE_MS = 500
const CALLS_PER_DISTURBANCE = 250

/** Short waits, so that a lost answer costs a fraction of a second. */
const SETTINGS = {
  storeBatcherDurationMillis: 1,
  spendBatcherDurationMillis: 1,
  getBatcherSize: 16,
  getBatcherDurationMillis: 1,
  lockedBatcherDurationMillis: 1,
  batchPolicyTotalTimeout: 400,
  batchPolicySocketTimeout: 400,
  // An attempt that a frozen node holds may take effect long after another one was answered. Without further
  // attempts an answer says all that will ever happen, and the checks can be sharp.
  batchPolicyMaxRetries: 0,
  batcherWaitGrace: 400,
  spendWaitTimeout: 1_500,
  spendRollbackTimeout: 2_000,
  spendCircuitBreakerFailureCount: 0,
  overloadRetryMaxElapsed: 300,
  overloadRetryBase: 10,
  incrementBatcherDurationMillis: 1,
  setDAHBatcherDurationMillis: 1,
}

/** One run of random calls by several stores under faults, and what the records tell afterwards. */
export async function runEpoch(options: EpochOptions): Promise<EpochReport> {
  const random = new Random(options.seed)
  const parents = Math.max(8, Math.ceil(options.operations / OPERATIONS_PER_PARENT))
  const universe = createUniverse(random, parents, parents * 2)
  const history = new History()
  if (options.clusterFaults !== undefined) options.clusterFaults.onStep = text => history.note(text)
  const stores = await Stores.open(options, random)
  try {
    const workload = new Workload({
      random,
      universe,
      history,
      storeAt: index => stores.at(index),
      stores: STORES,
      operations: options.operations,
      concurrency: CONCURRENCY,
      height: TIP,
      onProgress: done => {
        if (done % CALLS_PER_DISTURBANCE === 0) options.clusterFaults?.next()
        if (done === Math.floor(options.operations / 2)) stores.replace(random.below(STORES))
        options.onProgress?.(done)
      },
    })
    await workload.run()
  } finally {
    await options.clusterFaults?.heal()
    await stores.close()
  }
  const transactions = [...universe.parents, ...universe.spenders].map(({ tx }) => tx)
  await using reader = await UtxoStore.open(options.url)
  const records = await readFinalRecords(reader.transport, options.set, transactions)
  const { batches, rollbacks } = stores
  return { ...report({ universe, history, records }), batches, rollbacks }
}

function report(evidence: Evidence): Omit<EpochReport, 'batches' | 'rollbacks'> {
  const { history } = evidence
  const outcomes = new Map<string, number>()
  for (const { action, outcome } of history.operations) {
    const result = outcome === undefined ? 'unanswered' : outcome.kind === 'ok' ? 'ok' : outcome.code
    const key = `${action.name} ${result}`
    outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
  }
  const found = violations(evidence)
  const traces = shortestFirst(
    found.map(({ rule, txid, outpoint, text, between }) =>
      [
        shortened(`${rule}: ${txid}: ${text}`),
        ...history.touching(txid, outpoint).map(call => `  ${describe(call)}`),
        ...(between === undefined ? [] : history.notesBetween(...between).map(note => `  ${note}`)),
      ].join('\n'),
    ),
  )
  return { operations: history.operations.length, outcomes, violations: found, traces }
}

/** The least that a reader has to follow comes first. */
function shortestFirst(traces: readonly string[]): string[] {
  return traces.toSorted((one, other) => one.length - other.length)
}

interface EpochStore extends StoreInUse {
  readonly network: FaultyNetwork
}

/** The stores of an epoch, each behind a faulty network of its own. */
class Stores {
  readonly #options: EpochOptions
  readonly #random: Random
  readonly #stores: EpochStore[] = []
  readonly #networks: FaultyNetwork[] = []
  readonly #metrics = new EpochMetrics()
  #replacing: Promise<void> = Promise.resolve()

  private constructor(options: EpochOptions, random: Random) {
    this.#options = options
    this.#random = random
  }

  static async open(options: EpochOptions, random: Random): Promise<Stores> {
    const stores = new Stores(options, random)
    for (let index = 0; index < STORES; index++) await stores.#openAt(index)
    return stores
  }

  at(index: number): EpochStore {
    const store = this.#stores[index]
    if (store === undefined) throw new RangeError(`no store ${index}`)
    return store
  }

  /** Closes a store with its calls under way and puts a new one in its place; calls meanwhile are refused. */
  replace(index: number): void {
    this.#replacing = this.#replace(index)
  }

  async #replace(index: number): Promise<void> {
    const { store, network } = this.at(index)
    await network.letGo()
    await store.close()
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#openAt(index)
      } catch (error) {
        // A node that is frozen or gone can hold it up for as long as a disturbance lasts.
        if (attempt === OPEN_ATTEMPTS_MAX) throw error
        await delay(OPEN_PAUSE_MS)
      }
    }
  }

  get batches(): Counts {
    return sum(this.#networks.map(({ counts }) => counts))
  }

  get rollbacks(): Counts {
    return this.#metrics.byLabel('utxo_store_spend_rollbacks_total', 'outcome')
  }

  /** Every call and every batch has ended, also those that their callers no longer wait for. */
  async close(): Promise<void> {
    const [replaced] = await Promise.allSettled([this.#replacing])
    for (const network of this.#networks) network.isFaulty = false
    await Promise.all(this.#networks.map(network => network.letGo()))
    await Promise.all(this.#stores.map(({ store }) => store.close()))
    await Promise.all(this.#networks.map(network => network.quiet()))
    if (replaced.status === 'rejected') throw replaced.reason
  }

  async #openAt(index: number): Promise<void> {
    const store = await UtxoStore.open(this.#options.url, {
      settings: SETTINGS,
      metrics: this.#metrics,
    })
    store.setBlockState(TIP, 1_700_000_000)
    const network = new FaultyNetwork(store.transport, this.#random)
    store.transport = network
    this.#networks.push(network)
    this.#stores[index] = { store, network, id: this.#networks.length }
  }
}
