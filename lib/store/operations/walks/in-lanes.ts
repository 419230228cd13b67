/** Bodies of external transactions that are in work at a time. */
export const BODIES_IN_WORK = 16

/** Runs work for each item, so many at a time, and returns the results in order. The first failure ends it after those in work. */
export async function inLanes<Item, Result>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length)
  const queue = items.entries()
  let failure: { readonly error: unknown } | undefined
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failure !== undefined) return
      try {
        results[index] = await work(item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane))
  if (failure !== undefined) throw failure.error
  return results
}
