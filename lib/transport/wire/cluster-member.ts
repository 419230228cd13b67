import { StoreError } from '../../errors/index.ts'
import { InfoConnection } from './info-connection.ts'
import { type NodeOptions, WireNode } from './node.ts'
import { greetNode } from './node-greeting.ts'
import { type OwnedPartitions, parseReplicas } from './partition-map.ts'
import { type Peer, parsePeers } from './peers.ts'
import type { Address } from './socket.ts'

export interface MemberOptions extends NodeOptions {
  readonly namespace: string
}

/** As the official client: a node that takes longer for an info command counts as one that does not answer. */
const INFO_TIMEOUT_MS = 1_000
/** A node as the cluster's tending knows it: what it last said, and how often it has failed to. */
export class ClusterMember {
  readonly node: WireNode
  readonly build: string
  /** The other nodes that it names. */
  peers: readonly Peer[] = []
  /** Attempts in a row to ask it that had no answer. */
  failures = 0
  /** Another node answers at its address. */
  isReplaced = false
  regime = 0
  /** Undefined until it has said. */
  hasNamespace: boolean | undefined
  readonly #options: MemberOptions
  #info: InfoConnection
  #isClosed = false
  #peersGeneration: string | undefined
  #partitionGeneration: string | undefined
  /** Of the partitions that were read last. */
  #partitionsRead: string | undefined

  private constructor(node: WireNode, build: string, info: InfoConnection, options: MemberOptions) {
    this.node = node
    this.build = build
    this.#info = info
    this.#options = options
  }

  /** Meets a node at the first of its addresses where one answers. */
  static async join(addresses: readonly Address[], options: MemberOptions): Promise<ClusterMember> {
    let failure: unknown = new StoreError('STORAGE_UNAVAILABLE', 'the node has no address')
    for (const address of addresses) {
      if (options.closing?.aborted) break
      try {
        const member = await ClusterMember.#meet(address, options)
        await member.refresh()
        return member
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  static async #meet(address: Address, options: MemberOptions): Promise<ClusterMember> {
    const { connectTimeoutMs: timeoutMs, closing } = options
    const { info, name, build } = await greetNode(address, { timeoutMs, closing })
    return new ClusterMember(new WireNode(name, address, options), build, info, options)
  }

  /** Asks what has changed, and who its peers are where they have. */
  async refresh(): Promise<void> {
    try {
      if (!this.#info.isOpen) await this.#reconnect()
      const [name, peersGeneration, partitionGeneration] = await this.#ask([
        'node',
        'peers-generation',
        'partition-generation',
      ])
      this.isReplaced = name !== this.node.name
      this.#partitionGeneration = partitionGeneration
      if (peersGeneration !== this.#peersGeneration) {
        const [peers = ''] = await this.#ask(['peers-clear-std'])
        this.peers = parsePeers(peers).peers
        this.#peersGeneration = peersGeneration
      }
      this.failures = 0
    } catch {
      this.#failed()
    }
  }

  /** The partitions that it has, where they are others than those that were read last. */
  async readPartitions(): Promise<OwnedPartitions | undefined> {
    if (this.failures > 0 || this.#partitionsRead === this.#partitionGeneration) return undefined
    try {
      const [generation, replicas = ''] = await this.#ask(['partition-generation', 'replicas'])
      const owned = parseReplicas(replicas, this.#options.namespace)
      this.#partitionsRead = generation
      this.hasNamespace = owned !== undefined
      this.regime = owned?.regime ?? 0
      return owned
    } catch {
      this.#failed()
      return undefined
    }
  }

  close(): void {
    this.#isClosed = true
    this.#info.close()
    this.node.close()
  }

  /** Asked no more and given no more batches; those under way may end as they would. */
  retire(): void {
    this.#isClosed = true
    this.#info.close()
    this.node.retire()
  }

  async #reconnect(): Promise<void> {
    const { connectTimeoutMs: timeoutMs, closing } = this.#options
    this.#info = await InfoConnection.open(this.node.address, { timeoutMs, closing })
    if (this.#isClosed) this.#info.close()
  }

  #ask(commands: readonly string[]): Promise<string[]> {
    return this.#info.ask(commands, INFO_TIMEOUT_MS)
  }

  #failed(): void {
    this.failures += 1
    // What it may still say on this connection answers an old question.
    this.#info.close()
  }
}
