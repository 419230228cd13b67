import { randomBytes } from 'node:crypto'
import { type Log, silentLog } from '../log.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { ClusterView } from './cluster-view.ts'
import { Member } from './member.ts'
import { MemberView } from './member-view.ts'
import { Migrations } from './migrations.ts'
import { equipNewcomer } from './newcomer.ts'
import { NO_NODES, type NodeSet, only, positionsOf } from './node-set.ts'
import { PartitionMap } from './partition-map.ts'
import { type Scheduler, systemScheduler } from './scheduler.ts'
import { Waiters } from './waiters.ts'

/** Copies of each record, the master's included. */
const REPLICATION_FACTOR = 2

export interface ClusterOptions {
  /** 1 to 16. */
  readonly nodeCount: number
  /** How long it takes the others to notice that a node died or is frozen. */
  readonly failureDetectionMs?: number
  readonly scheduler?: Scheduler
  readonly log?: Log
}

/**
 * The nodes of one process as a cluster: who belongs to it, and who owns which partition.
 *
 * All nodes live on one thread, and this object is the only truth about them. A command asks it at the moment
 * it runs. So a node that was frozen and expelled meanwhile cannot execute anything by what it believed before:
 * it rejoins first, empty, and what had been waiting in its sockets runs at the present owners.
 *
 * No acknowledged write is lost as long as one node of those with a complete copy of its partition remains:
 * with two copies, as long as a second node does not fail before the migrations after the first one are done
 * (`settled`). Beyond that partitions go on being served without what was lost, as in a cluster that prefers
 * availability (protocol 2.4: regime 0).
 */
export class Cluster {
  readonly map: PartitionMap
  readonly #members: readonly Member[]
  readonly #views: readonly MemberView[]
  readonly #failureDetectionMs: number
  readonly #scheduler: Scheduler
  readonly #log: Log
  readonly #migrations: Migrations
  readonly #waiters: Waiters
  #key = ''
  #generation = 0
  #partitionGeneration = -1

