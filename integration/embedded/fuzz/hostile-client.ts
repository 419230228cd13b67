import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  decodeMessageAt,
  encodeFrame,
  encodeInfoRequest,
  FRAME_BODY_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FRAME_TYPES,
  FRAME_VERSION,
  FrameReader,
} from '../../../lib/protocol/index.ts'

/** Longer than any request here may take, also on a machine that does other things. */
const ANSWER_MS_MAX = 10_000

/** What a server has to do with bytes: answer all of them, close the connection, or wait for more. */
export type Fate = 'answers' | 'closes' | 'waits'

/** Reads the headers of frames as the protocol says they are read (protocol 1.1, 1.4). */
export function fateOf(bytes: Buffer): Fate {
  let at = 0
  while (at < bytes.length) {
    const version = bytes[at]
    if (version !== FRAME_VERSION && version !== 0) return 'closes'
    if (bytes.length - at < FRAME_HEADER_BYTES) return 'waits'
    const type = bytes[at + 1] ?? 0
    const size = bytes.readUIntBE(at + 2, 6)
    const isKnown = type >= FRAME_TYPES.INFO && type <= FRAME_TYPES.COMPRESSED
    if (!isKnown || (version === 0 && type !== FRAME_TYPES.SECURITY) || size > FRAME_BODY_BYTES_MAX)
      return 'closes'
    at += FRAME_HEADER_BYTES + size
    if (at > bytes.length) return 'waits'
  }
  return 'answers'
}

/** A request whose answer repeats its name: when it comes, everything before it has been dealt with. */
function marker(name: string): Buffer {
  return encodeFrame(FRAME_TYPES.INFO, encodeInfoRequest([name]))
}

/** Bytes that the server did not deal with as it has to. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError'
}

/** A connection that sends what no client sends, and looks at what the server does then. */
export class HostileConnection {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  #isClosed = false
  #marked = ''
  #wake: () => void = () => {}
  #defect: unknown

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
    socket.on('data', chunk => this.#receive(chunk))
  }

  static async open(port: number): Promise<HostileConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new HostileConnection(socket)
  }

  close(): void {
    this.#socket.destroy()
  }

  /**
   * Sends bytes that are to be answered, one after the other, each followed by a marker.
   *
   * @throws UnansweredError when an answer is missing, late or no message
   */
  async expectAnswers(requests: readonly Buffer[]): Promise<void> {
    const last = `marker-${requests.length - 1}`
    this.#marked = ''
    this.#socket.write(Buffer.concat(requests.flatMap((bytes, at) => [bytes, marker(`marker-${at}`)])))
    await this.#until(() => this.#marked === last || this.#isClosed || this.#defect !== undefined)
    if (this.#defect !== undefined) throw new UnansweredError(`a reply that is none: ${this.#defect}`)
    if (this.#marked !== last) throw new UnansweredError(this.#isClosed ? 'closed' : 'no answer in time')
  }

  /** @throws UnansweredError when the server goes on listening */
  async expectClose(bytes: Buffer): Promise<void> {
    this.#socket.write(bytes)
    await this.#until(() => this.#isClosed)
    if (!this.#isClosed) throw new UnansweredError('not closed')
  }

  /** Leaves the server in the middle of a request. */
  abandon(bytes: Buffer): void {
    this.#socket.end(bytes, () => this.#socket.destroy())
  }

  #receive(chunk: Buffer): void {
    try {
      this.#reader.push(chunk)
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
        if (frame.type === FRAME_TYPES.MESSAGE) checkMessages(frame.body)
        else if (frame.type === FRAME_TYPES.INFO && frame.body.toString('latin1', 0, 7) === 'marker-') {
          this.#marked = frame.body.toString('latin1', 0, frame.body.indexOf('\t'))
        }
      }
    } catch (error) {
      this.#defect = error
    }
    this.#wake()
  }

  async #until(condition: () => boolean): Promise<void> {
    const endMs = performance.now() + ANSWER_MS_MAX
    while (!condition()) {
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) return
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

function checkMessages(body: Buffer): void {
  for (let at = 0; at < body.length; ) at = decodeMessageAt(body, at).end
}
