import { EventEmitter, once } from 'node:events'
import Aerospike from 'aerospike'
import type { BatchRow, Bins, Transport } from 'aerospike-utxo-store'
import type { EmbeddedServerHandle } from 'aerospike-utxo-store/embedded'
// It is closed while nodes come and go.
import { withSafeClose } from '../../dist/transport/client/index.js'

const NAMESPACE = 'test'
const SET = 'load'
const WRITERS = 24

/** A client of a cluster that soon notices when nodes come and go. */
export function clusterClient(server: EmbeddedServerHandle): Promise<Aerospike.Client> {
  const policy = { totalTimeout: 1_000, socketTimeout: 1_000 }
  const client = Aerospike.client({
    hosts: server.nodes.map(({ host, port }) => ({ addr: host, port })),
    tenderInterval: 250,
    log: { level: Aerospike.log.OFF },
    policies: {
      read: { ...policy, maxRetries: 10 },
      write: { ...policy, maxRetries: 2 },
      // An increment that is sent twice counts twice.
      operate: { ...policy, maxRetries: 0 },
      batch: { ...policy, maxRetries: 10 },
    },
  } as Aerospike.ConfigOptions)
  return withSafeClose(client).connect()
}

export function loadKey(name: string): Aerospike.KeyOptions {
  return { ns: NAMESPACE, set: SET, key: name }
}

/** As loadKey, for batches. */
export function batchKey(name: string): Aerospike.Key {
  return new Aerospike.Key(NAMESPACE, SET, name)
}

/** What carries the load to the cluster. */
export interface LoadTarget {
  put(name: string, number: number): Promise<unknown>
  increment(name: string): Promise<unknown>
  /** The bins of each record; undefined, or the status, of one that is not read. */
  read(names: readonly string[]): Promise<readonly (Bins | number | undefined)[]>
}

export function clientTarget(client: Aerospike.Client): LoadTarget {
  return {
    put: (name, number) => client.put(loadKey(name), { number }),
    increment: name => client.operate(loadKey(name), [Aerospike.operations.incr('count', 1)]),
    async read(names) {
      const rows = await client.batchRead(names.map(name => ({ key: batchKey(name), readAllBins: true })))
      return rows.map(({ record, status }) => (status === 0 ? (record.bins as Bins) : Number(status)))
    },
  }
}

export function transportTarget(transport: Transport): LoadTarget {
  const keyOf = (name: string) => ({ set: SET, userKey: name })
  const write = async (name: string, operation: Operation): Promise<void> => {
    const row = { kind: 'write', key: keyOf(name), exists: 'any', operations: [operation] } as const
    // An increment that is sent twice counts twice.
    const once = operation.kind === 'add'
    const [answer] = await transport.batchOperate([row], { timeout: 1_000, once })
    if (answer?.status !== 0) throw new Error(`status ${answer?.status}`)
  }
  return {
    put: (name, value) => write(name, { kind: 'put', bin: 'number', value }),
    increment: name => write(name, { kind: 'add', bin: 'count', value: 1 }),
    async read(names) {
      const rows = names.map(name => ({ kind: 'read', key: keyOf(name), bins: 'all' }) as const)
      const answers = await transport.batchOperate(rows, { timeout: 10_000 })
      return answers.map(({ status, bins }) => (status === 0 ? bins : status))
    },
  }
}

type Operation = Extract<BatchRow, { kind: 'write' }>['operations'][number]

/** What the load wrote, as it knows it. */
export interface Account {
  /** Keys of puts that were acknowledged, each written once with its own number. */
  readonly puts: ReadonlyMap<string, number>
  /** Increments by key: those acknowledged, and those that may have happened. */
  readonly increments: ReadonlyMap<string, { readonly acknowledged: number; readonly unknown: number }>
}

/** Puts and increments without a pause, whatever happens to the nodes, and an account of what was acknowledged. */
export class WriteLoad {
  readonly #target: LoadTarget
  readonly #events = new EventEmitter()
  readonly #puts = new Map<string, number>()
  readonly #increments = new Map<string, { acknowledged: number; unknown: number }>()
  readonly #writers: Promise<void>[]
  #isOver = false
  #acknowledged = 0

  constructor(target: LoadTarget) {
    this.#target = target
    this.#writers = Array.from({ length: WRITERS }, (_, writer) => this.#write(writer))
  }

  /** Resolves when so many more writes were acknowledged, or the load is over. */
  async more(writes: number): Promise<void> {
    const goal = this.#acknowledged + writes
    while (this.#acknowledged < goal && !this.#isOver) await once(this.#events, 'progress')
  }

  /** Ends the load, and tells what it did. May be called again. */
  async end(): Promise<Account> {
    this.#isOver = true
    this.#events.emit('progress')
    await Promise.all(this.#writers)
    return { puts: this.#puts, increments: this.#increments }
  }

  async #write(writer: number): Promise<void> {
    const counter = `counter ${writer}`
    const counts = { acknowledged: 0, unknown: 0 }
    this.#increments.set(counter, counts)
    for (let number = 0; !this.#isOver; number++) {
      const name = `put ${writer} ${number}`
      if (await this.#attempt(this.#target.put(name, number))) this.#puts.set(name, number)
      const increment = this.#target.increment(counter)
      if (await this.#attempt(increment)) counts.acknowledged++
      else counts.unknown++
    }
  }

  /** @returns whether it was acknowledged */
  async #attempt(write: Promise<unknown>): Promise<boolean> {
    try {
      await write
      this.#acknowledged++
      this.#events.emit('progress')
      return true
    } catch {
      // Errors of the client come at once when it has no node: others get their turn.
      await new Promise(resolve => setImmediate(resolve))
      return false
    }
  }
}

/** What of an account is not as it should be, in words. */
export async function losses(target: LoadTarget, { puts, increments }: Account): Promise<string[]> {
  const found: string[] = []
  const names = [...puts.keys()]
  for (let at = 0; at < names.length; at += 1_000) {
    const part = names.slice(at, at + 1_000)
    for (const [index, bins] of (await target.read(part)).entries()) {
      const name = part[index] ?? ''
      if (typeof bins !== 'object' || bins.number !== puts.get(name))
        found.push(`${name}: ${JSON.stringify(bins)}`)
    }
  }
  const counters = [...increments.keys()]
  for (const [index, bins] of (await target.read(counters)).entries()) {
    const { acknowledged, unknown } = increments.get(counters[index] ?? '') ?? { acknowledged: 0, unknown: 0 }
    const count = typeof bins === 'object' ? Number(bins.count) : 0
    if (count < acknowledged || count > acknowledged + unknown)
      found.push(`${counters[index]}: ${count}, of ${acknowledged} acknowledged and ${unknown} unknown`)
  }
  return found
}
