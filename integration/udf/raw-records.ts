import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  decodeMessage,
  encodeFrame,
  encodeMessage,
  FIELD_TYPES,
  FRAME_TYPES,
  FrameReader,
  INFO1,
  recordDigest,
  userKey,
} from '../../lib/protocol/index.ts'
import type { TestServer } from '../servers/server.ts'

/** Bins by name, each as its particle type and its bytes: what a client would turn into equal values stays apart. */
export type RawRecord = Readonly<Record<string, string>>

/** Reads records as the server stores them, past every client. */
export class RawRecords {
  readonly #socket: Socket
  readonly #namespace: string
  readonly #chunks: AsyncIterator<Buffer>
  readonly #reader = new FrameReader()

  private constructor(socket: Socket, namespace: string) {
    this.#socket = socket
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    this.#namespace = namespace
  }

  static async open({ host, port, namespace }: TestServer): Promise<RawRecords> {
    const socket = connect({ host, port })
    await once(socket, 'connect')
    return new RawRecords(socket, namespace)
  }

  /** The records in the order of the keys; undefined for one that is missing. */
  async read(set: string, keys: readonly Uint8Array[]): Promise<(RawRecord | undefined)[]> {
    for (const key of keys) this.#socket.write(this.#request(set, key))
    const bodies: Buffer[] = []
    while (bodies.length < keys.length) {
      const frame = this.#reader.next()
      if (frame === undefined) this.#reader.push(await this.#chunk())
      else bodies.push(frame.body)
    }
    // All of them are taken from the connection before one can fail.
    return bodies.map(rawRecord)
  }

  async #chunk(): Promise<Buffer> {
    const { done, value } = await this.#chunks.next()
    if (done === true) throw new Error('the server closed the connection')
    return value
  }

  close(): void {
    this.#socket.destroy()
  }

  #request(set: string, key: Uint8Array): Buffer {
    const fields = [
      { type: FIELD_TYPES.NAMESPACE, data: Buffer.from(this.#namespace) },
      { type: FIELD_TYPES.SET, data: Buffer.from(set) },
      { type: FIELD_TYPES.DIGEST, data: recordDigest(set, userKey(key)) },
    ]
    return encodeFrame(FRAME_TYPES.MESSAGE, encodeMessage({ info1: INFO1.READ | INFO1.GET_ALL, fields }))
  }
}

function rawRecord(body: Buffer): RawRecord | undefined {
  const { resultCode, operations } = decodeMessage(body)
  if (resultCode === 2) return undefined
  if (resultCode !== 0) throw new Error(`reading a record: status ${resultCode}`)
  const bins = operations.map(
    ({ name, particleType, value }) => [name, `${particleType}:${value.toString('hex')}`] as const,
  )
  // The order of bins is no part of a record: it tells which was written first.
  return Object.fromEntries(bins.sort(([one], [other]) => (one < other ? -1 : 1)))
}
