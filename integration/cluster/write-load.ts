import { EventEmitter, once } from 'node:events'
import Aerospike from 'aerospike'
import type { EmbeddedServerHandle } from 'aerospike-utxo-store/embedded'

const NAMESPACE = 'test'
const SET = 'load'
const WRITERS = 24

/** A client of a cluster that soon notices when nodes come and go. */
export function clusterClient(server: EmbeddedServerHandle): Promise<Aerospike.Client> {
  const policy = { totalTimeout: 1_000, socketTimeout: 1_000 }
  return Aerospike.connect({
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
}

export function loadKey(name: string): Aerospike.KeyOptions {
  return { ns: NAMESPACE, set: SET, key: name }
}

/** As loadKey, for batches. */
export function batchKey(name: string): Aerospike.Key {
  return new Aerospike.Key(NAMESPACE, SET, name)
}

/** What the load wrote, as it knows it. */
export interface Account {
  /** Keys of puts that were acknowledged, each written once with its own number. */
  readonly puts: ReadonlyMap<string, number>
  /** Increments by key: those acknowledged, and those that may have happened. */
  readonly increments: ReadonlyMap<string, { readonly acknowledged: number; readonly unknown: number }>
}

/** Puts and increments without a pause, whatever happens to the nodes, and an account of what was acknowledged. */
export class WriteLoad {
  readonly #client: Aerospike.Client
  readonly #events = new EventEmitter()
  readonly #puts = new Map<string, number>()
  readonly #increments = new Map<string, { acknowledged: number; unknown: number }>()
  readonly #writers: Promise<void>[]
  #isOver = false
  #acknowledged = 0

  constructor(client: Aerospike.Client) {
    this.#client = client
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
      if (await this.#attempt(this.#client.put(loadKey(name), { number }))) this.#puts.set(name, number)
      const increment = this.#client.operate(loadKey(counter), [Aerospike.operations.incr('count', 1)])
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
export async function losses(client: Aerospike.Client, { puts, increments }: Account): Promise<string[]> {
  const found: string[] = []
  const names = [...puts.keys()]
  for (let at = 0; at < names.length; at += 1_000) {
    const keys = names.slice(at, at + 1_000).map(name => ({ key: batchKey(name), readAllBins: true }))
    for (const { record, status } of await client.batchRead(keys)) {
      const name = String(record.key.key)
      if (status !== 0) found.push(`${name}: status ${status}`)
      else if (record.bins.number !== puts.get(name)) found.push(`${name}: ${JSON.stringify(record.bins)}`)
    }
  }
  for (const [name, { acknowledged, unknown }] of increments) {
    const { bins } = await client.get(loadKey(name))
    const count = Number(bins.count)
    if (count < acknowledged || count > acknowledged + unknown) {
      found.push(`${name}: ${count}, of ${acknowledged} acknowledged and ${unknown} unknown`)
    }
  }
  return found
}
