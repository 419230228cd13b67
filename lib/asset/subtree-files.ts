/** One transaction of a subtree. */
export interface SubtreeNode {
  /** 32 bytes, internal order; 32 × FF stands for the coinbase, in the first place only. */
  readonly txid: Uint8Array
  /** Length of its standard encoding as the subtree tells it; 0 where that is not known yet. */
  readonly sizeBytes: number
}

/** The list of a subtree's transactions, open. */
export interface SubtreeNodes {
  readonly count: number
  /** At most `count` nodes from index `from` on; fewer at the end. */
  read(from: number, count: number): Promise<SubtreeNode[]>
  close(): Promise<void>
}

/** A subtree's data file, open. */
export interface SubtreeDataFile {
  /** Length of its transactions, in bytes. */
  readonly sizeBytes: number
  /** The transactions' standard encodings, one after the other, in pieces that do not respect their limits. */
  read(): AsyncGenerator<Uint8Array, void, undefined>
  close(): Promise<void>
}

/** A subtree's data file that is being written, and that nobody sees before it is published. */
export interface PartialDataFile {
  write(piece: Uint8Array): Promise<void>
  /** Makes it visible, whole, and lasting. */
  publish(): Promise<void>
  /** Removes it. After `publish` it does nothing. Never rejects. */
  discard(): Promise<void>
}

/**
 * Where subtrees lie. They are named by the display hex of their root, 64 lower-case characters. Every failure is
 * a `StoreError`, `STORAGE_ERROR` where a file is damaged.
 */
export interface SubtreeFiles {
  hasData(root: string): Promise<boolean>
  /** Undefined where there is none. */
  openData(root: string): Promise<SubtreeDataFile | undefined>
  hasSubtree(root: string): Promise<boolean>
  /** Undefined where there is none. */
  openSubtree(root: string): Promise<SubtreeNodes | undefined>
  /** Begins a data file. Throws `BLOB_ALREADY_EXISTS` where there is one. */
  createData(root: string): Promise<PartialDataFile>
}
