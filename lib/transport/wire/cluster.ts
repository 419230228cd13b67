import { setMaxListeners } from 'node:events'
import { messageOf, StoreError } from '../../errors/index.ts'
import { ClusterMember } from './cluster-member.ts'
import type { NodeOptions, WireNode } from './node.ts'
import { PartitionMap } from './partition-map.ts'
import { NODES_MAX } from './peers.ts'
import { type Address, addressText } from './socket.ts'

export interface ClusterOptions extends Omit<NodeOptions, 'closing'> {
  readonly hosts: readonly Address[]
  readonly namespace: string
  readonly onChange?: (change: ClusterChange) => void
}

export interface ClusterChange {
  readonly event: 'node_added' | 'node_removed'
  readonly node: string
  readonly address: string
  /** Its release. */
  readonly build: string
  readonly reason: string
}

const TEND_EVERY_MS = 1_000
/** Between tends that are asked for because something went wrong. */
const TEND_PAUSE_MS = 100
/** As the official client: a node that does not answer so often is given up (protocol 2.6). */
const FAILURES_MAX = 5
/** Nodes that are met at a time: peers can name many that do not exist, and each attempt takes a socket and its buffer. */
const JOINING_MAX = 32
/** `open` does not wait for a node longer than one address that does not answer takes, and the next one that may. */
const OPEN_WAIT_TIMEOUTS = 2
/** How often `open` asks a node for its partitions. */
const FIRST_READS_MAX = 3

/** The nodes of a cluster and which of them has which partition, kept up to date by asking them each second. */
export class Cluster {
  readonly #options: ClusterOptions & NodeOptions
  readonly #members = new Map<string, ClusterMember>()
  readonly #partitions = new PartitionMap<WireNode>()
  /** Nodes that are to be met, by name, in the order in which they were named. */
  readonly #named = new Map<string, readonly Address[]>()
  /** Nodes that are being met, by name. */
  readonly #joining = new Map<string, Promise<void>>()
  #only: WireNode | undefined
  #timer: NodeJS.Timeout | undefined
  #tending: Promise<void> | undefined
  #lastTendMs = 0
  #isSoonAsked = false
  /** Fires when the cluster is closed. */
  readonly #closing = new AbortController()