  constructor({ nodeCount, failureDetectionMs = 0, scheduler = systemScheduler, log }: ClusterOptions) {
    this.map = new PartitionMap(nodeCount, Math.min(REPLICATION_FACTOR, nodeCount))
    this.#members = Array.from({ length: nodeCount }, (_, position) => new Member(position))
    this.#views = this.#members.map(member => new MemberView(this, member))
    this.#failureDetectionMs = failureDetectionMs
    this.#scheduler = scheduler
    this.#log = log ?? silentLog
    this.#waiters = new Waiters(scheduler)
    this.#migrations = new Migrations(
      this.map,
      {
        namespaces: position => this.#reachable(position)?.namespaces,
        filled: (partitionId, position) => this.#filled(partitionId, position),
        idle: () => this.#waiters.wake(),
      },
      scheduler,
    )
  }

  get key(): string {
    return this.#key
  }

  get generation(): number {
    return this.#generation
  }

  get partitionGeneration(): number {
    return this.#partitionGeneration
  }

  get members(): readonly Member[] {
    return this.#members
  }

  /** The cluster as the node at a position sees it, through all its lives. */
  view(position: number): ClusterView {
    const view = this.#views[position]
    if (view === undefined) throw new RangeError(`node ${position}`)
    return view
  }

  /** Nodes without records come in: at first all together, later those that were started again. */
  join(nodes: ReadonlyMap<number, ServerNode>): void {
    this.#forgetFormerLives(nodes.keys())
    for (const [position, node] of nodes) {
      const member = this.#member(position)
      equipNewcomer(node, this.#metadataSource(), (namespaceName, partitionId) =>
        this.#copiesOf(member, namespaceName, partitionId),
      )
      member.join(node)
    }
    this.#expelOverdue()
    this.#rebalance()
  }

  /** Nodes that come back before anybody noticed that they were gone: what they had is gone all the same. */
  #forgetFormerLives(positions: Iterable<number>): void {
    const former = Array.from(positions, position => this.#member(position)).filter(member => member.belongs)
    if (former.length === 0) return
    for (const member of former) this.#expel(member)
    this.#rebalance()
  }

  /** A node is dead, with all it knew. The others notice later. */
  lost(position: number): void {
    const member = this.#member(position)
    member.reachability = 'gone'
    member.isLeaving = false
    this.#forget(member)
    this.#watchFailure(member)
  }

  /** A node stops in the midst of whatever it does. The others notice later. */
  freeze(position: number): void {
    const member = this.#member(position)
    member.reachability = 'frozen'
    this.#watchFailure(member)
  }

  /**
   * A frozen node goes on.
   *
   * @returns whether it still belongs to the cluster. If not, what it knows is out of date: it has to join anew,
   *   before it does anything else.
   */
  thaw(position: number): boolean {
    const member = this.#member(position)
    if (!member.belongs) return false
    member.reachability = 'reachable'
    member.stopWatching()
    if (this.#expelOverdue()) this.#rebalance()
    // What could not be copied to it or from it meanwhile.
    else this.#migrations.restart()
    this.#waiters.wake()
    return true
  }

  /** A node hands over what only it has. Resolves when nobody needs it any longer, or it is dead. */
  async handOver(position: number): Promise<void> {
    const member = this.#member(position)
    member.isLeaving = true
    this.#rebalance()
    await this.#waiters.until(() => !member.isLeaving || !this.#isNeeded(member))
  }

  /** A node that has handed over goes. */
  leave(position: number): void {
    const member = this.#member(position)
    member.reachability = 'gone'
    this.#forget(member)
    this.#expel(member)
    this.#rebalance()
  }

  /** Resolves when every failure was noticed, and every copy of a partition is complete. */
  settled(): Promise<void> {
    return this.#waiters.until(() => this.#isSettled())
  }

  /** Resolves at the next change of what can be reached or of who owns what, or after some milliseconds. */
  changed(withinMs: number): Promise<void> {
    return this.#waiters.next(withinMs)
  }

  /** Ends what is under way; who waits for something is released. */
  close(): void {
    for (const member of this.#members) {
      member.stopWatching()
      member.reachability = 'gone'
      member.isLeaving = false
      member.belongs = false
    }
    this.#migrations.stop()
    this.#waiters.wake()
  }

  #member(position: number): Member {
    const member = this.#members[position]
    if (member === undefined) throw new RangeError(`node ${position}`)
    return member
  }

  #reachable(position: number): ServerNode | undefined {
    return this.#members[position]?.reachableNode
  }

  /** The others of a node that could take over from it. */
  #hasOthers(member: Member): boolean {
    return this.#members.some(
      other => other !== member && other.reachableNode !== undefined && !other.isLeaving,
    )
  }

  /** A frozen node may go on, and take over then. */
  #isNeeded(member: Member): boolean {
    const couldTakeOver = this.#members.some(
      other => other !== member && other.memory !== undefined && !other.isLeaving,
    )
    return couldTakeOver && this.map.isNeeded(member.position)
  }

  #isSettled(): boolean {
    const someoneIsThere = this.#members.some(member => member.reachableNode !== undefined)
    if (!someoneIsThere) return true
    const isUnnoticed = this.#members.some(member => member.belongs && member.reachability !== 'reachable')
    const isLeaving = this.#members.some(member => member.isLeaving)
    return !isUnnoticed && !isLeaving && this.map.fillingCount === 0
  }

  #watchFailure(member: Member): void {
    member.watch(
      this.#scheduler.after(this.#failureDetectionMs, () => {
        member.isOverdue = true
        if (this.#expelOverdue()) this.#rebalance()
        this.#waiters.wake()
      }),
    )
    this.#migrations.restart()
    this.#waiters.wake()
  }

  /** Somebody has to be there to notice: a node that is alone stays what it was. */
  #expelOverdue(): boolean {
    const overdue = this.#members.filter(
      member => member.belongs && member.isOverdue && this.#hasOthers(member),
    )
    for (const member of overdue) {
      this.#log('info', `node ${member.name} is expelled: ${member.reachability}`)
      this.#expel(member)
    }
    return overdue.length > 0
  }

  /** Lets go of the memory of a dead node; the last one is where a new one learns of indexes and truncations. */
  #forget(member: Member): void {
    if (this.#members.some(other => other !== member && other.node !== undefined)) member.node = undefined
  }

  #expel(member: Member): void {
    member.stopWatching()
    member.belongs = false
    member.isLeaving = false
  }

  #rebalance(): void {
    const { lostPartitions, leftovers } = this.map.rebalance(
      this.#positions(member => member.belongs),
      this.#positions(member => member.isLeaving),
    )
    if (lostPartitions > 0) {
      this.#log('warn', `the only copies of ${lostPartitions} partitions are gone, with their records`)
    }
    for (const { partitionId, position } of leftovers) this.#empty(partitionId, position)
    this.#key = randomBytes(6).toString('hex').toUpperCase()
    this.#generation++
    this.#partitionGeneration++
    this.#migrations.restart()
    this.#waiters.wake()
  }

  #filled(partitionId: number, position: number): void {
    const { masterChanged, leftovers } = this.map.filled(partitionId, position)
    for (const leftover of leftovers) this.#empty(leftover.partitionId, leftover.position)
    if (!masterChanged) return
    this.#partitionGeneration++
    this.#waiters.wake()
  }

  #empty(partitionId: number, position: number): void {
    const namespaces = this.#members[position]?.node?.namespaces.values() ?? []
    for (const namespace of namespaces) namespace.clearPartition(partitionId)
  }

  #positions(condition: (member: Member) => boolean): NodeSet {
    let nodes = NO_NODES
    for (const member of this.#members) if (condition(member)) nodes |= only(member.position)
    return nodes
  }

  /** The other copies that the writes of a member have to reach; none unless it is the master. */
  #copiesOf(member: Member, namespaceName: string, partitionId: number): readonly Namespace[] {
    if (this.map.master(partitionId) !== member.position || member.reachableNode === undefined) return []
    const copies: Namespace[] = []
    for (const position of positionsOf(this.map.copies(partitionId))) {
      const namespace = this.#members[position]?.memory?.namespaces.get(namespaceName)
      if (namespace !== undefined) copies.push(namespace)
    }
    return copies
  }

  /** A node whose indexes and truncations a new one takes over; at best one that is alive. */
  #metadataSource(): ServerNode | undefined {
    const known = this.#members.filter(member => member.node !== undefined)
    return (known.find(member => member.reachableNode !== undefined) ?? known[0])?.node
  }
}
