import { PARTITION_COUNT } from '../../protocol/index.ts'
import { has, NO_NODES, type NodeSet, only, positionsOf, setOf } from './node-set.ts'
import { successionLists } from './succession.ts'

/** A copy of a partition that its node has to empty: it is not kept up to date any longer. */
export interface Leftover {
  readonly partitionId: number
  readonly position: number
}

export interface Rebalance {
  /** Partitions of which no complete copy is left. */
  readonly lostPartitions: number
  readonly leftovers: readonly Leftover[]
}

const NOBODY = -1

/**
 * Which nodes have which partitions.
 *
 * The first nodes of a partition's succession that belong to the cluster are its owners, as many as there are
 * copies. A node becomes an owner when it has a complete copy; until then it is being filled, and the nodes that
 * have complete copies stay in charge. One of these is the master. Whatever the master writes goes to all of them,
 * those that are being filled included, so that whichever is left can go on without losing a write.
 *
 * Nodes count by position; nothing in here knows what a partition holds.
 */
export class PartitionMap {
  readonly replicationFactorMax: number
  readonly #successions: readonly (readonly number[])[]
  readonly #masters = new Int8Array(PARTITION_COUNT).fill(NOBODY)
  /** Nodes with every acknowledged write of a partition. */
  readonly #complete = new Uint16Array(PARTITION_COUNT)
  /** Nodes that get every write from now on, and the records from before piece by piece. */
  readonly #filling = new Uint16Array(PARTITION_COUNT)
  /** The owners to be of each partition, the master to be first. */
  #owners: readonly (readonly number[])[] = []
  #replicationFactor = 0
  #fillingCount = 0

  constructor(nodeCount: number, replicationFactorMax: number) {
    this.#successions = successionLists(nodeCount)
    this.replicationFactorMax = replicationFactorMax
  }

  /** How many copies of partitions are being filled. */
  get fillingCount(): number {
    return this.#fillingCount
  }

  /** How many copies of a record there are in the end. */
  get replicationFactor(): number {
    return this.#replicationFactor
  }

  /** Undefined while no node belongs to the cluster. */
  master(partitionId: number): number | undefined {
    const master = at(this.#masters, partitionId)
    return master === NOBODY ? undefined : master
  }

  isComplete(partitionId: number, position: number): boolean {
    return has(at(this.#complete, partitionId), position)
  }

  /** The nodes that writes of the master go to. */
  copies(partitionId: number): NodeSet {
    const all = at(this.#complete, partitionId) | at(this.#filling, partitionId)
    return all & ~only(at(this.#masters, partitionId))
  }

  filling(partitionId: number): NodeSet {
    return at(this.#filling, partitionId)
  }

  /** The nodes that clients are told of: the master, then the owners to be. */
  announced(partitionId: number): readonly number[] {
    const master = this.master(partitionId)
    if (master === undefined) return []
    const others = this.#ownersOf(partitionId).filter(position => position !== master)
    return [master, ...others].slice(0, this.#replicationFactor)
  }

  /** Whether a node has anything that others still need. */
  isNeeded(position: number): boolean {
    return this.#complete.some(complete => has(complete, position))
  }

  /**
   * Adapts to a change of membership.
   *
   * @param members nodes that belong to the cluster
   * @param leaving those of them that hand over what they have
   */
  rebalance(members: NodeSet, leaving: NodeSet): Rebalance {
    const staying = members & ~leaving
    this.#replicationFactor = Math.min(this.replicationFactorMax, positionsOf(staying).length)
    this.#owners = this.#successions.map(succession =>
      succession.filter(position => has(staying, position)).slice(0, this.#replicationFactor),
    )
    const leftovers: Leftover[] = []
    let lostPartitions = 0
    for (let partitionId = 0; partitionId < PARTITION_COUNT; partitionId++) {
      if (this.#adapt(partitionId, members, leftovers)) lostPartitions++
    }
    return { lostPartitions, leftovers }
  }

  /**
   * A copy is complete now. With the last one of a partition the owners take over.
   *
   * @returns whether the master changed, and the copies that nobody needs any longer
   */
  filled(partitionId: number, position: number): { masterChanged: boolean; leftovers: readonly Leftover[] } {
    const master = at(this.#masters, partitionId)
    this.#complete[partitionId] = at(this.#complete, partitionId) | only(position)
    this.#setFilling(partitionId, at(this.#filling, partitionId) & ~only(position))
    const leftovers = this.#settle(partitionId)
    return { masterChanged: at(this.#masters, partitionId) !== master, leftovers }
  }

  /** @returns whether no complete copy was left */
  #adapt(partitionId: number, members: NodeSet, leftovers: Leftover[]): boolean {
    const before = at(this.#complete, partitionId)
    const partial = at(this.#filling, partitionId) & members
    const owners = setOf(this.#ownersOf(partitionId))
    const isLost = before !== NO_NODES && (before & members) === NO_NODES
    let complete = before & members
    if (complete === NO_NODES) {
      // As a cluster that prefers availability does: what is left of the partition goes on being served.
      const heir = this.#firstOf(partitionId, partial)
      complete = heir === undefined ? owners : only(heir)
    }
    // Two partial copies may differ: all but the heir's begin anew.
    const abandoned = partial & ~complete & (isLost ? ~NO_NODES : ~owners)
    leftovers.push(...positionsOf(abandoned).map(position => ({ partitionId, position })))
    this.#complete[partitionId] = complete
    this.#setFilling(partitionId, owners & ~complete)
    leftovers.push(...this.#settle(partitionId))
    return isLost
  }

  /** Chooses the master; when nothing is left to fill, the owners are the only ones to keep the partition. */
  #settle(partitionId: number): readonly Leftover[] {
    const owners = this.#ownersOf(partitionId)
    const [first] = owners
    const complete = at(this.#complete, partitionId)
    const current = at(this.#masters, partitionId)
    if (first !== undefined && has(complete, first)) this.#masters[partitionId] = first
    else if (current === NOBODY || !has(complete, current)) {
      this.#masters[partitionId] = this.#firstOf(partitionId, complete) ?? NOBODY
    }
    if (first === undefined || at(this.#filling, partitionId) !== NO_NODES) return []
    const kept = setOf(owners)
    this.#complete[partitionId] = kept
    return positionsOf(complete & ~kept).map(position => ({ partitionId, position }))
  }

  #ownersOf(partitionId: number): readonly number[] {
    return this.#owners[partitionId] ?? []
  }

  #firstOf(partitionId: number, nodes: NodeSet): number | undefined {
    return this.#successions[partitionId]?.find(position => has(nodes, position))
  }

  #setFilling(partitionId: number, nodes: NodeSet): void {
    if (nodes === at(this.#filling, partitionId)) return
    this.#fillingCount += positionsOf(nodes).length - positionsOf(at(this.#filling, partitionId)).length
    this.#filling[partitionId] = nodes
  }
}

/** An entry of one of the tables above. @throws RangeError for what is no partition */
function at(table: Int8Array | Uint16Array, partitionId: number): number {
  const entry = table[partitionId]
  if (entry === undefined) throw new RangeError(`partition ${partitionId}`)
  return entry
}
