import { ByteReader } from './byte-reader.ts'
import { TruncatedError } from './parse-error.ts'

const NOTHING = new Uint8Array(0)

/**
 * Parses things one after the other out of bytes that come in pieces, for files and bodies of any size. It holds
 * the pieces that the thing at hand lies in and no more; what it parses are views of them, which stay as they are.
 */
export class PieceReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  /** What has come and is not parsed yet. */
  #window: Uint8Array = NOTHING
  #offset = 0
  #hasEnded = false

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** Where the next thing begins, in bytes from the start. */
  get offset(): number {
    return this.#offset
  }

  /**
   * Parses one thing, which may use `bytesMax` bytes: those of the whole that it is a part of. It is tried with
   * what has come, and again with more as long as it runs into the end of that, each time with twice as much, so
   * that a large thing costs two or three times its parsing.
   *
   * @throws ParseError with its offset from the start
   */
  async read<Thing>(
    parse: (reader: ByteReader) => Thing,
    bytesMax = Number.POSITIVE_INFINITY,
  ): Promise<Thing> {
    for (;;) {
      const window = this.#window.length > bytesMax ? this.#window.subarray(0, bytesMax) : this.#window
      const reader = new ByteReader(window, 0, this.#offset)
      try {
        const thing = parse(reader)
        this.#consume(reader.offset)
        return thing
      } catch (error) {
        if (!(error instanceof TruncatedError)) throw error
        const wantedBytes = window.length + error.missingBytes
        if (wantedBytes > bytesMax) throw error
        if (!(await this.fill(Math.max(wantedBytes, Math.min(bytesMax, 2 * window.length))))) {
          // More than before came all the same: the thing may be complete, or the error says what was left of it.
          if (this.#window.length === window.length) throw error
        }
      }
    }
  }

  /** Waits until this many bytes have come; false where they end before. */
  async fill(bytes: number): Promise<boolean> {
    if (this.#window.length >= bytes) return true
    const pieces = [this.#window]
    let length = this.#window.length
    while (length < bytes && !this.#hasEnded) {
      const { done, value } = await this.#pieces.next()
      if (done === true) {
        this.#hasEnded = true
      } else {
        pieces.push(value)
        length += value.length
      }
    }
    this.#window =
      this.#window.length === 0 && pieces.length === 2 ? (pieces[1] ?? NOTHING) : Buffer.concat(pieces)
    return length >= bytes
  }

  /** What has come and is not parsed yet, without moving on. */
  get window(): Uint8Array {
    return this.#window
  }

  /** Moves on by up to this many bytes; returns how many there were. */
  async skip(bytes: number): Promise<number> {
    let left = bytes
    while (left > 0) {
      if (this.#window.length === 0 && !(await this.fill(1))) break
      const step = Math.min(left, this.#window.length)
      this.#consume(step)
      left -= step
    }
    return bytes - left
  }

  /** Lets the source know that no more of it is wanted. */
  async close(): Promise<void> {
    this.#hasEnded = true
    this.#window = NOTHING
    await this.#pieces.return?.()
  }

  #consume(bytes: number): void {
    this.#offset += bytes
    this.#window = this.#window.subarray(bytes)
  }
}
