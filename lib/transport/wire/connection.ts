import type { Socket } from 'node:net'
import { messageOf } from '../../errors/index.ts'
import { AnswerReader, type RowReceiver } from './answer-reader.ts'
import { Deadline } from './deadline.ts'
import { SendFailure, type SendFailureKind } from './send-failure.ts'
import { type Address, addressText, openSocket, type SocketOptions } from './socket.ts'

interface Exchange {
  readonly receiver: RowReceiver
  readonly resolve: (resultCode: number) => void
  readonly reject: (failure: SendFailure) => void
  readonly deadline: Deadline
}

/**
 * A connection to a node that carries one batch at a time. Whatever goes wrong on it, a torn answer, a late
 * one or none in time, ends it, so that no later batch reads what was meant for an earlier one.
 */
export class Connection {
  readonly #socket: Socket
  readonly #reader = new AnswerReader()
  readonly #where: string
  #exchange: Exchange | undefined
  #isOpen = true
  /** When it was last used, in milliseconds of `performance.now()`. */
  idleSinceMs = 0

  private constructor(address: Address, options: SocketOptions, ready: (connected: Promise<void>) => void) {
    this.#where = addressText(address)
    const { socket, connected } = openSocket(address, options, {
      onBytes: bytes => this.#onBytes(bytes),
      onEnd: reason => this.#onEnd(reason),
    })
    this.#socket = socket
    ready(connected)
  }

  /** @throws SendFailure when there is none within the time */
  static async open(address: Address, options: SocketOptions): Promise<Connection> {
    let connected: Promise<void> = Promise.resolve()
    const connection = new Connection(address, options, promise => {
      connected = promise
    })
    try {
      await connected
      return connection
    } catch (error) {
      throw new SendFailure('notConnected', messageOf(error))
    }
  }

  /** Whether it can take a batch. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /**
   * Sends a batch and hands the rows of its answer over as they come.
   *
   * @param request unchanged until the promise settles, and after a rejection never changed again
   * @param timeoutMs the longest time from now until the answer is complete
   * @returns the final result code
   * @throws SendFailure; the connection has ended then
   */
  exchange(request: Buffer, receiver: RowReceiver, timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) {
        reject(new SendFailure('notConnected', `${this.#where}: the connection has ended`))
        return
      }
      const deadline = new Deadline(timeoutMs, () =>
        this.#fail('timedOut', `no complete answer within ${Math.ceil(timeoutMs)} ms`),
      )
      this.#exchange = { receiver, resolve, reject, deadline }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#fail('connectionLost', 'the connection was closed')
  }

  #onBytes(bytes: Buffer): void {
    const exchange = this.#exchange
    if (exchange === undefined) {
      // Bytes that nobody asked for: a late or second answer. The next batch must not take them for its own.
      this.close()
      return
    }
    try {
      const resultCode = this.#reader.read(bytes, exchange.receiver)
      if (resultCode === undefined) return
      exchange.deadline.clear()
      this.#exchange = undefined
      exchange.resolve(resultCode)
    } catch (error) {
      this.#fail('badAnswer', `the answer cannot be read: ${messageOf(error)}`)
    }
  }

  #onEnd(reason: string): void {
    this.#fail('connectionLost', reason)
  }

  #fail(kind: SendFailureKind, reason: string): void {
    this.#isOpen = false
    this.#socket.destroy()
    const exchange = this.#exchange
    if (exchange === undefined) return
    this.#exchange = undefined
    exchange.deadline.clear()
    exchange.reject(new SendFailure(kind, `${this.#where}: ${reason}`))
  }
}
