import { StoreError } from '../../errors/index.ts'
import { BINS } from '../../record/index.ts'
import type { Administration, IndexDefinition } from '../../transport/index.ts'
import { released } from '../waiting/released.ts'

/**
 * The secondary indexes of a set, all numeric, under the names that the reference gives them (semantics 1.13).
 * The one of the pruner comes with it.
 */
export const INDEXES = {
  unminedSince: { name: 'unminedSinceIndex', bin: BINS.unminedSince },
  preserveUntil: { name: 'preserveUntilIndex', bin: BINS.preserveUntil },
} as const

export type IndexName = keyof typeof INDEXES

export function indexDefinition(name: IndexName): IndexDefinition {
  return { ...INDEXES[name], type: 'numeric' }
}

/**
 * Sees that an index exists and is built before it is queried. It is created at its first need, once for each
 * store: a set that nobody queries carries none, since each costs memory for every record.
 */
export class Indexes {
  readonly #administration: Administration
  readonly #ready = new Map<IndexName, Promise<void>>()
  readonly #closing = new AbortController()

  constructor(administration: Administration) {
    this.#administration = administration
  }

  /** Resolves when every node has built the index. A failure is not remembered: the next call tries again. */
  ready(index: IndexName, signal: AbortSignal | undefined): Promise<void> {
    let ready = this.#ready.get(index)
    if (ready === undefined) {
      // Not under the signal of the first caller: others wait for the same index.
      ready = this.#administration.ensureIndex(indexDefinition(index), this.#closing.signal)
      this.#ready.set(index, ready)
      ready.catch(() => this.#ready.delete(index))
    }
    return released(ready, { name: `waiting for the index on ${INDEXES[index].bin}`, signal })
  }

  /** Ends the waits for indexes that are being built; the servers go on building them. */
  close(): void {
    this.#closing.abort(new StoreError('SERVICE_UNAVAILABLE', 'the store is closing'))
  }
}
