import { getEventListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, it, jest } from '@jest/globals'
import { Connection } from '../../../lib/transport/wire/connection.ts'
import { WireNode } from '../../../lib/transport/wire/node.ts'
import { SendFailure } from '../../../lib/transport/wire/send-failure.ts'
import { FakeNode } from './fake-node.ts'

let server: FakeNode | undefined
const nodes: WireNode[] = []

afterEach(async () => {
  for (const node of nodes.splice(0)) node.close()
  await server?.close()
})

async function nodeWith(
  connections: { min: number; max: number },
  connectTimeoutMs = 1_000,
  closing?: AbortSignal,
): Promise<WireNode> {
  server = await FakeNode.listen({ name: 'A0' })
  const options = {
    connectionsMin: connections.min,
    connectionsMax: connections.max,
    connectTimeoutMs,
    closing,
  }
  const node = new WireNode('A0', server.host, options)
  nodes.push(node)
  return node
}

it('connections that are opened ahead take no place of those that batches ask for', async () => {
  const node = await nodeWith({ min: 4, max: 4 })
  node.tidy()
  const taken = await Promise.all([1, 2, 3, 4].map(() => node.take(1_000)))
  expect(node.connections).toEqual({ busy: 4, idle: 0 })
  await expect(node.take(1_000)).rejects.toMatchObject({ message: expect.stringContaining('all 4') })
  for (const connection of taken) node.giveBack(connection)
  // What was opened ahead meanwhile has been closed again.
  expect(node.connections).toEqual({ busy: 0, idle: 4 })
})

it('opens anew what has ended of the least number', async () => {
  const node = await nodeWith({ min: 2, max: 4 })
  const [one, other] = await Promise.all([node.take(1_000), node.take(1_000)])
  for (const connection of [one, other]) node.giveBack(connection)
  for (const connection of [one, other]) connection.close()
  node.tidy()
  expect(node.connections.idle).toBe(0)
  const again = await Promise.all([node.take(1_000), node.take(1_000)])
  expect(again.every(({ isOpen }) => isOpen)).toBe(true)
})

it('a batch with little time left does not keep others from a node that answers', async () => {
  const node = await nodeWith({ min: 0, max: 4 })
  jest.spyOn(Connection, 'open').mockImplementationOnce(async (_address, { timeoutMs }) => {
    await delay(timeoutMs + 1)
    throw new SendFailure('notConnected', 'no connection in time')
  })
  await expect(node.take(5)).rejects.toMatchObject({ wasSent: false })
  expect((await node.take(1_000)).isOpen).toBe(true)
})

it('one that cannot be reached is left alone for a while', async () => {
  const node = await nodeWith({ min: 0, max: 4 })
  await server?.close()
  server = undefined
  await expect(node.take(1_000)).rejects.toMatchObject({ wasSent: false })
  await expect(node.take(1_000)).rejects.toMatchObject({ message: expect.stringContaining('ms ago') })
})

it('its connections listen to the end of the transport while they are open', async () => {
  const closing = new AbortController()
  const node = await nodeWith({ min: 0, max: 4 }, 1_000, closing.signal)
  const taken = await Promise.all([node.take(1_000), node.take(1_000)])
  expect(getEventListeners(closing.signal, 'abort').length).toBe(2)
  const ended = taken.map(connection => {
    node.giveBack(connection)
    connection.close()
    return connection
  })
  expect(ended.every(({ isOpen }) => !isOpen)).toBe(true)
  // Each socket tells of its end some turns later.
  while (getEventListeners(closing.signal, 'abort').length > 0)
    await new Promise(resolve => setImmediate(resolve))
})

it('opens no connection once the transport has ended', async () => {
  const node = await nodeWith({ min: 0, max: 4 }, 1_000, AbortSignal.abort())
  await expect(node.take(1_000)).rejects.toMatchObject({
    wasSent: false,
    message: expect.stringContaining('the transport was closed'),
  })
})
