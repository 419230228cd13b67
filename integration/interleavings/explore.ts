import { createHash } from 'node:crypto'
import { type SettingsInput, UtxoStore } from 'aerospike-utxo-store'
import { Random } from '../histories/random.ts'
import { GatedNetwork } from './gated-network.ts'
import { type Broken, brokenRules } from './rules.ts'
import type { Preparation } from './scenario.ts'
import { type Fault, type PlayedSchedule, Schedule } from './schedule.ts'
import { RETENTION, Stage, TIP } from './stage.ts'
import { RECORD_OUTPUTS } from './transaction-state.ts'

/** Nothing waits for anything but its turn, and nothing is tried again by itself. */
const SETTINGS = {
  utxoBatchSize: RECORD_OUTPUTS,
  blockHeightRetention: RETENTION,
  // Nothing is old enough for its parents to be kept.
  unminedTxRetention: 900,
  storeBatcherDurationMillis: 0,
  spendBatcherDurationMillis: 0,
  getBatcherDurationMillis: 0,
  outpointBatcherDurationMillis: 0,
  incrementBatcherDurationMillis: 0,
  setDAHBatcherDurationMillis: 0,
  lockedBatcherDurationMillis: 0,
  batchPolicyMaxRetries: 0,
  spendCircuitBreakerFailureCount: 0,
  overloadRetryMaxElapsed: 0,
  prunerUtxoPartitionQueries: 1,
  useExternalTxCache: false,
  batcherConcurrency: 'fixed',
} as const satisfies SettingsInput

const STORES = ['A', 'B', 'C'] as const

export interface Exploration {
  readonly schedules: number
  readonly distinct: number
  readonly withFault: number
  readonly violations: readonly Violation[]
  /** How often rules with known exceptions were broken. */
  readonly known: ReadonlyMap<string, number>
}

export interface Violation {
  readonly schedule: number
  readonly broken: readonly Broken[]
  readonly trace: readonly string[]
}

export interface ExploreOptions {
  readonly scenario: string
  readonly prepare: Preparation
  readonly fault: Fault
  readonly schedules: number
  readonly seed: number
}

/** Stores that schedules are played with, and one that looks on. */
export class Theatre {
  readonly #set: string
  readonly #observer: UtxoStore
  readonly #stores: readonly { readonly store: UtxoStore; readonly network: GatedNetwork }[]
  #stage: Stage

  private constructor(set: string, observer: UtxoStore, stores: readonly UtxoStore[]) {
    this.#set = set
    this.#observer = observer
    this.#stage = new Stage(observer, set, new Random(0))
    this.#stores = stores.map((store, index) => {
      const network = new GatedNetwork(STORES[index] ?? '', store.transport, key => this.#stage.keyName(key))
      store.transport = network
      return { store, network }
    })
  }

  static async open(url: string, set: string): Promise<Theatre> {
    const stores: UtxoStore[] = []
    for (let index = 0; index <= STORES.length; index++) stores.push(await openAt(url))
    const [observer, ...others] = stores
    if (observer === undefined) throw new Error('no store')
    // Its indexes are ready before a schedule asks for them.
    for (const store of stores) await store.prune(1)
    return new Theatre(set, observer, others)
  }

  async close(): Promise<void> {
    for (const { store } of this.#stores) await store.close()
    await this.#observer.close()
  }

  /** Plays a scenario in so many random orders. */
  async explore({ scenario, prepare, fault, schedules, seed }: ExploreOptions): Promise<Exploration> {
    const violations: Violation[] = []
    const known = new Map<string, number>()
    const traces = new Set<string>()
    let withFault = 0
    for (let schedule = 0; schedule < schedules; schedule++) {
      const random = new Random(numberOf(`${seed} ${scenario} ${fault} ${schedule}`))
      const { played, broken } = await this.#playOne(prepare, fault, random)
      traces.add(played.trace.join())
      if (played.hadFault) withFault += 1
      for (const { rule, isKnown } of broken) if (isKnown) known.set(rule, (known.get(rule) ?? 0) + 1)
      const unknown = broken.filter(({ isKnown }) => !isKnown)
      if (unknown.length > 0) violations.push({ schedule, broken: unknown, trace: played.trace })
    }
    return { schedules, distinct: traces.size, withFault, violations, known }
  }

  async #playOne(
    prepare: Preparation,
    fault: Fault,
    random: Random,
  ): Promise<{ played: PlayedSchedule; broken: Broken[] }> {
    const stage = new Stage(this.#observer, this.#set, random)
    this.#stage = stage
    const { scripts, excuses = {}, check } = await prepare(stage)
    const actors = scripts.map((script, index) => {
      const actor = this.#stores[index]
      if (actor === undefined) throw new RangeError(`a scenario for ${scripts.length} stores`)
      return { ...actor, script }
    })
    const played = await Schedule.play({ actors, random, fault })
    const outcome = { stage, played, states: await stage.states(), excuses }
    const special = (await check?.(outcome)) ?? []
    const broken = [
      ...special.map(text => ({ rule: 'of this scenario', text, isKnown: false })),
      ...(await brokenRules(outcome)),
    ]
    await stage.clear()
    return { played, broken }
  }
}

/** Of its own for each schedule: a store remembers what it has acknowledged, and txids must not come again. */
function numberOf(schedule: string): number {
  return createHash('sha256').update(schedule).digest().readUInt32LE()
}

async function openAt(url: string): Promise<UtxoStore> {
  const store = await UtxoStore.open(url, { settings: SETTINGS })
  store.setBlockState(TIP, 1_700_000_000)
  return store
}

export function textOf({ violations }: Exploration, shown = 2): string {
  return violations
    .slice(0, shown)
    .map(({ schedule, broken, trace }) =>
      [
        `schedule ${schedule}`,
        ...broken.map(({ rule, text }) => `  ${rule}: ${text}`),
        ...trace.map(step => `    ${step}`),
      ].join('\n'),
    )
    .join('\n\n')
}
