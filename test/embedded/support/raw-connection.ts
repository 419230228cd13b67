import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Frame, FrameReader } from '../../../lib/protocol/index.ts'

/** A client that sends bytes as they are, and reads frames. */
export class RawConnection {
  readonly socket: Socket
  readonly #reader = new FrameReader()
  readonly #closed: Promise<unknown>

  private constructor(socket: Socket) {
    this.socket = socket
    // Also after an error, such as a reset: what it was matters to nobody.
    this.#closed = new Promise(resolve => socket.once('close', resolve))
    socket.on('error', () => {})
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** The next frame, or undefined when the server closes instead. */
  async frame(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#reader.next()
      if (frame !== undefined) return frame
      const chunk: Buffer | null = this.socket.read()
      if (chunk !== null) this.#reader.push(chunk)
      else if (this.socket.readableEnded || this.socket.destroyed) return undefined
      else await Promise.race([this.#readable(), this.#closed])
    }
  }

  #readable(): Promise<unknown> {
    return new Promise(resolve => this.socket.once('readable', resolve))
  }

  async request(bytes: Uint8Array): Promise<Frame | undefined> {
    this.send(bytes)
    return this.frame()
  }

  close(): void {
    this.socket.destroy()
  }
}
