import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { Agent, get as getHttp } from 'node:http'
import { type AddressInfo, connect, Socket } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type FastifyInstance, fastify, type onRequestAsyncHookHandler } from 'fastify'
import { assetPlugin } from '../../lib/asset/asset-plugin.ts'
import { fetchSubtreeData } from '../../lib/asset/fetch-subtree-data.ts'
import type { SubtreeDataOptions } from '../../lib/asset/service-options.ts'
import { SubtreeDataService } from '../../lib/asset/subtree-data-service.ts'
import { SubtreeFolder } from '../../lib/asset/subtree-folder.ts'
import {
  DATA_MAGIC,
  HeldSource,
  type SampleSubtree,
  sampleSubtree,
  type TestFolder,
  testFolder,
  until,
} from './asset-kit.ts'

const small = sampleSubtree(300)
/** More than the sockets between server and client hold. */
const large = sampleSubtree(1_600, { scriptBytes: 15_000 })
const subtrees: readonly SampleSubtree[] = [small, large]

let folder: TestFolder
let source: HeldSource
let service: SubtreeDataService
let app: FastifyInstance
let base: string

beforeEach(async () => {
  folder = await testFolder(...subtrees)
  source = new HeldSource().add(...subtrees)
})

afterEach(async () => {
  source.release()
  await app.close()
  await folder[Symbol.asyncDispose]()
})

async function listen(
  options: Partial<SubtreeDataOptions> = {},
  { onRequest, ...server }: { pluginTimeout?: number; onRequest?: onRequestAsyncHookHandler } = {},
): Promise<void> {
  const files = await SubtreeFolder.open(folder.path)
  service = new SubtreeDataService({
    source,
    files,
    closeGraceMs: 0,
    chunkTransactionsMax: 100,
    fetchConcurrency: 2,
    ...options,
  })
  app = fastify(server)
  if (onRequest !== undefined) app.addHook('onRequest', onRequest)
  await app.register(assetPlugin, { service, prefix: '/api/v1' })
  base = `${await app.listen({ host: '127.0.0.1', port: 0 })}/api/v1`
}

const get = (root: string, init?: RequestInit): Promise<Response> =>
  fetch(`${base}/subtree_data/${root}`, init)

const dataFiles = async (): Promise<string[]> =>
  (await readdir(folder.path)).filter(name => name.includes('.subtreeData'))

/** A client that sends its requests at once and reads nothing of the answers. */
function pipeliningClient(roots: readonly string[], header = 'accept: */*') {
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  for (const root of roots)
    socket.write(`GET /api/v1/subtree_data/${root} HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`)
  return socket
}

const silentClient = (root: string, header?: string) => pipeliningClient([root], header)

describe('answers', () => {
  beforeEach(() => listen())

  it('200 with the transactions: built, then from the file with its length', async () => {
    const built = await get(small.root)
    expect([built.status, built.headers.get('content-type'), built.headers.get('content-length')]).toEqual([
      200,
      'application/octet-stream',
      null,
    ])
    expect(Buffer.from(await built.arrayBuffer()).equals(small.data)).toBe(true)
    const kept = await get(small.root)
    expect(kept.headers.get('content-length')).toBe(String(small.data.byteLength))
    expect(Buffer.from(await kept.arrayBuffer()).equals(small.data)).toBe(true)
  })

  it('404 where there is no such subtree', async () => {
    const answer = await get('ab'.repeat(32))
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { code: 'NOT_FOUND', message: `there is no subtree ${'ab'.repeat(32)}` },
    ])
  })

  it('400 to what is no root', async () => {
    expect((await get('abc')).status).toBe(400)
  })

  it('500 to every other error before the first byte, and keeps the reason for the log', async () => {
    source.remove(small.txs[0]?.txid as Uint8Array)
    const answer = await get(small.root)
    expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([
      500,
      null,
      { code: 'PROCESSING', message: 'the data of the subtree cannot be served' },
    ])
  })

  it('nothing to HEAD, which would build the file', async () => {
    expect((await get(small.root, { method: 'HEAD' })).status).toBe(404)
    expect(source.batches).toEqual([])
  })
})

describe('lessons 90 and 91: 503 with Retry-After', () => {
  it('to one creation more than may be, while existing files are served', async () => {
    await listen({ creationsMax: 1 })
    await folder.put(`${small.root}.subtreeData`, Buffer.concat([DATA_MAGIC, small.data]))
    const other = sampleSubtree(10)
    await folder.put(`${other.root}.subtree`, other.file)
    const silent = silentClient(large.root)
    try {
      await until(() => service.load.creations === 1, 'one builds')
      const refused = await get(other.root)
      expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([
        503,
        '1',
        { code: 'SERVICE_UNAVAILABLE', message: expect.stringContaining('try again') },
      ])
      expect(Buffer.from(await (await get(small.root)).arrayBuffer()).equals(small.data)).toBe(true)
    } finally {
      silent.destroy()
    }
  })
})

