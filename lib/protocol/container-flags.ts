/** Flags in the metadata element of a list (protocol 8.1). */
export const LIST_FLAGS = { ORDERED: 1 } as const

/** Flags in the metadata pair of a map (protocol 8.1). Value order without key order is kept, if odd. */
export const MAP_FLAGS = {
  KEY_ORDERED: 1,
  VALUE_ORDERED: 2,
  KEY_VALUE_ORDERED: 3,
  /** Only in results, and what expressions store of them: pairs in the order of the answer. */
  PRESERVE_ORDER: 8,
  /** Asks a server to keep the index of the map on disk; never stored. */
  PERSIST_INDEX: 0x10,
} as const
