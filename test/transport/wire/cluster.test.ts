import { createServer, type Server } from 'node:net'
import { afterEach, expect, it } from '@jest/globals'
import { Cluster, type ClusterChange } from '../../../lib/transport/wire/cluster.ts'
import type { Address } from '../../../lib/transport/wire/socket.ts'
import { FakeNode, type FakeNodeOptions } from './fake-node.ts'

const CONNECT_TIMEOUT_MS = 1_000

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function node(options: FakeNodeOptions): Promise<FakeNode> {
  const made = await FakeNode.listen(options)
  open.push(made)
  return made
}

async function cluster(
  hosts: readonly Address[],
  onChange: (change: ClusterChange) => void = () => {},
  signal?: AbortSignal,
) {
  const options = {
    namespace: 'test',
    connectionsMax: 4,
    connectionsMin: 0,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  }
  const made = await Cluster.open({ ...options, hosts, onChange }, signal)
  open.push(made)
  return made
}

const names = ({ nodes }: Cluster): string[] => nodes.map(({ name }) => name).sort()

it('finds a node again that has moved to the address of another seed', async () => {
  const before = await node({ name: 'A0' })
  const spare = await node({ name: 'B0' })
  const hosts = [before.host, spare.host]
  await spare.close()
  const changes: string[] = []
  let moved = (): void => {}
  const hasMoved = new Promise<void>(resolve => {
    moved = resolve
  })
  const found = await cluster(hosts, ({ event, address }) => {
    changes.push(`${event} ${address}`)
    if (changes.length === 3) moved()
  })
  await before.close()
  await node({ name: 'A0', port: hosts[1]?.port ?? 0 })
  found.tendSoon()
  await hasMoved
  expect(changes).toEqual([
    `node_added 127.0.0.1:${hosts[0]?.port}`,
    `node_removed 127.0.0.1:${hosts[0]?.port}`,
    `node_added 127.0.0.1:${hosts[1]?.port}`,
  ])
  expect(found.only?.address.port).toBe(hosts[1]?.port)
})

it('takes no seed that was cut off from its cluster for all of it', async () => {
  const orphan = await node({ name: 'A0' })
  const one = await node({ name: 'B0', peers: { C0: ['127.0.0.1:1'] } })
  const found = await cluster([orphan.host, one.host])
  expect(names(found)).toContain('B0')
  expect(names(found)).not.toContain('A0')
})

it('takes one that names no peers where no other host answers', async () => {
  const orphan = await node({ name: 'A0' })
  const gone = await node({ name: 'B0' })
  const hosts = [orphan.host, gone.host]
  await gone.close()
  expect(names(await cluster(hosts))).toEqual(['A0'])
})

it('meets the nodes that its peers name a few at a time, and opens without those that do not answer', async () => {
  const silent = await silentServer()
  const peers = Object.fromEntries(
    Array.from({ length: 200 }, (_, index) => [`D${index}`, [`127.0.0.1:${silent.port}`]]),
  )
  const healthy = await node({ name: 'A0', peers })
  const startedAtMs = performance.now()
  const found = await cluster([healthy.host])
  // One after another they take seven times a connection's time, and an attempt at all of them 200 sockets.
  expect(performance.now() - startedAtMs).toBeLessThan(4 * CONNECT_TIMEOUT_MS)
  expect(names(found)).toEqual(['A0'])
  // A socket may be gone here a little before the other side sees it.
  expect(silent.connectionsMax).toBeLessThan(64)
}, 20_000)

it('meets all nodes of a large cluster before it is open', async () => {
  const others = await Promise.all(Array.from({ length: 40 }, (_, index) => node({ name: `D${index}` })))
  const peers = Object.fromEntries(others.map(({ port }, index) => [`D${index}`, [`127.0.0.1:${port}`]]))
  const one = await node({ name: 'A0', peers })
  expect(names(await cluster([one.host]))).toHaveLength(41)
})

it('is open with the partitions of all nodes, however long these take to tell them', async () => {
  const other = await node({ name: 'B0', partitions: 0x0f, partitionsAfterMs: 250 })
  const one = await node({
    name: 'A0',
    partitions: 0xf0,
    partitionsAfterMs: 250,
    peers: { B0: [`127.0.0.1:${other.port}`] },
  })
  const found = await cluster([one.host])
  expect(found.hasNamespace).toBe(true)
  // The first bits of a byte are the first partitions.
  expect([0, 4].map(partition => found.owner(partition, 0)?.name)).toEqual(['A0', 'B0'])
})

