import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a request may be answered with instead of what the bucket holds. */
export interface Refusal {
  readonly status: number
  readonly code: string
}

/** The few calls of S3 that the store makes, for one bucket, with paths in the style `/bucket/key`. */
export class S3Imitation {
  readonly objects = new Map<string, Buffer>()
  readonly requests: string[] = []
  /** Bytes of bodies that went out. */
  sentBytes = 0
  refuse: ((method: string, key: string) => Refusal | undefined) | undefined
  /** Requests get no answer, or no more than the beginning of a body. */
  hang: 'at once' | 'in bodies' | undefined
  #onHung: () => void = () => {}
  readonly #bucket: string
  readonly #server: Server

  private constructor(bucket: string) {
    this.#bucket = bucket
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(bucket: string): Promise<S3Imitation> {
    const imitation = new S3Imitation(bucket)
    await new Promise<void>(resolve => imitation.#server.listen(0, '127.0.0.1', resolve))
    return imitation
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves when a request has come to its last byte. */
  hung(): Promise<void> {
    return new Promise(resolve => {
      this.#onHung = resolve
    })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const body: Buffer[] = []
    for await (const piece of request) body.push(piece as Buffer)
    if (this.hang === 'at once') return this.#onHung()
    const [, bucket, ...path] = decodeURIComponent(url.split('?')[0] ?? '').split('/')
    const key = path.join('/')
    this.requests.push(`${method} ${key}`)
    const refusal =
      bucket === this.#bucket ? this.refuse?.(method, key) : { status: 404, code: 'NoSuchBucket' }
    if (refusal !== undefined) return refuse(response, refusal)
    const object = this.objects.get(key)
    if (method === 'PUT') {
      if (headers['if-none-match'] === '*' && object !== undefined) {
        return refuse(response, { status: 412, code: 'PreconditionFailed' })
      }
      this.objects.set(key, Buffer.concat(body))
      response.writeHead(200).end()
    } else if (method === 'DELETE') {
      this.objects.delete(key)
      response.writeHead(204).end()
    } else if (object === undefined) {
      refuse(response, { status: 404, code: 'NoSuchKey' })
    } else {
      response.writeHead(200, { 'content-length': object.byteLength })
      if (method === 'HEAD') response.end()
      else if (this.hang === 'in bodies') response.write(object.subarray(0, 9), this.#onHung)
      else await this.#send(response, object)
    }
  }

  /** In pieces, as far as the reader wants them. */
  async #send(response: ServerResponse, object: Buffer): Promise<void> {
    const pieceBytes = 64 * 1024
    const closed = once(response, 'close')
    for (let from = 0; from < object.byteLength && !response.destroyed; from += pieceBytes) {
      const piece = object.subarray(from, from + pieceBytes)
      const hasRoom = response.write(piece)
      this.sentBytes += piece.byteLength
      if (!hasRoom) await Promise.race([once(response, 'drain'), closed])
    }
    response.end()
  }
}

function refuse(response: ServerResponse, { status, code }: Refusal): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(
      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
    )
}
