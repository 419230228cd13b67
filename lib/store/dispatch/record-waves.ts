/** The most rows for one record in one batch: a server refuses more than 20 that wait for it with KEY_BUSY. */
const ROWS_PER_RECORD_MAX = 8

/** Splits items, in order, into waves that can each go out at once: none has too many rows for one record. */
export function recordWaves<Item>(items: readonly Item[], recordOf: (item: Item) => string): Item[][] {
  const rowsSoFar = new Map<string, number>()
  const waves: Item[][] = []
  for (const item of items) {
    const record = recordOf(item)
    const rows = rowsSoFar.get(record) ?? 0
    rowsSoFar.set(record, rows + 1)
    const wave = Math.floor(rows / ROWS_PER_RECORD_MAX)
    waves[wave] ??= []
    waves[wave]?.push(item)
  }
  return waves
}
