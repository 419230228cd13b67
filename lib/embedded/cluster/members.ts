import type { ServerNode } from '../server-node.ts'
import { Member } from './member.ts'
import { NO_NODES, type NodeSet, only } from './node-set.ts'

/** All nodes that a cluster can have, those included that do not belong to it at the moment. */
export class Members {
  /** By position. */
  readonly all: readonly Member[]

  constructor(nodeCount: number) {
    this.all = Array.from({ length: nodeCount }, (_, position) => new Member(position))
  }

  /** @throws RangeError for a position that there is not */
  at(position: number): Member {
    const member = this.all[position]
    if (member === undefined) throw new RangeError(`node ${position}`)
    return member
  }

  /** The positions of those that meet a condition. */
  positions(condition: (member: Member) => boolean): NodeSet {
    let nodes = NO_NODES
    for (const member of this.all) if (condition(member)) nodes |= only(member.position)
    return nodes
  }

  /** Whether another one than a member is there to notice what happens to it, and to take over. */
  hasOthers(member: Member): boolean {
    return this.all.some(other => other !== member && other.reachableNode !== undefined && !other.isLeaving)
  }

  /** As hasOthers, and also when all others are frozen: they may go on, and take over then. */
  mayHaveOthers(member: Member): boolean {
    return this.all.some(other => other !== member && other.memory !== undefined && !other.isLeaving)
  }

  /** Lets go of the memory of a dead node; the last one is where a new one learns of indexes and truncations. */
  forget(member: Member): void {
    if (this.all.some(other => other !== member && other.node !== undefined)) member.node = undefined
  }

  /** A node whose indexes and truncations a new one takes over; at best one that is alive. */
  metadataSource(): ServerNode | undefined {
    const known = this.all.filter(member => member.node !== undefined)
    return (known.find(member => member.reachableNode !== undefined) ?? known[0])?.node
  }
}
