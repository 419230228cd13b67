import { createServer, type Server, type Socket } from 'node:net'
import { Connection, type ConnectionHandlers } from './connection.ts'

export interface ListenerHandlers extends ConnectionHandlers {
  readonly onOpen: () => void
  readonly onClose: () => void
}

/** The port of a node and the connections that came in through it. */
export class NodeListener {
  readonly port: number
  readonly #listener: Server
  readonly #connections = new Map<Socket, Connection>()
  #accepted = 0
  #isFrozen = false

  private constructor(listener: Server, port: number) {
    this.#listener = listener
    this.port = port
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

  /** Serves who connects. To be called before anything else happens to the port. */
  serve(handlers: ListenerHandlers): void {
    this.#listener.on('connection', socket => {
      const connection = new Connection(socket, this.#accepted++, handlers)
      this.#connections.set(socket, connection)
      handlers.onOpen()
      socket.once('close', () => {
        this.#connections.delete(socket)
        handlers.onClose()
      })
      if (this.#isFrozen) connection.freeze()
    })
  }

  /** Reads, runs and answers nothing. Who connects finds an open port, and no answer either. */
  freeze(): void {
    this.#isFrozen = true
    for (const connection of this.#connections.values()) connection.freeze()
  }

  /** @param abandonReplies ends the connections whose replies are half done */
  thaw(abandonReplies: boolean): void {
    this.#isFrozen = false
    for (const connection of this.#connections.values()) connection.thaw(abandonReplies)
  }

  /** Ends the connections and gives the port back. Resolves when nothing is left. */
  close(): Promise<void> {
    const closed = this.#closed()
    for (const connection of this.#connections.values()) connection.close()
    return closed
  }

  /** Ends everything at once, as a process that dies does. Resolves when nothing is left. */
  reset(): Promise<void> {
    const closed = this.#closed()
    for (const connection of this.#connections.values()) connection.reset()
    return closed
  }

  #closed(): Promise<void> {
    return new Promise(resolve => this.#listener.close(() => resolve()))
  }
}
