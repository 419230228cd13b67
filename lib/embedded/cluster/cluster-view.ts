import type { ServerNode } from '../server-node.ts'

/** Another node, and where clients reach it. */
export interface Peer {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** What a node holds of a partition. */
export type PartitionRole = 'master' | 'replica' | 'leftover'

/** The cluster as one of its nodes sees it: what info answers are made of, and where commands run. */
export interface ClusterView {
  /** A single node owns all there is: nothing has to be asked. */
  readonly isAlone: boolean
  /** Upper-case hex, another one after every change of membership. */
  readonly key: string
  /** How many nodes belong to it. */
  readonly size: number
  /** Counts the changes of membership, from 1. */
  readonly generation: number
  /** The name of the node that leads it. */
  readonly principal: string
  /** Counts the changes of `peers`; clients ask for them again when it changed. */
  readonly peersGeneration: number
  /** Counts the changes of who owns which partition; clients ask again when it changed. */
  readonly partitionGeneration: number
  /** How many copies of each record there are meant to be. */
  readonly replicationFactorMax: number
  /** How many there are with the nodes that are left, once all migrations are done. */
  readonly replicationFactor: number
  /** Copies of partitions that are being filled: in the whole cluster, to this node, and from it. */
  readonly migrations: { readonly all: number; readonly incoming: number; readonly outgoing: number }
  /** The others that belong to the cluster. */
  peers(): readonly Peer[]
  /** The nodes that hear of a change of what is the same everywhere: functions, indexes, truncation. */
  nodes(): Iterable<ServerNode>
  /** Whether this node decides about a partition: runs its commands and answers queries on it. */
  masters(partitionId: number): boolean
  /** What this node holds of a partition; undefined = nothing. */
  role(partitionId: number): PartitionRole | undefined
  /**
   * As which copy clients are told that this node holds a partition: 0 = the master, 1 = its replica, and so on;
   * undefined = not at all.
   */
  replicaIndex(partitionId: number): number | undefined
  /**
   * The node that a command runs on, by the present owners of its partition: also for a node that was thought
   * dead and does not know it. Undefined while nobody can run it: its master was lost or is frozen, and the
   * others have not noticed yet.
   *
   * @param readOnly a read that changes nothing, which a replica may answer
   */
  executor(partitionId: number, readOnly: boolean): ServerNode | undefined
  /** Resolves when executors may have changed, at the latest after some milliseconds. */
  changed(withinMs: number): Promise<void>
}
