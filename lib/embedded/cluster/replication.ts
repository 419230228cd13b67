import { partitionId } from '../../protocol/index.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { RecordFollower } from '../storage/record-follower.ts'
import type { RecordImage } from '../storage/record-image.ts'
import type { StoredRecord } from '../storage/stored-record.ts'

/** A record as other nodes keep it. */
export function imageOf(digest: Buffer, record: StoredRecord): RecordImage {
  return {
    digest,
    setName: record.set?.name ?? '',
    bins: record.bins,
    binCount: record.binCount,
    generation: record.generation,
    voidTimeSeconds: record.voidTimeSeconds,
    lastUpdateMs: record.lastUpdateMs,
    userKey: record.userKey,
  }
}

/**
 * Brings the changes of a master to the other copies, within the change: nothing is acknowledged that is not
 * everywhere. On a node that is not the master of a partition it does nothing, so changes do not go round.
 */
export class Replication implements RecordFollower {
  readonly #copiesOf: (partitionId: number) => readonly Namespace[]

  /** @param copiesOf the other copies of a partition, none for one that the node does not master */
  constructor(copiesOf: (partitionId: number) => readonly Namespace[]) {
    this.#copiesOf = copiesOf
  }

  written(digest: Buffer, record: StoredRecord): void {
    for (const copy of this.#copiesOf(partitionId(digest))) copy.store(imageOf(digest, record))
  }

  removed(digest: Buffer): void {
    for (const copy of this.#copiesOf(partitionId(digest))) copy.remove(digest)
  }
}
