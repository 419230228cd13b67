import { PARTITION_COUNT } from '../../protocol/index.ts'
import type { Namespace } from '../storage/namespace.ts'
import { positionsOf } from './node-set.ts'
import type { PartitionMap } from './partition-map.ts'
import { imageOf } from './replication.ts'
import type { Scheduler } from './scheduler.ts'

/** Records and partitions that are looked at before others get their turn. */
const STEPS_PER_TURN = 1_000

export interface MigrationNodes {
  /** Undefined for a node that cannot be reached: its migrations wait. */
  namespaces(position: number): ReadonlyMap<string, Namespace> | undefined
  /** A copy of a partition is complete. */
  filled(partitionId: number, position: number): void
  /** Nothing is left that could be done now. */
  idle(): void
}

/**
 * Fills the copies of partitions that are not complete, from the copies of their masters, in slices.
 *
 * While it pauses the master's writes reach the copy that is being filled, too (see Replication). So it never
 * matters in which order a record is copied and changed: both leave what the master has now.
 */
export class Migrations {
  readonly #map: PartitionMap
  readonly #nodes: MigrationNodes
  readonly #scheduler: Scheduler
  /** What is under way; another one takes its place when the cluster changes. */
  #steps: Iterator<void, void> | undefined

  constructor(map: PartitionMap, nodes: MigrationNodes, scheduler: Scheduler) {
    this.#map = map
    this.#nodes = nodes
    this.#scheduler = scheduler
  }

  /** Begins anew, with the nodes that can be reached now. What was not finished is copied once more. */
  restart(): void {
    const wasRunning = this.#steps !== undefined
    this.#steps = this.#fillAll()
    if (!wasRunning) this.#scheduler.soon(() => this.#turn())
  }

  stop(): void {
    this.#steps = undefined
  }

  #turn(): void {
    for (let step = 0; step < STEPS_PER_TURN; step++) {
      // Asked each time: what a step brings about may begin everything anew.
      if (this.#steps === undefined) return
      if (this.#steps.next().done === true) {
        this.#steps = undefined
        this.#nodes.idle()
        return
      }
    }
    this.#scheduler.soon(() => this.#turn())
  }

  *#fillAll(): Generator<void, void> {
    for (let partitionId = 0; partitionId < PARTITION_COUNT; partitionId++) {
      for (const position of positionsOf(this.#map.filling(partitionId))) {
        if (yield* this.#fill(partitionId, position)) this.#nodes.filled(partitionId, position)
        yield
      }
    }
  }

  /** @returns false when one of the two nodes cannot be reached */
  *#fill(partitionId: number, position: number): Generator<void, boolean> {
    const master = this.#map.master(partitionId)
    const sources = master === undefined ? undefined : this.#nodes.namespaces(master)
    const targets = this.#nodes.namespaces(position)
    if (sources === undefined || targets === undefined) return false
    for (const [name, source] of sources) {
      for (const record of source.partition(partitionId).records()) {
        targets.get(name)?.store(imageOf(record.digest, record))
        yield
      }
    }
    return true
  }
}
