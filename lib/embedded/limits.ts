/** Bytes in the name of a bin at most (protocol 3.3). */
export const BIN_NAME_BYTES_MAX = 15
/** Bytes in the name of a set at most. */
export const SET_NAME_BYTES_MAX = 63
/** How long a client waits that does not say it (protocol 2.7, transaction-max-ms). */
export const TIMEOUT_MS_DEFAULT = 1_000
