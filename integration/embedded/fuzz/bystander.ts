import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  decodeMessage,
  encodeFrame,
  encodeMessage,
  encodeParticle,
  FIELD_TYPES,
  FRAME_TYPES,
  FrameReader,
  INFO1,
  INFO2,
  type Message,
  type MessageInit,
  OPERATION_CODES,
  recordDigest,
  userKey,
} from '../../../lib/protocol/index.ts'

const PAUSE_MS = 5

/** A client that minds its own business: it counts in a record of its own while others do what they do. */
export class Bystander {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #fields: NonNullable<MessageInit['fields']>
  #isStopping = false
  #count = 0
  #slowestMs = 0
  #onReply: (body: Buffer) => void = () => {}
  #onClose: () => void = () => {}
  readonly #done: Promise<void>

  private constructor(socket: Socket, namespace: string) {
    this.#socket = socket
    this.#fields = [
      { type: FIELD_TYPES.NAMESPACE, data: Buffer.from(namespace) },
      { type: FIELD_TYPES.DIGEST, data: recordDigest('', userKey('counter')) },
    ]
    socket.on('error', () => {})
    socket.on('close', () => this.#onClose())
    socket.on('data', chunk => this.#receive(chunk))
    this.#done = this.#countOn()
    this.#done.catch(() => {})
  }

  static async start(port: number, namespace: string): Promise<Bystander> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new Bystander(socket, namespace)
  }

  get count(): number {
    return this.#count
  }

  /** The longest that it had to wait for an answer, in milliseconds. */
  get slowestMs(): number {
    return this.#slowestMs
  }

  /** Rejects when an answer was wrong, or the connection closed. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#done
    this.#socket.destroy()
  }

  async #countOn(): Promise<void> {
    const one = encodeParticle(1)
    while (!this.#isStopping) {
      const startedMs = performance.now()
      const reply = await this.#send({
        info1: INFO1.READ,
        info2: INFO2.WRITE,
        fields: this.#fields,
        operations: [
          { code: OPERATION_CODES.INCREMENT, particleType: one.type, name: 'n', value: one.value },
          { code: OPERATION_CODES.READ, particleType: 0, name: 'n' },
        ],
      })
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs)
      this.#count++
      const counted = reply.operations[0]?.value.readBigInt64BE(0)
      if (counted !== BigInt(this.#count)) throw new Error(`counted ${this.#count}, was told ${counted}`)
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    }
  }

  async #send(message: MessageInit): Promise<Message> {
    this.#socket.write(encodeFrame(FRAME_TYPES.MESSAGE, encodeMessage(message)))
    const body = await new Promise<Buffer>((resolve, reject) => {
      this.#onReply = resolve
      this.#onClose = () => reject(new Error('bystander was disconnected'))
    })
    return decodeMessage(body)
  }

  #receive(chunk: Buffer): void {
    this.#reader.push(chunk)
    const frame = this.#reader.next()
    if (frame !== undefined) this.#onReply(frame.body)
  }
}
