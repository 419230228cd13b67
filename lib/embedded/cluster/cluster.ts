import { randomBytes } from 'node:crypto'
import { type Log, silentLog } from '../log.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { ClusterView } from './cluster-view.ts'
import type { Member } from './member.ts'
import { MemberView } from './member-view.ts'
import { Members } from './members.ts'
import { Migrations } from './migrations.ts'
import { equipNewcomer } from './newcomer.ts'
import { positionsOf } from './node-set.ts'
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
  readonly #members: Members
  readonly #views: readonly MemberView[]
  readonly #failureDetectionMs: number
  readonly #scheduler: Scheduler
  readonly #log: Log
  readonly #migrations: Migrations
  readonly #waiters: Waiters
  #key = ''
  #generation = 0
  #partitionGeneration = -1
  #isClosed = false

  constructor({ nodeCount, failureDetectionMs = 0, scheduler = systemScheduler, log }: ClusterOptions) {
    this.map = new PartitionMap(nodeCount, Math.min(REPLICATION_FACTOR, nodeCount))
    this.#members = new Members(nodeCount)
    this.#views = this.#members.all.map(member => new MemberView(this, member))
    this.#failureDetectionMs = failureDetectionMs
    this.#scheduler = scheduler
    this.#log = log ?? silentLog
    this.#waiters = new Waiters(scheduler)
    this.#migrations = new Migrations(
      this.map,
      {
        namespaces: position => this.#members.at(position).reachableNode?.namespaces,
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
    return this.#members.all
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
      const member = this.#members.at(position)
      equipNewcomer(node, this.#members.metadataSource(), (namespaceName, partitionId) =>
        this.#copiesOf(member, namespaceName, partitionId),
      )
      member.join(node)
    }
    this.#expelOverdue()
    this.#rebalance()
  }

  /** Nodes that come back before anybody noticed that they were gone: what they had is gone all the same. */
  #forgetFormerLives(positions: Iterable<number>): void {
    const former = Array.from(positions, position => this.#members.at(position)).filter(
      member => member.belongs,
    )
    if (former.length === 0) return
    for (const member of former) this.#expel(member)
    this.#rebalance()
  }

  /** A node is dead, with all it knew. The others notice later. */
  lost(position: number): void {
    const member = this.#members.at(position)
    member.reachability = 'gone'
    member.isLeaving = false
    this.#members.forget(member)
    this.#watchFailure(member)
  }

  /** A node stops in the midst of whatever it does. The others notice later. */
  freeze(position: number): void {
    const member = this.#members.at(position)
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
    const member = this.#members.at(position)
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
    const member = this.#members.at(position)
    member.isLeaving = true
    this.#rebalance()
    await this.#waiters.until(() => !member.isLeaving || !this.#isNeeded(member))
  }

  /** A node that has handed over goes. */
  leave(position: number): void {
    const member = this.#members.at(position)
    member.reachability = 'gone'
    this.#members.forget(member)
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

  /** Ends what is under way; who waits for something is released. What nodes still tell changes nothing any more. */
  close(): void {
    this.#isClosed = true
    for (const member of this.members) {
      member.stopWatching()
      member.reachability = 'gone'
      member.isLeaving = false
      member.belongs = false
    }
    this.#migrations.stop()
    this.#waiters.close()
  }

  #isNeeded(member: Member): boolean {
    return this.#members.mayHaveOthers(member) && this.map.isNeeded(member.position)
  }

  #isSettled(): boolean {
    if (this.#isClosed) return true
    const someoneIsThere = this.members.some(member => member.reachableNode !== undefined)
    if (!someoneIsThere) return true
    const isUnnoticed = this.members.some(member => member.belongs && member.reachability !== 'reachable')
    const isLeaving = this.members.some(member => member.isLeaving)
    return !isUnnoticed && !isLeaving && this.map.fillingCount === 0
  }

  #watchFailure(member: Member): void {
    if (this.#isClosed) return
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
    const overdue = this.members.filter(
      member => member.belongs && member.isOverdue && this.#members.hasOthers(member),
    )
    for (const member of overdue) {
      this.#log('info', `node ${member.name} is expelled: ${member.reachability}`)
      this.#expel(member)
    }
    return overdue.length > 0
  }

  #expel(member: Member): void {
    member.stopWatching()
    member.belongs = false
    member.isLeaving = false
  }

  #rebalance(): void {
    if (this.#isClosed) return
    const { lostPartitions, leftovers } = this.map.rebalance(
      this.#members.positions(member => member.belongs),
      this.#members.positions(member => member.isLeaving),
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
    const namespaces = this.members[position]?.node?.namespaces.values() ?? []
    for (const namespace of namespaces) namespace.clearPartition(partitionId)
  }

  /** The other copies that the writes of a member have to reach; none unless it is the master. */
  #copiesOf(member: Member, namespaceName: string, partitionId: number): readonly Namespace[] {
    if (this.map.master(partitionId) !== member.position || member.reachableNode === undefined) return []
    const copies: Namespace[] = []
    for (const position of positionsOf(this.map.copies(partitionId))) {
      const namespace = this.members[position]?.memory?.namespaces.get(namespaceName)
      if (namespace !== undefined) copies.push(namespace)
    }
    return copies
  }
}
