import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type Body, BodyStream } from '../../lib/asset/body-stream.ts'

const STALL_MS = 1_000

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] })
})
afterEach(() => {
  jest.useRealTimers()
})

/** A body of so many pieces of 100 KiB, which fails after them where it is told to. */
class TestBody implements Body {
  readonly #count: number
  readonly #failure: Error | undefined
  made = 0
  releases = 0

  constructor(count: number, failure?: Error) {
    this.#count = count
    this.#failure = failure
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for (; this.made < this.#count; this.made++) yield new Uint8Array(100 * 1024)
    if (this.#failure !== undefined) throw this.#failure
  }

  async release(): Promise<void> {
    this.releases += 1
  }
}

const start = (body: Body, controller = new AbortController()): Promise<BodyStream> =>
  BodyStream.start(body, { controller, stallTimeoutMs: STALL_MS })

const closed = (stream: BodyStream): Promise<void> =>
  new Promise(resolve => (stream.closed ? resolve() : stream.once('close', resolve)))

async function bytesOf(stream: BodyStream): Promise<number> {
  let bytes = 0
  for await (const piece of stream) bytes += piece.length
  return bytes
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}

describe('a body is released once, and leaves no timer', () => {
  const endings: [string, TestBody, (stream: BodyStream) => unknown][] = [
    ['read to its end', new TestBody(5), bytesOf],
    ['empty', new TestBody(0), bytesOf],
    ['destroyed', new TestBody(5), stream => stream.destroy()],
    ['failed', new TestBody(5, new Error('torn')), stream => bytesOf(stream).catch(() => {})],
    [
      'destroyed while a reader reads',
      new TestBody(50),
      stream => {
        stream.on('error', () => {})
        stream.once('data', () => stream.destroy(new Error('gone')))
      },
    ],
  ]
  it.each(endings)('%s', async (_how, body, end) => {
    const stream = await start(body)
    await end(stream)
    await closed(stream)
    expect([body.releases, jest.getTimerCount()]).toEqual([1, 0])
  })

  it('when its reader had gone before it began', async () => {
    const controller = new AbortController()
    controller.abort(new Error('gone'))
    const body = new TestBody(5)
    const stream = await start(body, controller)
    stream.on('error', () => {})
    await closed(stream)
    expect([body.releases, jest.getTimerCount()]).toEqual([1, 0])
  })

  it('when its first piece cannot be made', async () => {
    const body = new TestBody(0, new Error('torn'))
    await expect(start(body)).rejects.toThrow('torn')
    expect([body.releases, jest.getTimerCount()]).toEqual([1, 0])
  })
})

describe('a reader', () => {
  it('that does not take holds up the making', async () => {
    const body = new TestBody(50)
    const stream = await start(body)
    stream.read(0)
    await turns(50)
    expect(body.made).toBeLessThanOrEqual(4)
    stream.destroy()
    await closed(stream)
  })

  it('that takes nothing for too long loses the stream; one that is slow does not', async () => {
    const body = new TestBody(50)
    const stream = await start(body)
    const failed = new Promise(resolve => stream.once('error', resolve))
    for (let step = 0; step < 10; step++) {
      await jest.advanceTimersByTimeAsync(STALL_MS - 1)
      while (stream.read() !== null);
      await turns(10)
    }
    expect(stream.destroyed).toBe(false)
    await jest.advanceTimersByTimeAsync(STALL_MS)
    expect(await failed).toMatchObject({ code: 'CONTEXT_CANCELED' })
    await closed(stream)
    expect(body.releases).toBe(1)
  })

  it('of one large piece gets it in parts, and is seen to read while it takes them', async () => {
    const large = Uint8Array.from({ length: 1_000_000 }, (_, index) => index * 31)
    const body: Body = {
      async *pieces() {
        yield large
        yield large
      },
      release: async () => {},
    }
    const stream = await start(body)
    stream.on('error', () => {})
    const parts: Uint8Array[] = []
    const take = (): void => {
      for (let part = stream.read(); part !== null; part = stream.read()) parts.push(part)
    }
    for (let step = 0; step < 20 && !stream.readableEnded; step++) {
      take()
      await turns(10)
      await jest.advanceTimersByTimeAsync(STALL_MS - 1)
    }
    await closed(stream)
    expect(Math.max(...parts.map(part => part.byteLength))).toBeLessThanOrEqual(512 * 1024)
    expect(Buffer.concat(parts).equals(Buffer.concat([large, large]))).toBe(true)
  })

  it('does not pay for a piece that takes long to make', async () => {
    let make: (piece: Uint8Array) => void = () => {}
    const body: Body = {
      async *pieces() {
        yield new Uint8Array(1)
        yield await new Promise<Uint8Array>(resolve => {
          make = resolve
        })
      },
      release: async () => {},
    }
    const stream = await start(body)
    const read = bytesOf(stream)
    await turns(10)
    await jest.advanceTimersByTimeAsync(10 * STALL_MS)
    make(new Uint8Array(1))
    expect(await read).toBe(2)
  })
})
