import { type BatchRow, type PruneResult, type StoreError, UtxoStore } from 'aerospike-utxo-store'
import { createCall, minedCall, spendCall } from '../calls.ts'
import { isOk, operations, spendsOf, type Violation } from '../checks.ts'
import type { Counts } from '../counts.ts'
import { describe, History, outcomeOf, shortened } from '../history.ts'
import { Random } from '../random.ts'
import { outpointOf } from '../universe.ts'
import { REMOVAL_STEPS, type TakenLock } from './mortal-network.ts'
import { MortalStores, SETTINGS, STORES } from './mortal-stores.ts'
import { pageViolations } from './page-checks.ts'
import { type FinalTransaction, type RecordPlace, readTransactions } from './page-records.ts'
import { createPageUniverse, type PageUniverse, type StoredTransaction } from './page-universe.ts'
import { HEIGHTS, PageWorkload } from './page-workload.ts'

export interface PageEpochOptions {
  readonly seed: number
  readonly operations: number
  /** A set and a folder of this epoch's own. */
  readonly url: string
  readonly set: string
  readonly folder: string
  /** Ends the calls early, when each of these repairs was made. */
  readonly untilRepaired?: readonly string[] | undefined
  readonly onProgress?: (done: number) => void
  /** Before the stores are closed, which may never end. */
  readonly onReport?: (report: PageEpochReport) => void
}

export interface PageEpochReport {
  /** Calls made, runs of the pruner included. */
  readonly operations: number
  readonly outcomes: Counts
  /** Stores that died, by the batch at which they did. */
  readonly deaths: Counts
  /** What was found half done and brought to its end, by what it was and who did it. */
  readonly repairs: Counts
  readonly pruned: Counts
  /** What a rule let pass because a store died in the middle. */
  readonly excused: Counts
  readonly violations: readonly Violation[]
  readonly traces: readonly string[]
}

const CONCURRENCY = 24
const OPERATIONS_PER_PARENT = 30
const CALLS_PER_DEATH = 40
const DEATHS_IN_REMOVALS = 0.2
const REPAIRS = ['create', 'spend', 'setMined'] as const
const REPAIR_ATTEMPTS = 4
/** Those that die are counted from 1. */
const HEALTHY_STORE = 0
const INTERFERED_SHARE = 0.6
/** As a repair. */
export const REMOVAL_COMPLETED = 'removal, by a later run'

/** One run of random calls by stores that die, with a pruner at work, and what the records tell afterwards. */
export async function runPageEpoch(options: PageEpochOptions): Promise<PageEpochReport> {
  return new PageEpoch(options).run()
}

class PageEpoch {
  readonly #options: PageEpochOptions
  readonly #random: Random
  readonly #universe: PageUniverse
  readonly #transactions: ReadonlyMap<string, StoredTransaction>
  readonly #history = new History()
  readonly #repairs = new Map<string, number>()
  readonly #pruned = new Map<string, number>()
  readonly #excused = new Map<string, number>()
  readonly #revisits: Promise<void>[] = []
  #workload: PageWorkload | undefined
  #calls = 0
  #place: RecordPlace | undefined

  constructor(options: PageEpochOptions) {
    this.#options = options
    this.#random = new Random(options.seed)
    const parents = Math.max(12, Math.ceil(options.operations / OPERATIONS_PER_PARENT))
    this.#universe = createPageUniverse(this.#random, parents)
    const { parents: roots, children } = this.#universe
    this.#transactions = new Map([...roots, ...children].map(entry => [entry.hex, entry]))
  }

