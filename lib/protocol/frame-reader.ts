import { FRAME_BODY_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_TYPES, FRAME_VERSION } from './frame.ts'
import { ProtocolError } from './protocol-error.ts'

export interface Frame {
  readonly type: number
  /** A view, valid as long as the reader's user needs it; the reader never writes to it again. */
  readonly body: Buffer
}

export interface FrameReaderOptions {
  /** The largest body accepted, in bytes; default 128 MiB. A header above it is refused before any allocation. */
  readonly bodyBytesMax?: number
}

const EMPTY = Buffer.alloc(0)
const FIRST_BUFFER_BYTES = 64 * 1024

/**
 * Cuts a byte stream into frames, however the network cut it into chunks.
 *
 * A frame that lies within one chunk is a view of it. A longer one is collected in a buffer that doubles as
 * bytes arrive, so every byte is copied a bounded number of times and a peer that announces 128 MiB and
 * sends ten bytes costs 64 KiB.
 */
export class FrameReader {
  readonly #bodyBytesMax: number
  /** Received and not yet handed out: `#buffer[#start, #end)`. */
  #buffer: Buffer = EMPTY
  #start = 0
  #end = 0

  constructor(options: FrameReaderOptions = {}) {
    this.#bodyBytesMax = options.bodyBytesMax ?? FRAME_BODY_BYTES_MAX
  }

  /** Bytes of memory that are taken by what was received and not handed out; 0 when there is nothing of that. */
  get heldBytes(): number {
    return this.#buffer.length
  }

  /** Takes the next chunk of the stream. The chunk must not be changed afterwards. */
  push(chunk: Buffer): void {
    const pending = this.#end - this.#start
    if (pending === 0) {
      this.#buffer = chunk
      this.#start = 0
      this.#end = chunk.length
      return
    }
    const needed = pending + chunk.length
    // A chunk that was pushed is full: only a buffer of this reader's own ever has room.
    if (this.#end + chunk.length > this.#buffer.length) this.#grow(pending, needed)
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /**
   * The next whole frame, or undefined until more bytes come.
   *
   * @throws ProtocolError when the header has a wrong version or type or too large a size. The stream is
   *   lost then: where the next frame begins is unknown.
   */
  next(): Frame | undefined {
    if (this.#end - this.#start === 0) return undefined
    const version = this.#buffer[this.#start]
    if (version !== FRAME_VERSION && version !== 0) throw new ProtocolError(`frame version ${version}`)
    if (this.#end - this.#start < FRAME_HEADER_BYTES) return undefined
    const type = this.#buffer.readUInt8(this.#start + 1)
    refuseType(version, type)
    const bodyBytes = this.#buffer.readUIntBE(this.#start + 2, 6)
    if (bodyBytes > this.#bodyBytesMax) {
      throw new ProtocolError(`frame of ${bodyBytes} bytes, at most ${this.#bodyBytesMax} are accepted`)
    }
    const from = this.#start + FRAME_HEADER_BYTES
    const to = from + bodyBytes
    if (this.#end < to) return undefined
    this.#start = to
    const body = this.#buffer.subarray(from, to)
    if (this.#start === this.#end) {
      this.#buffer = EMPTY
      this.#start = 0
      this.#end = 0
    }
    return { type, body }
  }

  /** Moves what is pending into a buffer of its own, with room to append at least `needed` bytes in all. */
  #grow(pending: number, needed: number): void {
    const largestUseful = FRAME_HEADER_BYTES + this.#bodyBytesMax + FIRST_BUFFER_BYTES
    const capacity = Math.max(FIRST_BUFFER_BYTES, needed, Math.min(2 * needed, largestUseful))
    const grown = Buffer.allocUnsafeSlow(capacity)
    this.#buffer.copy(grown, 0, this.#start, this.#end)
    this.#buffer = grown
    this.#start = 0
    this.#end = pending
  }
}

/** Version 0 is what very old clients put on security frames, and is accepted there only (protocol 1.4). */
function refuseType(version: number, type: number): void {
  const known = type >= FRAME_TYPES.INFO && type <= FRAME_TYPES.COMPRESSED
  if (!known || (version === 0 && type !== FRAME_TYPES.SECURITY)) {
    throw new ProtocolError(`frame version ${version} of type ${type}`)
  }
}
