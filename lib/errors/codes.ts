/**
 * Every error code of this library, with the number that the reference system (Teranode) uses for it.
 * Callers switch on `StoreError.code`; the number is there for processes that exchange errors with a
 * Teranode node. `retryable` says that the same call may succeed later without a change by the caller.
 */
export const ERROR_CODES = {
  UNKNOWN: { number: 0, retryable: false },
  INVALID_ARGUMENT: { number: 1, retryable: false },
  NOT_FOUND: { number: 3, retryable: false },
  PROCESSING: { number: 4, retryable: false },
  CONTEXT_CANCELED: { number: 7, retryable: false },
  ERROR: { number: 9, retryable: false },
  TX_NOT_FOUND: { number: 30, retryable: false },
  TX_INVALID: { number: 31, retryable: false },
  TX_EXISTS: { number: 33, retryable: false },
  TX_CONFLICTING: { number: 36, retryable: false },
  TX_LOCKED: { number: 37, retryable: true },
  TX_COINBASE_IMMATURE: { number: 38, retryable: true },
  TX_CREATING: { number: 41, retryable: true },
  SERVICE_UNAVAILABLE: { number: 50, retryable: true },
  STORAGE_UNAVAILABLE: { number: 60, retryable: true },
  STORAGE_ERROR: { number: 69, retryable: true },
  UTXO_SPENT: { number: 70, retryable: false },
  UTXO_FROZEN: { number: 72, retryable: false },
  UTXO_HASH_MISMATCH: { number: 74, retryable: false },
  UTXO_INVALID_SIZE: { number: 75, retryable: false },
  UTXO_CONSENSUS_FROZEN: { number: 78, retryable: false },
  UTXO_ERROR: { number: 79, retryable: false },
  BLOB_ALREADY_EXISTS: { number: 90, retryable: false },
} as const

/** A stable string code; compare this, never a message. */
export type ErrorCode = keyof typeof ERROR_CODES
