import type { Socket } from 'node:net'
import { messageOf } from '../../errors/index.ts'
import {
  decodeInfoReply,
  encodeFrame,
  encodeInfoRequest,
  FRAME_TYPES,
  FrameReader,
  ProtocolError,
} from '../../protocol/index.ts'
import { Deadline } from './deadline.ts'
import { SendFailure } from './send-failure.ts'
import { type Address, addressText, openSocket, type SocketOptions } from './socket.ts'

/** As the official client: a larger answer is none (protocol 1.1). */
const ANSWER_BYTES_MAX = 512 * 1024

/** How a server that expects TLS begins its answer to anything else: an alert (RFC 8446, section 5.1). */
const TLS_ALERT = 0x15

interface Question {
  readonly commands: readonly string[]
  readonly resolve: (answers: string[]) => void
  readonly reject: (error: Error) => void
}

/** A connection on which a node is asked about itself and its cluster, one question at a time. */
export class InfoConnection {
  readonly #socket: Socket
  readonly #where: string
  readonly #reader = new FrameReader({ bodyBytesMax: ANSWER_BYTES_MAX })
  #question: Question | undefined
  #isOpen = true

  private constructor(address: Address, options: SocketOptions, ready: (connected: Promise<void>) => void) {
    this.#where = addressText(address)
    const { socket, connected } = openSocket(address, options, {
      onBytes: bytes => this.#onBytes(bytes),
      onEnd: reason => this.#fail(reason),
    })
    this.#socket = socket
    ready(connected)
  }

  static async open(address: Address, options: SocketOptions): Promise<InfoConnection> {
    let connected: Promise<void> = Promise.resolve()
    const connection = new InfoConnection(address, options, promise => {
      connected = promise
    })
    try {
      await connected
      return connection
    } catch (error) {
      throw new SendFailure('notConnected', messageOf(error))
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /**
   * The answers to info commands, in the order of the commands.
   *
   * @throws Error when there is none within the time, or it answers something else; the connection has ended then
   */
  async ask(commands: readonly string[], timeoutMs: number): Promise<string[]> {
    const deadline = new Deadline(timeoutMs, () => this.#fail(`no answer to ${commands.join()} in time`))
    try {
      return await new Promise<string[]>((resolve, reject) => {
        if (!this.#isOpen || this.#question !== undefined) {
          reject(new SendFailure('notConnected', `${this.#where}: the connection has ended`))
          return
        }
        this.#question = { commands, resolve, reject }
        this.#socket.write(encodeFrame(FRAME_TYPES.INFO, encodeInfoRequest(commands)))
      })
    } finally {
      deadline.clear()
    }
  }

  close(): void {
    this.#fail('the connection was closed')
  }

  #onBytes(bytes: Buffer): void {
    try {
      if (bytes[0] === TLS_ALERT && this.#reader.heldBytes === 0) throw new ProtocolError('it asks for TLS')
      // The reader keeps chunks, and this one is read into again.
      this.#reader.push(Buffer.from(bytes))
      const frame = this.#reader.next()
      if (frame === undefined) return
      const question = this.#question
      if (question === undefined || frame.type !== FRAME_TYPES.INFO)
        throw new ProtocolError('an answer that nobody asked for')
      const answers = decodeInfoReply(frame.body)
      if (
        answers.length !== question.commands.length ||
        answers.some(({ text }, index) => text !== question.commands[index])
      )
        throw new ProtocolError('an answer to other commands')
      this.#question = undefined
      question.resolve(answers.map(({ value }) => value))
    } catch (error) {
      this.#fail(messageOf(error))
    }
  }

  #fail(reason: string): void {
    this.#isOpen = false
    this.#socket.destroy()
    const question = this.#question
    this.#question = undefined
    question?.reject(new SendFailure('connectionLost', `${this.#where}: ${reason}`))
  }
}
