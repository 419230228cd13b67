import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { EmbeddedNode } from '../../lib/embedded/embedded-node.ts'
import { EmbeddedServer } from '../../lib/embedded/server.ts'
import {
  encodeFrame,
  encodeInfoRequest,
  encodeMessage,
  FRAME_TYPES,
  INFO1,
  INFO2,
  RESULT_CODES,
} from '../../lib/protocol/index.ts'
import { FakeUdfRuntime } from './support/fake-udf-runtime.ts'
import { RawConnection } from './support/raw-connection.ts'
import { keyFields, write } from './support/test-node.ts'

const { OK, NOT_FOUND } = RESULT_CODES
const status = encodeFrame(FRAME_TYPES.INFO, encodeInfoRequest(['status']))
const get = (key: string) =>
  encodeFrame(
    FRAME_TYPES.MESSAGE,
    encodeMessage({ info1: INFO1.READ | INFO1.GET_ALL, fields: keyFields(key) }),
  )
const put = (key: string, value: number) =>
  encodeFrame(
    FRAME_TYPES.MESSAGE,
    encodeMessage({ info2: INFO2.WRITE, fields: keyFields(key), operations: [write('a', value)] }),
  )

describe('the nodes of a server', () => {
  let server: EmbeddedServer
  let connections: RawConnection[]
  /** Aborted when the test is over: what still waits then would do so for ever, and keep Jest from its end. */
  let testEnd: AbortController
  const states: string[] = []

  const start = async (nodes: number, failureDetectionMs = 1) => {
    states.length = 0
    server = await EmbeddedServer.start({
      host: '127.0.0.1',
      port: 0,
      nodes,
      failureDetectionMs,
      namespaces: ['test'],
      udf: new FakeUdfRuntime(),
      onState: (position, state) => states.push(`${position} ${state}`),
    })
  }

  beforeEach(() => {
    connections = []
    testEnd = new AbortController()
  })

  afterEach(async () => {
    testEnd.abort()
    for (const connection of connections) connection.close()
    await server.close()
  })

  function node(position: number): EmbeddedNode {
    const found = server.nodes[position]
    if (found === undefined) throw new Error(`no node ${position}`)
    return found
  }

  async function open(position: number): Promise<RawConnection> {
    const connection = await RawConnection.open(node(position).port)
    connections.push(connection)
    return connection
  }

  /** The result code of a message's reply; undefined when the connection ends instead. */
  const code = async (connection: RawConnection) => (await connection.frame())?.body[5]

  async function ask(position: number, request: Buffer): Promise<number | undefined> {
    const connection = await open(position)
    connection.send(request)
    return code(connection)
  }

  /** Asks a node until a key is there: what happens without an answer has no other event. */
  async function untilStored(position: number, key: string): Promise<void> {
    const { signal } = testEnd
    while ((await ask(position, get(key))) !== OK) signal.throwIfAborted()
  }

  /** A request that is hit is there, but not answered. */
  async function untilHit(fault: number): Promise<void> {
    const { signal } = testEnd
    while (server.faults.hits(fault) === 0) {
      await new Promise(resolve => setImmediate(resolve))
      signal.throwIfAborted()
    }
  }

  it('a killed node resets its connections, takes none, and comes back empty at the same place', async () => {
    await start(1)
    const { name, port } = node(0)
    const connection = await open(0)
    await connection.request(put('k', 1))
    await node(0).kill()
    expect(await connection.frame()).toBeUndefined()
    await expect(RawConnection.open(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await node(0).start()
    expect([node(0).name, node(0).port]).toEqual([name, port])
    expect(await ask(0, get('k'))).toBe(NOT_FOUND)
    expect(states).toEqual(['0 running', '0 down', '0 running'])
  })

  it('a frozen node takes connections and answers nothing, until it goes on where it was', async () => {
    await start(1)
    const before = await open(0)
    await before.request(put('k', 1))
    await node(0).freeze()
    before.send(put('k', 2))
    const during = await open(0)
    during.send(get('k'))
    let answers = 0
    const answered = Promise.all(
      [before, during].map(async connection => {
        const reply = await code(connection)
        answers++
        return reply
      }),
    )
    // Long enough for many round trips, of which none may happen.
    for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
    expect([answers, node(0).state]).toEqual([0, 'frozen'])
    await node(0).resume()
    expect(await answered).toEqual([OK, OK])
  })

  it('what waits at a node that was expelled is run by the others when it goes on', async () => {
    await start(3)
    const keys = Array.from({ length: 30 }, (_, number) => `k${number}`)
    const waiting = await Promise.all(keys.map(() => open(1)))
    await node(1).freeze()
    for (const [index, key] of keys.entries()) waiting[index]?.send(put(key, 2))
    await server.settled()
    for (const key of keys) expect(await ask(0, put(key, 1))).toBe(OK)
    await node(1).resume()
    for (const connection of waiting) expect(await code(connection)).toBe(OK)
    for (const key of keys) {
      const reply = await (await open(2)).request(get(key))
      // Generation 2: one after the other at the same owner.
      expect([reply?.body[5], reply?.body.readUInt32BE(6)]).toEqual([OK, 2])
    }
    await server.settled()
    expect(node(1).state).toBe('running')
    const statistics = await (await open(1)).request(
      encodeFrame(FRAME_TYPES.INFO, encodeInfoRequest(['statistics'])),
    )
    expect(statistics?.body.toString()).toContain('cluster_size=3;')
  })

  it('a reply that was half done when its node was expelled never goes on', async () => {
    await start(3)
    const id = server.faults.add({ fault: { when: 'before', kind: 'delay', ms: 200 } })
    const connection = await open(1)
    connection.send(put('k', 1))
    await untilHit(id)
    await node(1).freeze()
    await server.settled()
    server.faults.clear()
    await node(1).resume()
    expect(await code(connection)).toBeUndefined()
    expect(await ask(0, get('k'))).toBe(NOT_FOUND)
  })

  it('a request that came late runs although its client has left', async () => {
    await start(1)
    const late = { when: 'before', kind: 'delay', ms: 20 } as const
    const id = server.faults.add({ match: { commands: ['write'] }, fault: late })
    const connection = await open(0)
    connection.send(put('k', 1))
    await untilHit(id)
    connection.close()
    await once(connection.socket, 'close')
    await untilStored(0, 'k')
  })

  it('a killed node runs nothing that waited', async () => {
    await start(2)
    const id = server.faults.add({
      match: { commands: ['write'] },
      fault: { when: 'before', kind: 'delay', ms: 5 },
    })
    const connection = await open(0)
    connection.send(put('k', 1))
    await untilHit(id)
    await node(0).kill()
    // Behind the one that waited.
    expect(await ask(1, put('other', 1))).toBe(OK)
    expect(await ask(1, get('k'))).toBe(NOT_FOUND)
  })

  it('refuses what makes no sense in its state, and does nothing where nothing is to be done', async () => {
    await start(2)
    const one = node(1)
    await one.start()
    await one.resume()
    await one.freeze()
    await one.freeze()
    await expect(one.start()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await expect(one.stop()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await one.kill()
    await one.kill()
    await one.stop()
    await expect(one.freeze()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await expect(one.resume()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect(one.state).toBe('down')
  })

  it('one that stops can be killed, and the server closed meanwhile', async () => {
    await start(3, 60_000)
    // One that should take over cannot: the stop waits for it.
    await node(1).freeze()
    const stopped = node(0).stop()
    await new Promise(resolve => setImmediate(resolve))
    expect(node(0).state).toBe('stopping')
    await node(0).kill()
    await stopped
    const stopsForEver = node(2).stop()
    await new Promise(resolve => setImmediate(resolve))
    expect(node(2).state).toBe('stopping')
    await server.close()
    await stopsForEver
    expect(states.slice(3, 6)).toEqual(['1 frozen', '0 stopping', '0 down'])
  })

  it('changes that are asked for at once come one after the other', async () => {
    await start(3)
    await Promise.all([node(1).kill(), node(1).start(), node(2).freeze(), node(2).resume(), node(1).stop()])
    await server.settled()
    expect(server.nodes.map(({ state }) => state)).toEqual(['running', 'down', 'running'])
    expect(await ask(2, status)).toBeDefined()
  })

  it('takes the ports behind the first one', async () => {
    await start(1)
    const { port } = node(0)
    await server.close()
    const options = { host: '127.0.0.1', port, nodes: 2, namespaces: ['test'], udf: new FakeUdfRuntime() }
    server = await EmbeddedServer.start(options)
    expect(server.nodes.map(each => each.port)).toEqual([port, port + 1])
    await expect(EmbeddedServer.start({ ...options, port: port + 1, nodes: 1 })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
  })
})
