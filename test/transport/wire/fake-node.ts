import { createServer, type Server, type Socket } from 'node:net'
import { decodeInfoRequest, encodeFrame, FRAME_TYPES, FrameReader } from '../../../lib/protocol/index.ts'

export interface FakeNodeOptions {
  readonly name: string
  readonly port?: number
  /** What it names as its peers, by name. */
  readonly peers?: Readonly<Record<string, readonly string[]>>
  readonly build?: string
  /** Every byte of its bitmap of partitions. */
  readonly partitions?: number
  /** How long it takes to tell its partitions, in milliseconds. */
  readonly partitionsAfterMs?: number
  /** How often its connection ends first where it is asked for them. */
  readonly partitionsLostFirst?: number
}

/** A node that answers what a cluster's tending asks, and no batches. */
export class FakeNode {
  readonly #options: FakeNodeOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** What it names as its peers from now on. */
  peers: Readonly<Record<string, readonly string[]>>
  /** How often it was asked whether its peers have changed. */
  asked = 0
  #partitionsLost = 0
  #onAsked: (() => void) | undefined

  private constructor(options: FakeNodeOptions) {
    this.#options = options
    this.peers = options.peers ?? {}
    this.#server = createServer(socket => this.#serve(socket))
  }

  static async listen(options: FakeNodeOptions): Promise<FakeNode> {
    const node = new FakeNode(options)
    await new Promise<void>(resolve => node.#server.listen(options.port ?? 0, '127.0.0.1', resolve))
    return node
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the node does not listen')
    return address.port
  }

  get host(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.port }
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Resolves with the next question of a tend. */
  untilAsked(): Promise<void> {
    return new Promise(resolve => {
      this.#onAsked = resolve
    })
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}) // The other side may be gone before an answer is.
    socket.on('close', () => this.#sockets.delete(socket))
    const reader = new FrameReader()
    socket.on('data', bytes => {
      reader.push(bytes as Buffer)
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        const commands = decodeInfoRequest(frame.body).map(({ text }) => text)
        const lines = commands.map(command => `${command}\t${this.#answer(command)}\n`)
        const answer = encodeFrame(FRAME_TYPES.INFO, Buffer.from(lines.join(''), 'latin1'))
        const { partitionsAfterMs = 0, partitionsLostFirst = 0 } = this.#options
        if (commands.includes('replicas') && this.#partitionsLost++ < partitionsLostFirst) {
          socket.destroy()
          return
        }
        if (partitionsAfterMs === 0 || !commands.includes('replicas')) socket.write(answer)
        else setTimeout(() => socket.write(answer), partitionsAfterMs)
      }
    })
  }

  #answer(command: string): string {
    const { name, build = '8.1.2.0', partitions = 0xff } = this.#options
    switch (command) {
      case 'node':
        return name
      case 'build':
        return build
      case 'peers-generation':
        this.asked += 1
        this.#onAsked?.()
        return `${Object.keys(this.peers).length}`
      case 'partition-generation':
        return '3'
      case 'peers-clear-std': {
        const named = Object.entries(this.peers).map(
          ([peer, addresses]) => `[${peer},,[${addresses.join()}]]`,
        )
        return `1,3000,[${named.join()}]`
      }
      case 'replicas':
        return `test:0,1,${Buffer.alloc(512, partitions).toString('base64')}`
      default:
        return 'ERROR:4:unknown'
    }
  }
}
