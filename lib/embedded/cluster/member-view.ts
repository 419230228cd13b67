import { PARTITION_COUNT } from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import type { Cluster } from './cluster.ts'
import type { ClusterView, PartitionRole, Peer } from './cluster-view.ts'
import type { Member } from './member.ts'
import { has, positionsOf } from './node-set.ts'

/** The cluster as one member sees it. */
export class MemberView implements ClusterView {
  readonly #cluster: Cluster
  readonly #self: Member

  constructor(cluster: Cluster, self: Member) {
    this.#cluster = cluster
    this.#self = self
  }

  get isAlone(): boolean {
    return this.#cluster.members.length === 1
  }

  get key(): string {
    return this.#cluster.key
  }

  get size(): number {
    return this.#members().length
  }

  get generation(): number {
    return this.#cluster.generation
  }

  get principal(): string {
    const names = this.#members().map(member => member.name)
    return names.reduce((highest, name) => (name > highest ? name : highest), '')
  }

  get peersGeneration(): number {
    // Counts from 0, as a node does that never saw another one.
    return this.#cluster.generation - 1
  }

  get partitionGeneration(): number {
    return this.#cluster.partitionGeneration
  }

  get replicationFactorMax(): number {
    return this.#cluster.map.replicationFactorMax
  }

  get replicationFactor(): number {
    return this.#cluster.map.replicationFactor
  }

  get migrations(): { all: number; incoming: number; outgoing: number } {
    const { map } = this.#cluster
    let incoming = 0
    let outgoing = 0
    if (map.fillingCount > 0) {
      for (let partitionId = 0; partitionId < PARTITION_COUNT; partitionId++) {
        const filling = map.filling(partitionId)
        if (has(filling, this.#self.position)) incoming++
        if (map.master(partitionId) === this.#self.position) outgoing += positionsOf(filling).length
      }
    }
    return { all: map.fillingCount, incoming, outgoing }
  }

  peers(): readonly Peer[] {
    const others = this.#members().filter(member => member !== this.#self)
    return others.flatMap(({ address }) => address ?? [])
  }

  nodes(): Iterable<ServerNode> {
    return this.#cluster.members.map(member => member.memory).filter(isNode)
  }

  masters(partitionId: number): boolean {
    const { reachableNode, position } = this.#self
    return reachableNode !== undefined && this.#cluster.map.master(partitionId) === position
  }

  role(partitionId: number): PartitionRole | undefined {
    const { map } = this.#cluster
    const { position } = this.#self
    if (map.master(partitionId) === position) return 'master'
    if (map.announced(partitionId).includes(position)) return 'replica'
    return map.isComplete(partitionId, position) ? 'leftover' : undefined
  }

  replicaIndex(partitionId: number): number | undefined {
    const index = this.#cluster.map.announced(partitionId).indexOf(this.#self.position)
    return index < 0 ? undefined : index
  }

  executor(partitionId: number, readOnly: boolean): ServerNode | undefined {
    const { map, members } = this.#cluster
    const here = this.#self.reachableNode
    if (readOnly && here !== undefined && map.isComplete(partitionId, this.#self.position)) return here
    const master = map.master(partitionId)
    return master === undefined ? undefined : members[master]?.reachableNode
  }

  changed(withinMs: number): Promise<void> {
    return this.#cluster.changed(withinMs)
  }

  #members(): readonly Member[] {
    return this.#cluster.members.filter(member => member.belongs)
  }
}

function isNode(node: ServerNode | undefined): node is ServerNode {
  return node !== undefined
}
