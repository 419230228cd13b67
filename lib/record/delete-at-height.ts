/**
 * "Never" as a delete-at-height: some spends of the reference system write it into pages, where this library removes the
 * bin (semantics 3.11).
 */
export const NEVER_DELETED = 2 ** 32 - 1
