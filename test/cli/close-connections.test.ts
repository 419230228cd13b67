import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type FastifyInstance, fastify } from 'fastify'
import { closeConnections } from '../../lib/cli/close-connections.ts'

const HEAD = 'HTTP/1.1\r\nhost: x\r\n'
/** More than the sockets between server and client hold. */
const BYTES = 32 * 1024 * 1024

let app: FastifyInstance
let clients: Socket[]

beforeEach(() => {
  clients = []
  app = fastify({ connectionTimeout: 60_000 })
})
afterEach(async () => {
  for (const client of clients) client.destroy()
  await app.close()
})

async function listen(graceMs: number): Promise<void> {
  closeConnections(app, graceMs)
  app.get('/small', async () => 'ok')
  app.get('/large', async () => Readable.from([Buffer.alloc(BYTES)], { objectMode: false }))
  await app.listen({ host: '127.0.0.1', port: 0 })
}

/** A client that the server has accepted, and what it has sent. */
async function client(text: string): Promise<Socket> {
  const accepted = once(app.server, 'connection')
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  clients.push(socket)
  socket.on('error', () => {})
  const [peer] = (await accepted) as [Socket]
  if (text === '') return socket
  socket.write(text)
  while (peer.bytesRead < text.length) await new Promise(resolve => setImmediate(resolve))
  return socket
}

const GRACE_MS = 20_000

describe('an app that closes does not wait for', () => {
  it.each([
    ['a connection that has sent nothing', ''],
    ['half a request', 'GET /sm'],
    ['a request whose body is not there', `POST /small ${HEAD}content-length: 10\r\n\r\nab`],
    ['a connection whose request was answered', `GET /small ${HEAD}\r\n`],
  ])('%s', async (_what, text) => {
    await listen(GRACE_MS)
    const socket = await client(text)
    if (text.endsWith('\r\n\r\n')) await once(socket, 'data')
    const startedMs = performance.now()
    await app.close()
    expect(performance.now() - startedMs).toBeLessThan(GRACE_MS / 4)
  })

  it('a client that does not take its answer, once the grace is over', async () => {
    await listen(100)
    const socket = await client(`GET /large ${HEAD}\r\n`)
    await once(socket, 'readable')
    const startedMs = performance.now()
    await app.close()
    expect(performance.now() - startedMs).toBeGreaterThan(95)
  })
})

it('an answer in progress comes to its end', async () => {
  await listen(GRACE_MS)
  const silent = await client('')
  const reading = await client('')
  reading.write(`GET /large ${HEAD}connection: close\r\n\r\n`)
  await once(reading, 'readable')
  const closing = app.close()
  silent.resume()
  await once(silent, 'close')
  let bytes = 0
  for await (const piece of reading as AsyncIterable<Buffer>) bytes += piece.byteLength
  await closing
  expect(bytes).toBeGreaterThan(BYTES)
})