it('finds another node at the address of the only one within the same look', async () => {
  const before = await node({ name: 'A0' })
  const { host, port } = before.host
  let removed = (): void => {}
  const isRemoved = new Promise<void>(resolve => {
    removed = resolve
  })
  let added = (): void => {}
  const isAdded = new Promise<void>(resolve => {
    added = resolve
  })
  const found = await cluster([{ host, port }], ({ event, node: name }) => {
    if (event === 'node_removed') removed()
    if (event === 'node_added' && name === 'B0') added()
  })
  await before.close()
  await node({ name: 'B0', port })
  found.tendSoon()
  await isRemoved
  const removedAtMs = performance.now()
  await isAdded
  expect(performance.now() - removedAtMs).toBeLessThan(500)
  expect(found.only?.name).toBe('B0')
}, 20_000)

it('goes on asking the nodes that answer while a peer that does not is waited for', async () => {
  const silent = await silentServer()
  const healthy = await node({ name: 'A0', peers: { D0: [`127.0.0.1:${silent.port}`] } })
  const found = await cluster([healthy.host])
  const askedBefore = healthy.asked
  const startedAtMs = performance.now()
  // The peer takes its whole time with every tend; these must come in a fraction of it.
  for (let tend = 0; tend < 3; tend++) {
    const isAsked = healthy.untilAsked()
    found.tendSoon()
    await isAsked
  }
  expect(performance.now() - startedAtMs).toBeLessThan(2 * CONNECT_TIMEOUT_MS)
  expect(healthy.asked).toBeGreaterThan(askedBefore)
  expect(names(found)).toEqual(['A0'])
}, 20_000)

it('leaves a node alone as soon as it is closed, however many addresses that has', async () => {
  const silent = await silentServer()
  const addresses = Array.from({ length: 20 }, () => `127.0.0.1:${silent.port}`)
  const healthy = await node({ name: 'A0', peers: { D0: addresses } })
  const found = await cluster([healthy.host])
  const { accepted } = silent
  const isAlone = silent.untilAlone()
  found.close()
  await isAlone
  // A node that is left is not asked at its other addresses.
  await new Promise(resolve => setImmediate(resolve))
  expect(silent.accepted).toBe(accepted)
  expect(silent.connections).toBe(0)
})

it('is not opened any longer when the signal fires', async () => {
  const silent = await silentServer()
  const giveUp = new AbortController()
  const hosts = [
    { host: '127.0.0.1', port: silent.port },
    { host: '127.0.0.1', port: silent.port },
  ]
  const opening = cluster(hosts, undefined, giveUp.signal)
  await silent.untilJoined()
  const isAlone = silent.untilAlone()
  giveUp.abort()
  await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  await isAlone
  expect(silent.accepted).toBe(1)
})

it('asks a node again for its partitions that was too slow, before it is open', async () => {
  const slow = await node({ name: 'A0', partitionsLostFirst: 2 })
  const found = await cluster([slow.host])
  expect(found.hasNamespace).toBe(true)
  expect(found.owner(0, 0)?.name).toBe('A0')
})

it('does not know of the namespace where no node tells its partitions', async () => {
  const mute = await node({ name: 'A0', partitionsLostFirst: Number.POSITIVE_INFINITY })
  expect((await cluster([mute.host])).hasNamespace).toBeUndefined()
})

/** Accepts connections and says nothing, as a process that hangs. */
async function silentServer() {
  const sockets = new Set<{ destroy(): void }>()
  let connectionsMax = 0
  let accepted = 0
  let onJoined: (() => void) | undefined
  let onAlone: (() => void) | undefined
  const server: Server = createServer(socket => {
    sockets.add(socket)
    accepted += 1
    onJoined?.()
    socket.on('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) onAlone?.()
    })
    socket.resume() // Without reading, it would not learn that the other side has gone.
    connectionsMax = Math.max(connectionsMax, sockets.size)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise(resolve => server.close(resolve))
    },
  })
  const { port } = server.address() as { port: number }
  return {
    port,
    get connectionsMax() {
      return connectionsMax
    },
    get connections() {
      return sockets.size
    },
    get accepted() {
      return accepted
    },
    untilJoined: () =>
      new Promise<void>(resolve => {
        onJoined = resolve
      }),
    untilAlone: () =>
      new Promise<void>(resolve => {
        onAlone = resolve
      }),
  }
}