  private constructor(options: ClusterOptions) {
    // Each connection listens to it.
    setMaxListeners(0, this.#closing.signal)
    this.#options = { ...options, closing: this.#closing.signal }
  }

  /**
   * Finds the nodes from any of the hosts. Throws `STORAGE_UNAVAILABLE` where none of them answers, or the signal fires.
   */
  static async open(options: ClusterOptions, signal?: AbortSignal): Promise<Cluster> {
    const cluster = new Cluster(options)
    const onAbort = (): void => cluster.close()
    signal?.addEventListener('abort', onAbort)
    try {
      signal?.throwIfAborted()
      // No tending beside it: a node answers one question at a time.
      cluster.#tending = cluster.#find()
      await cluster.#tending
    } catch (error) {
      cluster.close()
      const where = options.hosts.map(addressText).join()
      throw new StoreError('STORAGE_UNAVAILABLE', `no node of a cluster at ${where}: ${messageOf(error)}`)
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
    cluster.#tending = undefined
    cluster.#plan()
    return cluster
  }

  async #find(): Promise<void> {
    await this.#seed()
    await this.#tend()
    await this.#joined(OPEN_WAIT_TIMEOUTS * this.#options.connectTimeoutMs)
    await this.#readFirstPartitions()
    if (this.#members.size === 0) throw new Error('the node that answered has no part in a cluster')
  }

  /** The release of each node. */
  get builds(): readonly string[] {
    return Array.from(this.#members.values(), ({ build }) => build)
  }

  /** Whether a node says that the namespace prefers consistency to availability. */
  get isStronglyConsistent(): boolean {
    return [...this.#members.values()].some(({ regime }) => regime > 0)
  }

  /** Whether a node has it; undefined where none has said. */
  get hasNamespace(): boolean | undefined {
    const answers = Array.from(this.#members.values(), ({ hasNamespace }) => hasNamespace)
    return answers.includes(true) || (answers.includes(false) ? false : undefined)
  }

  get nodes(): readonly WireNode[] {
    return Array.from(this.#members.values(), ({ node }) => node)
  }

  /** The node of a cluster that has no other: it has every partition. */
  get only(): WireNode | undefined {
    return this.#only
  }

  /**
   * The node to ask for a partition: for attempt 0 its master, for further attempts the nodes with its other
   * copies in turn. Where nobody is known to have it, any node: it passes the request on.
   */
  owner(partition: number, attempt: number): WireNode | undefined {
    const owner = this.#partitions.owner(partition, attempt)
    if (owner !== undefined) return owner
    const nodes = this.nodes
    return nodes[(partition + attempt) % nodes.length]
  }

  /** Asks the nodes soon instead of within the second: something went wrong. */
  tendSoon(): void {
    if (this.#isSoonAsked) return
    this.#isSoonAsked = true
    this.#plan()
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
    for (const member of this.#members.values()) member.close()
    this.#members.clear()
    this.#only = undefined
  }

  #plan(): void {
    if (this.#closing.signal.aborted || this.#tending !== undefined) return
    clearTimeout(this.#timer)
    const everyMs = this.#isSoonAsked ? TEND_PAUSE_MS : TEND_EVERY_MS
    const waitMs = Math.max(0, this.#lastTendMs + everyMs - performance.now())
    this.#timer = setTimeout(() => {
      this.#isSoonAsked = false
      this.#tending = this.#tend().finally(() => {
        this.#tending = undefined
        this.#plan()
      })
    }, waitMs)
    // Looking after the cluster is no reason for a process to go on.
    this.#timer.unref()
  }

  /** Never rejects: what cannot be reached is a fact about the cluster. */
  async #tend(): Promise<void> {
    this.#lastTendMs = performance.now()
    await Promise.all(Array.from(this.#members.values(), member => member.refresh()))
    if (![...this.#members.values()].some(({ failures }) => failures === 0))
      await this.#seed().catch(() => {})
    this.#addPeers()
    this.#removeLost()
    // The only node there was may have been replaced by another.
    if (this.#members.size === 0) await this.#seed().catch(() => {})
    await this.#readPartitions()
    for (const node of this.nodes) node.tidy()
  }

  /**
   * The first host that answers, unless it names no peers while another does: one that was cut off from its cluster
   * takes all partitions for its own.
   */
  async #seed(): Promise<void> {
    let failure: unknown = new Error('no host is given')
    let alone: ClusterMember | undefined
    for (const host of this.#options.hosts) {
      if (this.#closing.signal.aborted) break
      try {
        const member = await ClusterMember.join([host], this.#options)
        if (member.peers.length > 0) {
          alone?.close()
          this.#addSeed(member)
          return
        }
        if (alone === undefined) alone = member
        else member.close()
      } catch (error) {
        failure = error
      }
    }
    if (alone === undefined) throw failure
    this.#addSeed(alone)
  }

  /** A node that does not answer where it was known to be, and does here, has moved. */
  #addSeed(member: ClusterMember): void {
    const known = this.#members.get(member.node.name)
    const hasMoved =
      known !== undefined &&
      known.failures > 0 &&
      addressText(known.node.address) !== addressText(member.node.address)
    if (known !== undefined && !hasMoved) {
      member.close()
      return
    }
    if (known !== undefined) this.#remove(known, 'it answers at another address')
    this.#add(member, 'seed')
  }

  /**
   * Meets the nodes that those that are known name, and nobody has met yet. Nobody waits for it: one that cannot be
   * reached takes its time, and what the others say must not wait for that.
   */
  #addPeers(): void {
    for (const { peers } of this.#members.values())
      for (const { name, addresses } of peers) {
        if (this.#members.has(name) || this.#joining.has(name)) continue
        if (this.#members.size + this.#joining.size + this.#named.size >= NODES_MAX) break
        this.#named.set(name, addresses)
      }
    this.#meetNamed()
  }

  #meetNamed(): void {
    for (const [name, addresses] of this.#named) {
      if (this.#closing.signal.aborted || this.#joining.size >= JOINING_MAX) return
      this.#named.delete(name)
      const joined = this.#join(name, addresses).finally(() => {
        this.#joining.delete(name)
        this.#meetNamed()
      })
      this.#joining.set(name, joined)
    }
  }

  /** Resolves when no node is being met any more, or the time is over. */
  async #joined(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const over = new Promise<void>(resolve => {
      timer = setTimeout(() => {
        isOver = true
        resolve()
      }, timeoutMs)
    })
    while (this.#joining.size > 0 && !isOver) await Promise.race([over, Promise.all(this.#joining.values())])
    clearTimeout(timer)
  }

  async #join(name: string, addresses: readonly Address[]): Promise<void> {
    try {
      const member = await ClusterMember.join(addresses, this.#options)
      if (member.node.name === name && !this.#members.has(name)) {
        this.#add(member, 'peer')
        this.tendSoon()
      } else member.close()
    } catch {
      // Named by its peers but not reachable, now or from here; asked again with the next tend.
    }
  }

  #add(member: ClusterMember, reason: string): void {
    if (this.#closing.signal.aborted) {
      member.close()
      return
    }
    this.#members.set(member.node.name, member)
    this.#noteOnly()
    this.#report('node_added', member, reason)
  }

  /**
   * A node that does not answer goes at once where the others no longer name it, otherwise after some tries. Not
   * the last one that is left, or the last ones: slow servers are better than none.
   */
  #removeLost(): void {
    const isAnyHealthy = [...this.#members.values()].some(
      ({ failures, isReplaced }) => failures === 0 && !isReplaced,
    )
    for (const member of [...this.#members.values()]) {
      const { failures, isReplaced } = member
      if (isReplaced) this.#remove(member, 'another node has its address')
      else if (failures > 0 && this.#isForgotten(member))
        this.#remove(member, 'no answer, and its peers have given it up')
      else if (failures >= FAILURES_MAX && isAnyHealthy) this.#remove(member, `no answer ${failures} times`)
    }
  }

  #remove(member: ClusterMember, reason: string): void {
    this.#members.delete(member.node.name)
    this.#noteOnly()
    this.#partitions.remove(member.node)
    // What a node does that its cluster still knows, only slowly, may yet be answered.
    if (member.isReplaced || this.#isForgotten(member)) member.close()
    else member.retire()
    this.#report('node_removed', member, reason)
  }

  #noteOnly(): void {
    this.#only = this.#members.size === 1 ? this.nodes[0] : undefined
  }

  /** Whether there are other nodes that answer, and none of them names it. */
  #isForgotten(member: ClusterMember): boolean {
    const others = [...this.#members.values()].filter(other => other !== member && other.failures === 0)
    return (
      others.length > 0 && !others.some(({ peers }) => peers.some(({ name }) => name === member.node.name))
    )
  }

  /** Of nodes that their peers name: one that was cut off from them takes all partitions for its own. */
  async #readPartitions(): Promise<void> {
    const members = [...this.#members.values()].filter(member => !this.#isForgotten(member))
    await Promise.all(
      members.map(async member => {
        const owned = await member.readPartitions()
        if (owned !== undefined && this.#members.has(member.node.name))
          this.#partitions.update(member.node, owned)
      }),
    )
  }

  /** Tried again where a node was too slow: what is known now decides for good how batches are sent. */
  async #readFirstPartitions(): Promise<void> {
    for (let attempt = 1; attempt <= FIRST_READS_MAX; attempt++) {
      await this.#readPartitions()
      const silent = [...this.#members.values()].filter(({ hasNamespace }) => hasNamespace === undefined)
      if (silent.length === 0) return
      await Promise.all(silent.map(member => member.refresh()))
    }
  }

  #report(event: ClusterChange['event'], { node, build }: ClusterMember, reason: string): void {
    this.#options.onChange?.({ event, node: node.name, address: addressText(node.address), build, reason })
  }
}
