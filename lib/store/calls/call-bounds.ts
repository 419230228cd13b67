/** For calls that work on a list: its length, or 1 where the argument is no list and will be refused. */
export function lengthOf(list: readonly unknown[]): number {
  return Array.isArray(list) ? list.length : 1
}

/** A query takes one slice of partitions after the other, each within its own bound; it does not hold up the close. */
export const QUERY = { rounds: 4_096, endsAtClose: true } as const

/** Batches that a walk over descendants may take, one for each level; no bound could hold for every chain of them. */
export const WALK_ROUNDS = 64

/**
 * A creation's steps one after the other: links to parents, place, lock, look, pages, master, the marks of both,
 * release. Each is bounded by itself; several batches of pages go out at a time.
 */
export const CREATION_ROUNDS = 16
