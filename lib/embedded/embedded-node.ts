import { StoreError } from '../errors/index.ts'
import type { Frame } from '../protocol/index.ts'
import { cannotStart } from './cannot-start.ts'
import type { Cluster } from './cluster/cluster.ts'
import { stackOf } from './log.ts'
import { NodeListener } from './node-listener.ts'
import type { FrameSource, Reply } from './request-handler.ts'
import type { ServerNode } from './server-node.ts'
import { ExpirySweep } from './storage/expiry-sweep.ts'
import type { UnfinishedFrames } from './unfinished-frames.ts'

/** `stopping`: it hands over before it goes. `down`: stopped or killed. */
export type NodeState = 'running' | 'frozen' | 'stopping' | 'down'

export interface EmbeddedNodeOptions {
  /** From 0, in its cluster. */
  readonly position: number
  readonly name: string
  readonly host: string
  /** 0 = one that is free; it stays the same from then on. */
  readonly port: number
  readonly cluster: Cluster
  /** Makes a node without records that is reached at a port. */
  readonly createNode: (port: number) => ServerNode
  readonly replyTo: (node: ServerNode, frame: Frame, source: FrameSource) => Reply
  /** Those of all nodes. */
  readonly unfinishedFrames: UnfinishedFrames
  readonly onState: (state: NodeState) => void
}

/** What a node has while it is up. */
interface Life {
  readonly listener: NodeListener
  readonly sweep: ExpirySweep
  readonly node: ServerNode
}

/** One node of the server, through its lives: each begins without records. */
export class EmbeddedNode {
  readonly name: string
  readonly host: string
  readonly position: number
  readonly #options: EmbeddedNodeOptions
  #port: number
  #state: NodeState = 'down'
  #life: Life | undefined
  /** Changes of state come one after the other. */
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor(options: EmbeddedNodeOptions) {
    this.#options = options
    this.name = options.name
    this.host = options.host
    this.position = options.position
    this.#port = options.port
  }

  get port(): number {
    return this.#port
  }

  get state(): NodeState {
    return this.#state
  }

  /** Takes the port. The node answers once it joined the cluster (`open`), which all nodes do together at first. */
  async listen(): Promise<ServerNode> {
    const listener = await NodeListener.listen(this.host, this.#port)
    this.#port = listener.port
    this.#begin(listener)
    return this.#living.node
  }

  /** Answers clients. */
  open(): void {
    const { listener } = this.#living
    const { replyTo, unfinishedFrames } = this.#options
    const log = (level: 'warn' | 'error', text: string) => this.#living.node.log(level, text)
    listener.serve({
      unfinishedFrames,
      replyTo: (frame, source) => replyTo(this.#living.node, frame, source),
      onOpen: () => {
        this.#living.node.statistics.connectionsOpened++
      },
      onClose: () => {
        if (this.#life !== undefined) this.#life.node.statistics.connectionsClosed++
      },
      onProtocolError: error => {
        this.#living.node.statistics.demarshalErrors++
        log('warn', `connection closed: ${error.message}`)
      },
      onDefect: error => {
        log('error', `connection closed: ${stackOf(error)}`)
      },
    })
    this.#setState('running')
  }

  /** Starts a node that is down, without records; it gets its share from the others. Nothing if it runs. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === 'running') return
      if (this.#state === 'frozen') throw this.#refusal('is frozen and has to be resumed')
      const node = await this.listen().catch(cause => {
        throw cannotStart(this.host, this.#port, cause)
      })
      this.#options.cluster.join(new Map([[this.position, node]]))
      this.open()
    })
  }

  /** Hands over what only this node has, then goes. Nothing if it is down. */
  stop(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === 'down') return
      if (this.#state === 'frozen') throw this.#refusal('is frozen and cannot hand over')
      const { cluster } = this.#options
      this.#setState('stopping')
      await cluster.handOver(this.position)
      // It may have been killed meanwhile.
      if (this.state !== 'stopping') return
      const { listener } = this.#end()
      cluster.leave(this.position)
      await listener.close()
    })
  }

  /** Dies: connections are reset, records are gone. Also in the midst of a stop. Nothing if it is down. */
  kill(): Promise<void> {
    if (this.#state === 'stopping') return this.#die()
    return this.#inTurn(async () => {
      if (this.#state !== 'down') await this.#die()
    })
  }

  /** Keeps its connections and does nothing, until it is resumed. Nothing if it is frozen. */
  freeze(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === 'frozen') return
      if (this.#state === 'down') throw this.#refusal('is down')
      const { listener, sweep } = this.#living
      listener.freeze()
      sweep.stop()
      this.#options.cluster.freeze(this.position)
      this.#setState('frozen')
    })
  }

  /**
   * Goes on. A node that was expelled meanwhile joins anew and empty, before it looks at what waits in its
   * sockets: that then runs at the present owners. Nothing if it runs.
   */
  resume(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === 'running') return
      if (this.#state === 'down') throw this.#refusal('is down')
      const { cluster } = this.#options
      const { listener, sweep, node } = this.#living
      const belongs = cluster.thaw(this.position)
      if (belongs) sweep.start()
      else {
        node.jobs.close()
        this.#begin(listener)
        cluster.join(new Map([[this.position, this.#living.node]]))
      }
      this.#setState('running')
      listener.thaw(!belongs)
    })
  }

  /** Ends without a thought for the others: the whole server ends, and its cluster was closed already. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#life !== undefined) await this.#end().listener.close()
    })
  }

  get #living(): Life {
    if (this.#life === undefined) throw this.#refusal('is down')
    return this.#life
  }

  #begin(listener: NodeListener): void {
    const node = this.#options.createNode(listener.port)
    const sweep = new ExpirySweep(node.namespaces.values())
    sweep.start()
    this.#life = { listener, sweep, node }
  }

  #end(): Life {
    const life = this.#living
    life.sweep.stop()
    life.node.jobs.close()
    this.#life = undefined
    this.#setState('down')
    return life
  }

  async #die(): Promise<void> {
    const { listener } = this.#end()
    this.#options.cluster.lost(this.position)
    await listener.reset()
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#lastChange.then(change)
    this.#lastChange = done.catch(() => {})
    return done
  }

  #setState(state: NodeState): void {
    this.#state = state
    this.#options.onState(state)
  }

  #refusal(reason: string): StoreError {
    return new StoreError('SERVICE_UNAVAILABLE', `node ${this.name} ${reason}`)
  }
}
