/** Bits of the byte info1 (protocol 3.1): what is read. */
export const INFO1 = {
  READ: 0x01,
  GET_ALL: 0x02,
  SHORT_QUERY: 0x04,
  BATCH: 0x08,
  XDR: 0x10,
  GET_NO_BINS: 0x20,
  READ_ALL_REPLICAS: 0x40,
  COMPRESS_RESPONSE: 0x80,
} as const

/** Bits of the byte info2 (protocol 3.1): what is written, and under which condition. */
export const INFO2 = {
  WRITE: 0x01,
  DELETE: 0x02,
  GENERATION: 0x04,
  GENERATION_GT: 0x08,
  DURABLE_DELETE: 0x10,
  CREATE_ONLY: 0x20,
  RELAX_AP_LONG_QUERY: 0x40,
  RESPOND_ALL_OPS: 0x80,
} as const

/** Bits of the byte info3 (protocol 3.1). */
export const INFO3 = {
  LAST: 0x01,
  COMMIT_LEVEL_MASTER: 0x02,
  PARTITION_DONE: 0x04,
  UPDATE_ONLY: 0x08,
  CREATE_OR_REPLACE: 0x10,
  REPLACE_ONLY: 0x20,
  SC_READ_TYPE: 0x40,
  SC_READ_RELAX: 0x80,
} as const

/** Bits of the byte info4 (protocol 3.1): multi-record transactions, an enterprise feature. */
export const INFO4 = {
  VERIFY_READ: 0x01,
  ROLL_FORWARD: 0x02,
  ROLL_BACK: 0x04,
  ON_LOCKING_ONLY: 0x10,
} as const

/** Bits of the flag byte of a batch request (protocol 6.1). */
export const BATCH_FLAGS = {
  INLINE_MEMORY: 0x01,
  INLINE_DEVICE: 0x02,
  RESPOND_ALL_KEYS: 0x04,
  REPORT_ERROR_ROWS: 0x08,
} as const

/** Bits of the flag byte of a batch row (protocol 6.1): which parts follow. */
export const BATCH_ROW_FLAGS = {
  REPEAT: 0x01,
  INFO: 0x02,
  GENERATION: 0x04,
  TTL: 0x08,
  INFO4: 0x10,
} as const
