import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { EmbeddedServer } from '../../lib/embedded/server.ts'
import {
  encodeBatch,
  encodeFrame,
  encodeInfoRequest,
  encodeMessage,
  FIELD_TYPES,
  FRAME_TYPES,
  INFO1,
  INFO2,
  type MessageInit,
} from '../../lib/protocol/index.ts'
import { FakeUdfRuntime } from './support/fake-udf-runtime.ts'
import { RawConnection } from './support/raw-connection.ts'
import { keyFields, write } from './support/test-node.ts'

const info = (...commands: string[]) => encodeFrame(FRAME_TYPES.INFO, encodeInfoRequest(commands))
const message = (init: MessageInit) => encodeFrame(FRAME_TYPES.MESSAGE, encodeMessage(init))
const get = (key: string) => message({ info1: INFO1.READ | INFO1.GET_ALL, fields: keyFields(key) })
const put = (key: string, value: Buffer | number) =>
  message({ info2: INFO2.WRITE, fields: keyFields(key), operations: [write('a', value)] })

const UNFINISHED_BYTES_MAX = 8 * 1024 * 1024

describe('EmbeddedServer', () => {
  let udf: FakeUdfRuntime
  let server: EmbeddedServer
  let connections: RawConnection[]
  /** Servers besides the one of every test. */
  let others: EmbeddedServer[]
  const logged: string[] = []

  const startServer = () =>
    EmbeddedServer.start({
      host: '127.0.0.1',
      port: 0,
      unfinishedFrameBytesMax: UNFINISHED_BYTES_MAX,
      namespaces: ['test'],
      udf,
      log: (_level, text) => logged.push(text),
    })

  async function open(): Promise<RawConnection> {
    const connection = await RawConnection.open(server.port)
    connections.push(connection)
    return connection
  }

  /** Whether the server still answers a fresh connection. */
  async function isAlive(): Promise<boolean> {
    const reply = await (await open()).request(info('status'))
    return reply?.body.toString() === 'status\tok\n'
  }

  beforeEach(async () => {
    udf = new FakeUdfRuntime()
    connections = []
    others = []
    server = await startServer()
  })

  afterEach(async () => {
    for (const connection of connections) connection.close()
    await Promise.all([server, ...others].map(each => each.close()))
  })

  it('answers every kind of frame on one connection, in order', async () => {
    const connection = await open()
    connection.send(Buffer.concat([info('status'), put('k', 7), get('k'), get('none'), info('edition')]))
    const types: unknown[] = []
    for (let reply = 0; reply < 5; reply++) {
      const frame = await connection.frame()
      types.push(frame?.type === FRAME_TYPES.INFO ? frame.body.toString().split('\t')[0] : frame?.body[5])
    }
    expect(types).toEqual(['status', 0, 0, 2, 'edition'])
  })

  it('answers a request that arrives byte by byte', async () => {
    const connection = await open()
    for (const byte of info('status')) connection.send(Uint8Array.of(byte))
    expect((await connection.frame())?.body.toString()).toBe('status\tok\n')
  })

  it.each([
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['zeros', Buffer.alloc(64)],
    ['a wrong version', Buffer.from('0101000000000000', 'hex')],
    ['a frame of one byte too many', Buffer.from('0203000008000001', 'hex')],
  ])('closes a connection that sends %s, and serves the others', async (_what, bytes) => {
    const connection = await open()
    expect(await connection.request(bytes)).toBeUndefined()
    expect(await isAlive()).toBe(true)
  })

  it('answers what came before the bytes that close a connection', async () => {
    const connection = await open()
    connection.send(Buffer.concat([info('status'), Buffer.alloc(64)]))
    expect((await connection.frame())?.body.toString()).toBe('status\tok\n')
    expect(await connection.frame()).toBeUndefined()
  })

  it.each([
    ['a message shorter than its header', FRAME_TYPES.MESSAGE, '16', 4],
    ['a compressed message', FRAME_TYPES.COMPRESSED, '00', 25],
  ])('answers %s with a code and stays open', async (_what, type, body, code) => {
    const connection = await open()
    const reply = await connection.request(encodeFrame(type, Buffer.from(body, 'hex')))
    expect([reply?.body.length, reply?.body[5]]).toEqual([22, code])
    expect((await connection.request(info('status')))?.body.toString()).toBe('status\tok\n')
  })

  it('gives up the frames that stall when all of them take too much memory, and serves the others', async () => {
    const header = Buffer.from('0203000007ffffff', 'hex')
    const stalled = await Promise.all(Array.from({ length: 6 }, () => open()))
    for (const connection of stalled) {
      await connection.request(info('status'))
      connection.send(Buffer.concat([header, Buffer.alloc(2_000_000)]))
    }
    const endings = stalled.map(connection => connection.frame())
    // The first to go, whichever that is: their bytes arrive side by side.
    expect(await Promise.race(endings)).toBeUndefined()
    const connection = await open()
    expect((await connection.request(put('k', Buffer.alloc(1_000_000))))?.body[5]).toBe(0)
    expect(logged.join('\n')).toContain('frame given up')
  })

  it('has no security, and says so', async () => {
    const login = encodeFrame(FRAME_TYPES.SECURITY, Buffer.alloc(24))
    const reply = await (await open()).request(login)
    expect([reply?.type, reply?.body.toString('hex')]).toEqual([2, `0033${'00'.repeat(14)}`])
  })

  it('does not work ahead of a client that does not read', async () => {
    const requests = 100
    const connection = await open()
    await connection.request(put('k', Buffer.alloc(1_000_000, 1)))
    connection.send(Buffer.concat(Array.from({ length: requests }, () => get('k'))))
    expect(await isAlive()).toBe(true)
    const statistics = await (await open()).request(info('namespace/test'))
    const reads = Number(/client_read_success=(\d+)/.exec(statistics?.body.toString() ?? '')?.[1])
    // What fits into the buffers of the system, and little more.
    expect(reads * 1_000_000).toBeLessThan(16_000_000)
    for (let read = 0; read < requests; read++) expect((await connection.frame())?.body[5]).toBe(0)
  })

  it('serves others while it runs a long batch', async () => {
    const rowCount = 100_000
    const [namespace, set, digest] = keyFields('k')
    if (namespace === undefined || set === undefined || digest === undefined) throw new Error('three fields')
    const repeated = Array.from({ length: rowCount - 1 }, () => ({
      digest: digest.data,
      repeat: true as const,
    }))
    // Reads of nothing: they fail, and without flags nothing but the end of the batch is answered.
    const batch = encodeBatch(
      [{ digest: digest.data, info1: INFO1.READ, fields: [namespace, set] }, ...repeated],
      0,
    )
    await (await open()).request(put('k', 1))
    const order: string[] = []
    const runBatch = async () => {
      const busy = await open()
      busy.send(message({ info1: INFO1.BATCH, fields: [{ type: FIELD_TYPES.BATCH, data: batch }] }))
      expect((await busy.frame())?.body[5]).toBe(4)
      order.push('batch')
    }
    const askOthers = async () => {
      for (let asked = 0; asked < 3; asked++) expect(await isAlive()).toBe(true)
      order.push('others')
    }
    await Promise.all([runBatch(), askOthers()])
    expect(order).toEqual(['others', 'batch'])
  })

  it('survives connections that are reset in the middle of a request', async () => {
    for (let sent = 1; sent < 40; sent += 3) {
      const connection = await open()
      connection.send(put('k', 1).subarray(0, sent))
      connection.socket.resetAndDestroy()
    }
    expect(await isAlive()).toBe(true)
  })

  it('closes the connection of a request that its code fails on, and logs why', async () => {
    udf.files = () => {
      throw new Error('defect for the test')
    }
    expect(await (await open()).request(info('udf-list'))).toBeUndefined()
    expect(await isAlive()).toBe(true)
    expect(logged.join('\n')).toContain('defect for the test')
  })

  it('has a node name of its own, the same every time', async () => {
    const other = await startServer()
    others.push(other)
    const nameOf = async (port: number) => {
      const connection = await RawConnection.open(port)
      connections.push(connection)
      return (await connection.request(info('node')))?.body.toString()
    }
    expect(await nameOf(server.port)).toMatch(/^node\t[1-9A-F][0-9A-F]{0,15}\n$/)
    expect(await nameOf(server.port)).toBe(await nameOf(server.port))
    expect(await nameOf(server.port)).not.toBe(await nameOf(other.port))
  })

  it('closes everything: connections, port and Lua', async () => {
    const connection = await open()
    const { port } = server
    await server.close()
    expect(udf.isClosed).toBe(true)
    expect(await connection.frame()).toBeUndefined()
    await expect(RawConnection.open(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('does not start on a port that is taken', async () => {
    const options = { host: '127.0.0.1', port: server.port, namespaces: ['test'], udf: new FakeUdfRuntime() }
    await expect(EmbeddedServer.start(options)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
