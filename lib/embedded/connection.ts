import type { Socket } from 'node:net'
import { type Frame, FrameReader, ProtocolError } from '../protocol/index.ts'
import type { Reply } from './request-handler.ts'

/** Replies are gathered up to this many bytes and written at once. */
const WRITE_BYTES = 64 * 1024
/** A connection works this long at most before others get their turn. */
const TURN_MS = 10

export interface ConnectionHandlers {
  readonly replyTo: (frame: Frame) => Reply
  /** Something that is no protocol arrived, and the connection is closed. */
  readonly onProtocolError: (error: ProtocolError) => void
  /** A defect of this server. The connection is closed. */
  readonly onDefect: (error: unknown) => void
}

/**
 * Serves one client: frames in, replies out, in order. While the client does not read, its requests wait in
 * its own socket: a connection holds at most one unwritten piece of a reply besides what the kernel holds.
 */
export class Connection {
  readonly #socket: Socket
  readonly #handlers: ConnectionHandlers
  readonly #frames = new FrameReader()
  /** What is left of a reply of several frames. */
  #reply: Iterator<Buffer, void> | undefined
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** Waits for the client to read, or for its next turn. */
  #isWaiting = false

  constructor(socket: Socket, handlers: ConnectionHandlers) {
    this.#socket = socket
    this.#handlers = handlers
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => this.#resume())
    // Every error is followed by 'close'; a client that goes away is nobody's defect.
    socket.on('error', () => {})
  }

  #receive(chunk: Buffer): void {
    this.#frames.push(chunk)
    if (!this.#isWaiting) this.#work()
  }

  #resume(): void {
    if (!this.#isWaiting || this.#socket.destroyed || this.#socket.writableNeedDrain) return
    this.#isWaiting = false
    this.#socket.resume()
    this.#work()
  }

  #work(): void {
    try {
      this.#answerUntilBlocked()
    } catch (error) {
      this.#flush()
      this.#socket.destroySoon()
      this.#reply = undefined
      this.#isWaiting = true
      if (error instanceof ProtocolError) this.#handlers.onProtocolError(error)
      else this.#handlers.onDefect(error)
    }
  }

  /** Answers what has arrived until nothing is left, the client stops reading or the turn is over. */
  #answerUntilBlocked(): void {
    const turnEndMs = performance.now() + TURN_MS
    for (let piece = this.#nextPiece(); piece !== undefined; piece = this.#nextPiece()) {
      if (piece.length > 0) this.#pending.push(piece)
      this.#pendingBytes += piece.length
      if (this.#pendingBytes >= WRITE_BYTES && !this.#flush()) break
      if (performance.now() > turnEndMs) {
        this.#flush()
        this.#wait()
        setImmediate(() => this.#resume())
        return
      }
    }
    if (!this.#flush()) this.#wait()
  }

  /** The next frame to send, or undefined until the client sends more. */
  #nextPiece(): Buffer | undefined {
    for (;;) {
      if (this.#reply !== undefined) {
        const next = this.#reply.next()
        if (next.done !== true) return next.value
        this.#reply = undefined
      }
      const frame = this.#frames.next()
      if (frame === undefined) return undefined
      const reply = this.#handlers.replyTo(frame)
      if (Buffer.isBuffer(reply)) return reply
      this.#reply = reply
    }
  }

  /** Writes what has gathered; false when the client has to read before more is written. */
  #flush(): boolean {
    const [first] = this.#pending
    if (first !== undefined && this.#socket.writable) {
      this.#socket.write(this.#pending.length === 1 ? first : Buffer.concat(this.#pending))
    }
    this.#pending = []
    this.#pendingBytes = 0
    return !this.#socket.writableNeedDrain
  }

  #wait(): void {
    this.#isWaiting = true
    this.#socket.pause()
  }
}
