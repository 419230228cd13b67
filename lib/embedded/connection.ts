import type { Socket } from 'node:net'
import { type Frame, FrameReader, ProtocolError } from '../protocol/index.ts'
import type { FrameSource, Reply } from './request-handler.ts'
import type { FrameHolder, UnfinishedFrames } from './unfinished-frames.ts'

/** Replies are gathered up to this many bytes and written at once. */
const WRITE_BYTES = 64 * 1024
/** Pieces of a reply that are no more than this in all are copied into one: that is cheaper than to hand over each. */
const COPIED_BYTES_MAX = 16 * 1024
/** A connection works this long at most before others get their turn. */
const TURN_MS = 10

export interface ConnectionHandlers {
  /** @param source the connection that the frame came on */
  readonly replyTo: (frame: Frame, source: FrameSource) => Reply
  /** Something that is no protocol arrived, and the connection is closed. */
  readonly onProtocolError: (error: ProtocolError) => void
  /** A defect of this server. The connection is closed. */
  readonly onDefect: (error: unknown) => void
  /** Those of all connections of the server. */
  readonly unfinishedFrames: UnfinishedFrames
}

/**
 * Why a connection does nothing now: the client has to send more (`request`) or to read (`reader`), others have
 * their turn (`turn`), the reply waits for something (`event`), or it is over (`end`).
 */
type Pause = 'request' | 'reader' | 'turn' | 'event' | 'end'

/**
 * Serves one client: frames in, replies out, in order. While the client does not read, its requests wait in
 * its own socket: a connection holds at most one unwritten piece of a reply besides what the kernel holds.
 */
export class Connection implements FrameSource, FrameHolder {
  readonly number: number
  readonly #socket: Socket
  readonly #handlers: ConnectionHandlers
  readonly #frames = new FrameReader()
  /** What is left of a reply of several frames. */
  #reply: Exclude<Reply, Buffer> | undefined
  #pending: Buffer[] = []
  #pendingBytes = 0
  #pause: Pause = 'request'
  #isFrozen = false
  /** The connection ends behind the reply. */
  #isLastReply = false

  /** @param number counts the connections of a node, from 0 */
  constructor(socket: Socket, number: number, handlers: ConnectionHandlers) {
    this.#socket = socket
    this.number = number
    this.#handlers = handlers
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => this.#endPause('reader'))
    socket.on('close', () => this.#clientLeft())
    // Every error is followed by 'close'; a client that goes away is nobody's defect.
    socket.on('error', () => {})
  }

  /** From now on nothing is read, run or answered. What arrives waits. */
  freeze(): void {
    this.#isFrozen = true
    this.#socket.pause()
  }

  /**
   * Goes on where it was frozen.
   *
   * @param abandonReply ends the connection if a reply was half done: what it was made of is out of date
   */
  thaw(abandonReply: boolean): void {
    this.#isFrozen = false
    if (abandonReply && this.#reply !== undefined) this.reset()
    else this.#goOn()
  }

  closeAfterReply(): void {
    this.#isLastReply = true
  }

  reset(): void {
    this.#abandon()
    this.#socket.resetAndDestroy()
  }

  /** Ends the connection without waiting for the client to read. */
  close(): void {
    this.#abandon()
    this.#socket.destroy()
  }

  abandonFrame(): void {
    this.close()
    this.#handlers.onProtocolError(new ProtocolError('frame given up: others need the memory'))
  }

  #receive(chunk: Buffer): void {
    this.#frames.push(chunk)
    if (this.#pause === 'request') this.#goOn()
  }

  /** What a pause was for happened. */
  #endPause(pause: Pause): void {
    if (this.#pause !== pause) return
    this.#pause = this.#socket.writableNeedDrain ? 'reader' : 'request'
    this.#goOn()
  }

  #goOn(): void {
    if (this.#pause !== 'request' || this.#isFrozen) return
    this.#socket.resume()
    try {
      this.#answerUntilBlocked()
    } catch (error) {
      this.#finish()
      if (error instanceof ProtocolError) this.#handlers.onProtocolError(error)
      else this.#handlers.onDefect(error)
    }
  }

  /** Answers what has arrived until nothing is left, the client stops reading or the turn is over. */
  #answerUntilBlocked(): void {
    const turnEndMs = performance.now() + TURN_MS
    for (let piece = this.#nextPiece(); piece !== undefined; piece = this.#nextPiece()) {
      if (piece instanceof Promise) {
        this.#flush()
        this.#wait('event')
        void piece.then(() => this.#endPause('event'))
        return
      }
      if (piece.length > 0) this.#pending.push(piece)
      this.#pendingBytes += piece.length
      if (this.#pendingBytes >= WRITE_BYTES && !this.#flush()) break
      if (performance.now() > turnEndMs) {
        this.#flush()
        this.#wait('turn')
        setImmediate(() => this.#endPause('turn'))
        return
      }
    }
    if (!this.#flush()) this.#wait('reader')
  }

  /** The next frame to send, or what to wait for; undefined until the client sends more. */
  #nextPiece(): Buffer | Promise<void> | undefined {
    for (;;) {
      if (this.#reply !== undefined) {
        const next = this.#reply.next()
        // The reply itself may have ended the connection.
        if (this.#pause === 'end') return undefined
        if (next.done !== true) return next.value
        this.#reply = undefined
      }
      if (this.#isLastReply) return this.#finish()
      const frame = this.#frames.next()
      if (frame === undefined) return this.#awaitFrame()
      this.#handlers.unfinishedFrames.release(this)
      const reply = this.#handlers.replyTo(frame, this)
      if (Buffer.isBuffer(reply)) return reply
      this.#reply = reply
    }
  }

  /** Nothing more can be answered until the client sends the rest of a frame, if it has begun one. */
  #awaitFrame(): undefined {
    const { heldBytes } = this.#frames
    if (heldBytes > 0) this.#handlers.unfinishedFrames.hold(this, heldBytes)
  }

  /** Ends the connection as soon as what was answered is sent. */
  #finish(): undefined {
    this.#flush()
    this.#abandon()
    this.#socket.destroySoon()
  }

  /** Writes what has gathered; false when the client has to read before more is written. */
  #flush(): boolean {
    if (this.#pending.length > 0 && this.#socket.writable) {
      if (this.#pendingBytes < COPIED_BYTES_MAX) this.#socket.write(joined(this.#pending))
      else {
        // One system call for all of them.
        this.#socket.cork()
        for (const piece of this.#pending) this.#socket.write(piece)
        this.#socket.uncork()
      }
    }
    this.#pending = []
    this.#pendingBytes = 0
    return !this.#socket.writableNeedDrain
  }

  #wait(pause: Pause): void {
    if (this.#pause === 'end') return
    this.#pause = pause
    this.#socket.pause()
  }

  /**
   * Without a reader a reply of several frames is of no use. But a request that waits for something was taken
   * in: it runs, as on a real server, although nobody hears of it.
   */
  #clientLeft(): void {
    this.#handlers.unfinishedFrames.release(this)
    if (this.#pause === 'reader' || (this.#pause === 'turn' && this.#reply !== undefined)) this.#abandon()
  }

  #abandon(): void {
    this.#pause = 'end'
    this.#handlers.unfinishedFrames.release(this)
    const reply = this.#reply
    this.#reply = undefined
    // A generator cannot be ended from inside itself; it ends by itself then.
    if (reply !== undefined) setImmediate(() => reply.return?.())
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
}