  async run(): Promise<PageEpochReport> {
    const { url, set, folder, operations: calls, untilRepaired, onProgress } = this.#options
    // The healthy one: it looks at records, and ends what is left at the end.
    const settings = { ...SETTINGS, externalizeAllTransactions: this.#random.chance(0.5) }
    await using healthy = await UtxoStore.open(url, { settings })
    healthy.setBlockState(HEIGHTS.now, 1_700_000_000)
    this.#place = { transport: healthy.transport, set, folder }
    // Makes the indexes: a store that has to wait for them would die before it prunes.
    await healthy.prune(HEIGHTS.pruned)
    const stores = await MortalStores.open({
      url,
      settings,
      random: this.#random,
      history: this.#history,
      onEnded: locks => this.#revisits.push(this.#afterDeath(locks)),
      beforeRemoval: txids => this.#interfere(txids),
    })
    try {
      this.#workload = new PageWorkload({
        random: this.#random,
        universe: this.#universe,
        history: this.#history,
        storeAt: index => stores.at(index),
        stores: STORES,
        operations: calls,
        concurrency: CONCURRENCY,
        callsPerParent: OPERATIONS_PER_PARENT,
        isEnough: () => untilRepaired !== undefined && this.#missing.length === 0,
        onPruned: result => this.#notePruned(result),
        onProgress: done => {
          this.#calls = done
          if (done % CALLS_PER_DEATH === 0) this.#letDie(stores)
          onProgress?.(done)
        },
      })
      await this.#workload.run()
      await this.#settled()
      await stores.quiet()
      await this.#settled()
      const before = await this.#check()
      const violations = before.length > 0 ? before : await this.#finish(healthy)
      const report = this.#reportWith(stores, violations)
      this.#options.onReport?.(report)
      return report
    } finally {
      await stores.close()
    }
  }

  #reportWith(stores: MortalStores, violations: readonly Violation[]): PageEpochReport {
    for (const [repaired, count] of stores.creationRepairs) this.#repairs.set(`creation: ${repaired}`, count)
    const drifted = stores.events.get('spent_pages_drifted')
    if (drifted !== undefined) this.#repairs.set('delete-at-height taken back', drifted)
    return { ...this.#report(violations), deaths: stores.deaths }
  }

  /** Revisits may make stores die, and those make revisits. */
  async #settled(): Promise<void> {
    for (let count = -1; count !== this.#revisits.length; ) {
      count = this.#revisits.length
      await Promise.all(this.#revisits)
    }
  }

  /** Ends the locks of a dead store, as their time to live would, and meets what it left half done. */
  async #afterDeath(locks: readonly TakenLock[]): Promise<void> {
    const { transport } = this.#placeOf()
    const rows = locks.map(
      ({ key, token }): BatchRow => ({
        kind: 'remove',
        key,
        filter: { compare: 'eq', left: { stringBin: 'lock_token' }, right: token },
      }),
    )
    if (rows.length > 0) await transport.batchOperate(rows, { timeout: 5_000 })
    for (const { key } of locks) {
      const hex = Buffer.from(key.userKey.slice(0, 32) as Uint8Array)
        .reverse()
        .toString('hex')
      const transaction = this.#transactions.get(hex)
      if (transaction !== undefined) await this.#revisit(transaction)
    }
  }

  /** Whoever meets half a transaction next finishes it: a create, a spend, or a block, by turns. */
  async #revisit(transaction: StoredTransaction): Promise<void> {
    const found = halfOf(await this.#read(transaction))
    if (found === undefined) return
    const how = this.#leastDone(found)
    this.#count(this.#repairs, `met ${found}`)
    if (how === 'create' && this.#workload?.mayBeCreated(transaction) !== true) return
    for (let attempt = 0; attempt < REPAIR_ATTEMPTS; attempt++) {
      const call =
        how === 'create'
          ? createCall(transaction, false)
          : how === 'setMined'
            ? minedCall(transaction, 1, HEIGHTS.tip, false)
            : spendCall(this.#random.pick(transaction.singles.slice(-2)), HEIGHTS.tip)
      await this.#workload?.call(call, this.#random.below(STORES))
      const left = halfOf(await this.#read(transaction))
      if (left === undefined) {
        this.#count(this.#repairs, `${found}, by ${how}`)
        return
      }
    }
  }

  /** In the turn in which a removal has looked and not removed yet: somebody preserves, or takes a spend back. */
  async #interfere(txids: readonly string[]): Promise<void> {
    for (const txid of txids) {
      const transaction = this.#transactions.get(txid)
      if (transaction === undefined || !this.#random.chance(INTERFERED_SHARE)) continue
      const how = await this.#workload?.interfere(transaction)
      if (how !== undefined) this.#count(this.#pruned, `${how} in the turn of the removal`)
    }
  }

  get #missing(): readonly string[] {
    return this.#options.untilRepaired?.filter(repair => !this.#repairs.has(repair)) ?? []
  }

  /**
   * Only in a removal, when that is the last that is to be seen: stores that die elsewhere seldom get so far. And then
   * few, for the one that is to complete it has to live through the same steps.
   */
  #letDie(stores: MortalStores): void {
    const isLast = this.#missing.length === 1 && this.#missing[0] === REMOVAL_COMPLETED
    if (!isLast) stores.dieSoon()
    else if (this.#random.chance(DEATHS_IN_REMOVALS)) stores.dieSoon(REMOVAL_STEPS)
  }

  #leastDone(found: string): (typeof REPAIRS)[number] {
    if (found === 'pages without a master') return 'create'
    const done = (how: string): number => this.#repairs.get(`${found}, by ${how}`) ?? 0
    return REPAIRS.reduce((least, how) => (done(how) < done(least) ? how : least))
  }

  async #read({ tx, hex }: StoredTransaction): Promise<FinalTransaction | undefined> {
    return (await readTransactions(this.#placeOf(), [tx])).get(hex)
  }

  /** What is left is ended by healthy runs; then the rules must hold without any excuse of what may come. */
  async #finish(healthy: UtxoStore): Promise<Violation[]> {
    this.#notePruned(await healthy.prune(HEIGHTS.pruned))
    const records = await this.#readAll()
    for (const transaction of this.#transactions.values()) {
      const record = records.get(transaction.hex)
      const isUnborn =
        record !== undefined &&
        record.bodies > 0 &&
        record.master === undefined &&
        record.pages.every(page => page === undefined) &&
        !this.#wasStored(transaction)
      const half = halfOf(record)
      if (half === undefined && !isUnborn) continue
      await healthy.create(transaction.tx, HEIGHTS.created).catch(() => {})
      if (half === 'page marks') await this.#spendEach(healthy, transaction)
      const left = halfOf(await this.#read(transaction))
      const name = isUnborn ? 'body without a record' : half
      this.#count(
        this.#repairs,
        left === undefined ? `${name}, by create at the end` : `${name}, not repaired`,
      )
    }
    const last = await healthy.prune(HEIGHTS.pruned)
    this.#notePruned(last)
    const left = last.failed + last.removalsLeft
    const rule = 'the last run of the pruner leaves nothing'
    return [
      ...(left === 0 ? [] : [{ rule, txid: '', text: `${last.failed} failed, ${last.removalsLeft} left` }]),
      ...(await this.#check(true)),
    ]
  }

  /** Of the history as all others are: what they put into a slot, somebody has tried. */
  async #spendEach(healthy: UtxoStore, { singles }: StoredTransaction): Promise<void> {
    for (const single of singles) {
      const { action, run } = spendCall(single, HEIGHTS.tip)
      const operation = this.#history.begin(action, HEALTHY_STORE)
      await run(healthy, undefined).then(
        () => this.#history.end(operation, { kind: 'ok' }),
        ({ code }: StoreError) => this.#history.end(operation, outcomeOf(code)),
      )
    }
  }

  /** Before the last repairs, what a death leaves for them is no violation yet. */
  async #check(isEnd = false): Promise<Violation[]> {
    const found = pageViolations({
      transactions: [...this.#transactions.values()],
      history: this.#history,
      records: await this.#readAll(),
      onExcused: reason => isEnd && this.#count(this.#excused, reason),
    })
    return isEnd ? found : found.filter(({ rule }) => !AT_THE_END.has(rule))
  }

  /** Somebody knew it to be whole. A `TX_EXISTS` says no such thing: another may have been about to create it. */
  #wasStored({ hex, tx }: StoredTransaction): boolean {
    const evidence = { history: this.#history }
    return (
      operations(evidence, 'create', hex).some(isOk) ||
      operations(evidence, 'setMined', hex).some(isOk) ||
      tx.outputs.some((_, vout) => spendsOf(evidence, outpointOf({ parent: tx, vout })).some(isOk))
    )
  }

  #readAll(): Promise<Map<string, FinalTransaction>> {
    return readTransactions(
      this.#placeOf(),
      [...this.#transactions.values()].map(({ tx }) => tx),
    )
  }

  #placeOf(): RecordPlace {
    if (this.#place === undefined) throw new Error('the epoch has not begun')
    return this.#place
  }

  #notePruned(result: PruneResult): void {
    this.#count(this.#pruned, 'runs')
    for (const [name, count] of Object.entries(result))
      if (typeof count === 'number' && name !== 'height') this.#count(this.#pruned, name, count)
    if (result.removalsCompleted > 0) this.#count(this.#repairs, REMOVAL_COMPLETED, result.removalsCompleted)
  }

  #count(counts: Map<string, number>, name: string, by = 1): void {
    counts.set(name, (counts.get(name) ?? 0) + by)
  }

  #report(violations: readonly Violation[]): Omit<PageEpochReport, 'deaths'> {
    const outcomes = new Map<string, number>()
    for (const { action, outcome } of this.#history.operations) {
      const result = outcome === undefined ? 'unanswered' : outcome.kind === 'ok' ? 'ok' : outcome.code
      this.#count(outcomes, `${action.name} ${result}`)
    }
    const traces = violations.map(({ rule, txid, text }) =>
      [
        shortened(`${rule}: ${txid}: ${text}`),
        ...this.#history.touching(txid).map(call => `  ${describe(call)}`),
      ].join('\n'),
    )
    return {
      operations: this.#calls,
      outcomes,
      repairs: this.#repairs,
      pruned: this.#pruned,
      excused: this.#excused,
      violations,
      traces: traces.toSorted((one, other) => one.length - other.length),
    }
  }
}

/** Rules about leftovers, which a later call or run may still have to end. */
const AT_THE_END = new Set(['no page without a master', 'no body without a record', 'no lock is left'])

function halfOf(record: FinalTransaction | undefined): string | undefined {
  if (record === undefined) return undefined
  const { master, pages } = record
  if (master?.creating) return 'marks'
  if (!pages.some(page => page?.creating)) return undefined
  return master === undefined ? 'pages without a master' : 'page marks'
}
