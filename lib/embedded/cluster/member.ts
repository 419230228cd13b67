import type { ServerNode } from '../server-node.ts'
import type { Peer } from './cluster-view.ts'
import type { Cancel } from './scheduler.ts'

/** `frozen`: it still has its memory; `gone`: it has nothing. */
export type Reachability = 'reachable' | 'frozen' | 'gone'

/** A node as its cluster keeps track of it. */
export class Member {
  /** From 0. */
  readonly position: number
  /** Its present life. Of the last node that was alive, its last one. */
  node: ServerNode | undefined
  /** Undefined before its first life. */
  address: Peer | undefined
  reachability: Reachability = 'gone'
  /** Whether the cluster counts it in, which for a while it does also when it cannot be reached. */
  belongs = false
  /** Whether it hands over what it has. */
  isLeaving = false
  /** Whether it could not be reached for long enough that others have to notice. */
  isOverdue = false
  #cancelWatch: Cancel | undefined

  constructor(position: number) {
    this.position = position
  }

  get name(): string {
    return this.address?.name ?? ''
  }

  /** The node, if it can run something. */
  get reachableNode(): ServerNode | undefined {
    return this.belongs && this.reachability === 'reachable' ? this.node : undefined
  }

  /** The node, if what is written to it now is there when it goes on. */
  get memory(): ServerNode | undefined {
    return this.belongs && this.reachability !== 'gone' ? this.node : undefined
  }

  join(node: ServerNode): void {
    this.stopWatching()
    this.node = node
    this.address = { name: node.name, host: node.host, port: node.port }
    this.reachability = 'reachable'
    this.belongs = true
    this.isLeaving = false
  }

  /** @param cancel ends the watch that will find it overdue */
  watch(cancel: Cancel): void {
    this.stopWatching()
    this.#cancelWatch = cancel
  }

  stopWatching(): void {
    this.#cancelWatch?.()
    this.#cancelWatch = undefined
    this.isOverdue = false
  }
}
