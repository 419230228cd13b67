/** A secondary index on a bin of a set. */
export interface IndexDefinition {
  /** The store's set where absent. */
  readonly set?: string | undefined
  readonly name: string
  readonly bin: string
  readonly type: 'numeric'
}

/** `building`: it exists, but answers no queries yet. */
export type IndexState = 'missing' | 'building' | 'ready'

/** What the store asks of a cluster beside batches: the same for every transport, on the npm client. */
export interface Administration {
  /** File names of the registered UDF modules, on whichever node answers. */
  listUdfFiles(): Promise<string[]>
  /** Registers a UDF file under `fileName` and waits until every node has it. */
  registerUdf(fileName: string, source: string): Promise<void>
  /**
   * Creates a secondary index where the set has none on that bin, and waits until every node has built it. Where
   * another set of the namespace has the name, it is made distinct. Rejects with `CONTEXT_CANCELED` when the signal fires while it is being built.
   */
  ensureIndex(index: IndexDefinition, signal?: AbortSignal): Promise<void>
  /** The state of the index on that bin of its set, whatever its name, on each node. */
  indexStates(index: IndexDefinition): Promise<IndexState[]>
  /** The answer of every node to an info command, parameters included: `namespace/test`. */
  infoOfNodes(command: string): Promise<{ node: string; answer: string }[]>
  close(): Promise<void>
}
