import { StoreError } from '../../errors/index.ts'
import { BINS } from '../../record/index.ts'
import type { Settings } from '../../settings/index.ts'
import type { Administration, IndexDefinition } from '../../transport/index.ts'
import { released } from '../waiting/released.ts'
import { PRUNE_INTENT_HEIGHT, pruneIntentSet } from './prune-intent-set.ts'

/** What names depend on. */
export interface IndexNames {
  /** Of the index on delete-at-heights. */
  readonly deleteAtHeight: string
  /** The set of the intents of the pruner. */
  readonly pruneIntentSet: string
}

export function indexNames({ prunerIndexName }: Settings, set: string): IndexNames {
  return { deleteAtHeight: prunerIndexName, pruneIntentSet: pruneIntentSet(set) }
}

/** The secondary indexes, all numeric, under the names that the reference gives them (semantics 1.13). */
export const INDEXES = {
  unminedSince: () => ({ name: 'unminedSinceIndex', bin: BINS.unminedSince }),
  preserveUntil: () => ({ name: 'preserveUntilIndex', bin: BINS.preserveUntil }),
  deleteAtHeight: names => ({ name: names.deleteAtHeight, bin: BINS.deleteAtHeight }),
  /** Without it each run of the pruner would read the primary index of the whole namespace. */
  pruneIntent: names => ({
    name: 'pruneIntentIndex',
    bin: PRUNE_INTENT_HEIGHT,
    set: names.pruneIntentSet,
  }),
} as const satisfies Record<string, (names: IndexNames) => Omit<IndexDefinition, 'type'>>

export type IndexName = keyof typeof INDEXES

export function indexDefinition(name: IndexName, names: IndexNames): IndexDefinition {
  return { ...INDEXES[name](names), type: 'numeric' }
}

/**
 * Sees that an index exists and is built before it is queried. It is created at its first need, once for each
 * store: a set that nobody queries carries none, since each costs memory for every record.
 */
export class Indexes {
  readonly #administration: Administration
  readonly #names: IndexNames
  readonly #ready = new Map<IndexName, Promise<void>>()
  readonly #closing = new AbortController()

  constructor(administration: Administration, names: IndexNames) {
    this.#administration = administration
    this.#names = names
  }

  /** Resolves when every node has built the index. A failure is not remembered: the next call tries again. */
  ready(index: IndexName, signal: AbortSignal | undefined): Promise<void> {
    const definition = indexDefinition(index, this.#names)
    let ready = this.#ready.get(index)
    if (ready === undefined) {
      // Not under the signal of the first caller: others wait for the same index.
      ready = this.#administration.ensureIndex(definition, this.#closing.signal)
      this.#ready.set(index, ready)
      ready.catch(() => this.#ready.delete(index))
    }
    return released(ready, { name: `waiting for the index on ${definition.bin}`, signal })
  }

  /** Ends the waits for indexes that are being built; the servers go on building them. */
  close(): void {
    this.#closing.abort(new StoreError('SERVICE_UNAVAILABLE', 'the store is closing'))
  }
}
