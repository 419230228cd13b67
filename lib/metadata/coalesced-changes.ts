import { StoreError } from '../errors/index.ts'
import type { MetadataBatch, MetadataStore } from './metadata-store.ts'

export const DELETED = Symbol('deleted')

export type Change = Uint8Array | typeof DELETED

/** The last change of each key. */
export type Changes = ReadonlyMap<string, Change>

export interface LostChanges {
  readonly count: number
  /** What the base store said first. */
  readonly cause: unknown
}

/**
 * Applies the changes as one batch. One that the base store has no room for is halved, what takes least first, until
 * only what does not fit is lost: nobody asked for these changes to be applied together, and one large value must not take
 * the height of the tip with it. Resolves with what was lost, undefined where nothing was.
 */
export async function applyChanges(base: MetadataStore, changes: Changes): Promise<LostChanges | undefined> {
  try {
    await base.batchMetadata(batchOf(changes))
    return undefined
  } catch (cause) {
    const isTooLarge = cause instanceof StoreError && cause.code === 'PROCESSING'
    if (!isTooLarge || changes.size === 1) return { count: changes.size, cause }
    const bySize = [...changes].sort(([, one], [, other]) => bytesOf(one) - bytesOf(other))
    const half = Math.ceil(bySize.length / 2)
    const smaller = await applyChanges(base, new Map(bySize.slice(0, half)))
    const larger = await applyChanges(base, new Map(bySize.slice(half)))
    const count = (smaller?.count ?? 0) + (larger?.count ?? 0)
    return count === 0 ? undefined : { count, cause: (smaller ?? larger)?.cause }
  }
}

function batchOf(changes: Changes): MetadataBatch {
  const puts = new Map<string, Uint8Array>()
  const deletes: string[] = []
  for (const [key, change] of changes) {
    if (change === DELETED) deletes.push(key)
    else puts.set(key, change)
  }
  return { puts, deletes }
}

/** A removal makes room. */
function bytesOf(change: Change): number {
  return change === DELETED ? -1 : change.length
}
