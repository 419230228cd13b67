import { createServer, type Server, type Socket } from 'node:net'
import { Connection, type ConnectionHandlers } from './connection.ts'

export interface ListenerHandlers extends ConnectionHandlers {
  readonly onOpen: () => void
  readonly onClose: () => void
}

/** The port of a node and who came in through it. */
export class NodeListener {
  readonly port: number
  readonly #listener: Server
  /** Each with its connection; undefined for those that came before anybody served them. */
  readonly #connections = new Map<Socket, Connection | undefined>()
  #handlers: ListenerHandlers | undefined
  #accepted = 0
  #isFrozen = false

  private constructor(listener: Server, port: number) {
    this.#listener = listener
    this.port = port
    listener.on('connection', socket => this.#accept(socket))
  }

  /** Takes the port; 0 = one that is free. Rejects with the error of the socket when it cannot. */
  static async listen(host: string, port: number): Promise<NodeListener> {
    const listener = createServer({ noDelay: true })
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen({ host, port }, () => {
        listener.off('error', reject)
        resolve()
      })
    })
    const address = listener.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
    return new NodeListener(listener, address.port)
  }

  /** Serves who connects, and who did already: until then they wait. To be called once. */
  serve(handlers: ListenerHandlers): void {
    this.#handlers = handlers
    for (const socket of this.#connections.keys()) this.#open(socket, handlers)
  }

  /** Reads, runs and answers nothing. Who connects finds an open port, and no answer either. */
  freeze(): void {
    this.#isFrozen = true
    for (const connection of this.#connections.values()) connection?.freeze()
  }

  /** @param abandonReplies ends the connections whose replies are half done */
  thaw(abandonReplies: boolean): void {
    this.#isFrozen = false
    for (const connection of this.#connections.values()) connection?.thaw(abandonReplies)
  }

  /** Ends the connections and gives the port back. Resolves when nothing is left. */
  close(): Promise<void> {
    const closed = this.#closed()
    for (const [socket, connection] of this.#connections) {
      if (connection === undefined) socket.destroy()
      else connection.close()
    }
    return closed
  }

  /** Ends everything at once, as a process that dies does. Resolves when nothing is left. */
  reset(): Promise<void> {
    const closed = this.#closed()
    for (const [socket, connection] of this.#connections) {
      if (connection === undefined) socket.resetAndDestroy()
      else connection.reset()
    }
    return closed
  }

  #accept(socket: Socket): void {
    this.#connections.set(socket, undefined)
    socket.once('close', () => this.#connections.delete(socket))
    // One that waits to be served may go again.
    socket.on('error', () => {})
    if (this.#handlers !== undefined) this.#open(socket, this.#handlers)
  }

  #open(socket: Socket, handlers: ListenerHandlers): void {
    const connection = new Connection(socket, this.#accepted++, handlers)
    this.#connections.set(socket, connection)
    handlers.onOpen()
    socket.once('close', handlers.onClose)
    if (this.#isFrozen) connection.freeze()
  }

  #closed(): Promise<void> {
    return new Promise(resolve => this.#listener.close(() => resolve()))
  }
}