describe('a failure after the headers', () => {
  it('ends the connection, so that a part is not taken for the whole', async () => {
    await listen()
    source.remove(large.txs.at(-1)?.txid as Uint8Array)
    const answer = await get(large.root)
    expect(answer.status).toBe(200)
    await expect(answer.arrayBuffer()).rejects.toThrow()
    await until(() => service.load.creations === 0, 'the permit comes back')
    expect(await dataFiles()).toEqual([])
  })

  it('ends a connection that cannot be reset, and nothing else', async () => {
    await listen()
    source.remove(large.txs.at(-1)?.txid as Uint8Array)
    const reset = jest.spyOn(Socket.prototype, 'resetAndDestroy').mockImplementation(() => {
      throw new TypeError('no TCP')
    })
    const answer = await get(large.root)
    await expect(answer.arrayBuffer()).rejects.toThrow()
    expect(reset).toHaveBeenCalledTimes(1)
    reset.mockRestore()
    expect((await get(small.root)).status).toBe(200)
  })

  it('resets the connection of a client that speaks HTTP/1.0: its end is the end of the body there', async () => {
    await listen()
    source.remove(large.txs.at(-1)?.txid as Uint8Array)
    const { hostname, port, pathname } = new URL(base)
    const client = connect(Number(port), hostname)
    client.write(`GET ${pathname}/subtree_data/${large.root} HTTP/1.0\r\n\r\n`)
    client.resume()
    await expect(once(client, 'end')).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})

describe('lesson 92: a disconnect', () => {
  it('while the client takes nothing: the reads stop, and nothing remains', async () => {
    await listen()
    const silent = silentClient(large.root)
    await until(async () => (await dataFiles()).length === 1, 'it builds')
    await until(() => source.batches.length > 4, 'it reads on')
    silent.destroy()
    await until(() => service.load.creations === 0, 'the permit comes back')
    const asked = source.batches.length
    expect(asked).toBeLessThan(large.txs.length / 100)
    expect(await dataFiles()).toEqual([])
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(source.batches).toHaveLength(asked)
  })

  it('while the store is read', async () => {
    await listen()
    source.isHeld = true
    const silent = silentClient(small.root)
    await until(() => source.held === 2, 'it reads')
    silent.destroy()
    await until(async () => (await dataFiles()).length === 0, 'the partial file is removed')
    expect(service.load.creations).toBe(1)
    source.release()
    await until(() => service.load.creations === 0, 'the permit comes back')
  })

  it('before the handler: nothing is opened for it, and it does not stand in line', async () => {
    let isInHook = (): void => {}
    const hook = new Promise<void>(resolve => {
      isInHook = resolve
    })
    await listen(
      { readersMax: 1 },
      {
        onRequest: async (request, reply) => {
          if (request.headers.authorization === undefined) return
          isInHook()
          await once(reply.raw, 'close')
        },
      },
    )
    await folder.put(`${large.root}.subtreeData`, Buffer.concat([DATA_MAGIC, large.data]))
    const silent = silentClient(large.root)
    try {
      await until(() => service.load.readers === 1, 'one reads')
      const opened = jest.spyOn(service, 'open')
      const second = silentClient(large.root, 'authorization: slow')
      await hook
      second.destroy()
      await until(() => opened.mock.results.length === 1, 'the handler runs')
      await expect(opened.mock.results[0]?.value).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
      expect(service.load).toMatchObject({ readers: 1, waitingReaders: 0 })
    } finally {
      silent.destroy()
    }
  })

  it('of a reader of an existing file', async () => {
    await listen()
    await folder.put(`${large.root}.subtreeData`, Buffer.concat([DATA_MAGIC, large.data]))
    const silent = silentClient(large.root)
    await until(() => service.load.readers === 1, 'it reads')
    silent.destroy()
    await until(() => service.load.readers === 0, 'the permit comes back')
  })

  it('of a client with several requests on its connection: none of their files is built on', async () => {
    await listen()
    const second = sampleSubtree(1_600, { scriptBytes: 15_000 })
    source.add(second)
    await folder.put(`${second.root}.subtree`, second.file)
    const client = pipeliningClient([large.root, second.root])
    try {
      await until(() => service.load.creations === 2, 'both are built')
    } finally {
      client.destroy()
    }
    await until(() => service.load.creations === 0, 'the permits come back')
    expect(await dataFiles()).toEqual([])
  })

  it('of a client with many requests on its connection: none stands in line, by one listener', async () => {
    await listen({ readersMax: 2 })
    await folder.put(`${large.root}.subtreeData`, Buffer.concat([DATA_MAGIC, large.data]))
    const connection = once(app.server, 'connection')
    const client = pipeliningClient(Array.from({ length: 40 }, () => large.root))
    const [socket] = (await connection) as [Socket]
    const before = socket.listenerCount('close')
    try {
      await until(() => service.load.waitingReaders === 38, 'two read, the others wait')
      expect(socket.listenerCount('close')).toBeLessThanOrEqual(before + 2)
    } finally {
      client.destroy()
    }
    const idle = { creations: 0, readers: 0, waitingReaders: 0 }
    await until(() => isDeepStrictEqual(service.load, idle), 'the permits come back')
  })

  it('after many answers on one connection: nothing of them remains with it, and none was left', async () => {
    await listen()
    await folder.put(`${small.root}.subtreeData`, Buffer.concat([DATA_MAGIC, small.data]))
    const opened = jest.spyOn(service, 'open')
    const connection = once(app.server, 'connection')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    try {
      const listeners: number[] = []
      for (let count = 0; count < 20; count++) {
        const [answer] = await once(getHttp(`${base}/subtree_data/${small.root}`, { agent }), 'response')
        await once(answer.resume(), 'close')
        const [socket] = (await connection) as [Socket]
        listeners.push(socket.listenerCount('close'))
      }
      expect(Math.max(...listeners)).toBe(listeners[0])
      const [socket] = (await connection) as [Socket]
      const closed = once(socket, 'close')
      agent.destroy()
      await closed
      const aborted = opened.mock.calls.map(([, options]) => options?.signal?.aborted)
      expect(aborted).toEqual(listeners.map(() => false))
    } finally {
      agent.destroy()
    }
  })
})

it('closes with the app: cut off, cleaned up, and nothing listens any more', async () => {
  await listen()
  const silent = silentClient(large.root)
  try {
    await until(() => service.load.creations === 1, 'it builds')
    await app.close()
    expect(service.load.creations).toBe(0)
    expect(await dataFiles()).toEqual([])
  } finally {
    silent.destroy()
  }
})

it('gives answers in progress the time that they have, be it longer than plugins have to start', async () => {
  await listen({ closeGraceMs: 600, creationsMax: 1 }, { pluginTimeout: 200 })
  const silent = silentClient(large.root)
  try {
    await until(() => service.load.creations === 1, 'it builds')
    const startedMs = performance.now()
    await app.close()
    expect(performance.now() - startedMs).toBeGreaterThan(590)
    expect(await dataFiles()).toEqual([])
  } finally {
    silent.destroy()
  }
})

it('tells who still waited for a permit when it closed that it may try again', async () => {
  await listen({ readersMax: 1 })
  await folder.put(`${large.root}.subtreeData`, Buffer.concat([DATA_MAGIC, large.data]))
  const silent = silentClient(large.root)
  try {
    await until(() => service.load.readers === 1, 'one reads')
    const waiting = get(large.root)
    await until(() => service.load.waitingReaders === 1, 'one waits')
    const [answer] = await Promise.all([waiting, app.close()])
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  } finally {
    silent.destroy()
  }
})

describe('a peer', () => {
  it('waits for its turn, and gets the body of the attempt that was served', async () => {
    await listen({ creationsMax: 1 })
    const silent = silentClient(large.root)
    try {
      await until(() => service.load.creations === 1, 'one builds')
      const fetched = fetchSubtreeData(`${base}/`, small.root, {
        fetch: async (...request) => {
          const answer = await fetch(...request)
          // Refused once, and served at the next attempt.
          silent.destroy()
          await until(() => service.load.creations === 0, 'the permit comes back')
          return answer
        },
      })
      const body = await new Response(await fetched).arrayBuffer()
      expect(Buffer.from(body).equals(small.data)).toBe(true)
    } finally {
      silent.destroy()
    }
  })

  it('is told what there is not', async () => {
    await listen()
    await expect(fetchSubtreeData(base, 'ab'.repeat(32))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(fetchSubtreeData(base, 'abc')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    source.remove(small.txs[0]?.txid as Uint8Array)
    await expect(fetchSubtreeData(base, small.root)).rejects.toMatchObject({ code: 'ERROR' })
  })
})
