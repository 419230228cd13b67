import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type Aerospike from 'aerospike'
import type { EmbeddedServerHandle, NodeHandle } from 'aerospike-utxo-store/embedded'
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { announced, ask, askNumber } from './cluster-info.ts'
import { clientTarget, clusterClient, loadKey, losses, WriteLoad } from './write-load.ts'

/** A client that waits longer than anything here takes, but not for ever. */
const PATIENT = { totalTimeout: 30_000, socketTimeout: 30_000 }

describe('a cluster of three nodes', () => {
  let server: EmbeddedServerHandle
  let client: Aerospike.Client
  const loads: WriteLoad[] = []

  beforeEach(async () => {
    server = await startEmbeddedServer({ nodes: 3, failureDetectionMs: 50 })
    client = await clusterClient(server)
  })

  afterEach(async () => {
    // Also that of a test that failed: it would go on for ever, at the expense of the next ones.
    await Promise.all(loads.splice(0).map(load => load.end()))
    client.close()
    await server.close()
  })

  /** The node at a position. */
  function node(position: number): NodeHandle {
    const found = server.nodes[position]
    if (found === undefined) throw new Error(`no node ${position}`)
    return found
  }

  function startLoad(): WriteLoad {
    const load = new WriteLoad(clientTarget(client))
    loads.push(load)
    return load
  }

  const running = () => server.nodes.filter(({ state }) => state === 'running')

  /** All running nodes tell the same, and every partition has its owners. */
  async function expectAgreement(size: number): Promise<void> {
    const keys = await Promise.all(running().map(each => ask(each, 'cluster-stable:')))
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[0-9A-F]{12}$/)
    for (const each of running()) expect(await askNumber(each, 'statistics', 'cluster_size')).toBe(size)
    expect(new Set(await announced(running(), 0))).toEqual(new Set([1]))
    if (size > 1) expect(new Set(await announced(running(), 1))).toEqual(new Set([1]))
  }

  /** Objects of all running nodes by role. */
  async function objects(): Promise<{ master: number; replica: number; leftover: number }> {
    const sum = async (key: string) => {
      const counts = await Promise.all(running().map(each => askNumber(each, 'namespace/test', key)))
      return counts.reduce((total, count) => total + count, 0)
    }
    return {
      master: await sum('master_objects'),
      replica: await sum('prole_objects'),
      leftover: await sum('non_replica_objects'),
    }
  }

  it('shares partitions and records evenly, each record with two copies', async () => {
    await expectAgreement(3)
    const names = Array.from({ length: 300 }, (_, number) => `k${number}`)
    for (const name of names) await client.put(loadKey(name), { name })
    expect(await objects()).toEqual({ master: 300, replica: 300, leftover: 0 })
    for (const each of server.nodes) {
      expect(await askNumber(each, 'namespace/test', 'master_objects')).toBeGreaterThan(50)
    }
    expect(
      client
        .getNodes()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(server.nodes.map(({ name }) => name).sort())
  })

  it.each<[string, (victim: NodeHandle) => Promise<void>, (victim: NodeHandle) => Promise<void>]>([
    ['killed and started', victim => victim.kill(), victim => victim.start()],
    ['frozen, expelled and resumed', victim => victim.freeze(), victim => victim.resume()],
    ['stopped and started', victim => victim.stop(), victim => victim.start()],
  ])('loses no acknowledged write while a node under load is %s', async (_what, fail, comeBack) => {
    const load = startLoad()
    await load.more(1_500)
    await fail(node(1))
    await load.more(1_500)
    await server.settled()
    await expectAgreement(2)
    await comeBack(node(1))
    await load.more(1_500)
    await server.settled()
    await load.more(500)
    const account = await load.end()
    expect(await losses(clientTarget(client), account)).toEqual([])
    await expectAgreement(3)
    const { master, replica, leftover } = await objects()
    expect([replica, leftover]).toEqual([master, 0])
    expect(await askNumber(node(1), 'namespace/test', 'master_objects')).toBeGreaterThan(0)
  })

  it('loses no acknowledged write while nodes are killed and started one after the other', async () => {
    const load = startLoad()
    for (let round = 0; round < 4; round++) {
      const victim = node(round % 3)
      await load.more(500)
      await victim.kill()
      // Also before anybody noticed.
      if (round === 3) await victim.start()
      await load.more(500)
      await server.settled()
      await victim.start()
      await server.settled()
    }
    const account = await load.end()
    expect(await losses(clientTarget(client), account)).toEqual([])
    await expectAgreement(3)
  })

  it('a freeze that nobody notices only delays', async () => {
    await server.close()
    server = await startEmbeddedServer({ nodes: 3, failureDetectionMs: 60_000 })
    client.close()
    client = await clusterClient(server)
    await node(1).freeze()
    const names = Array.from({ length: 60 }, (_, number) => `k${number}`)
    const writes = names.map(name => client.put(loadKey(name), { name }, undefined, PATIENT as never))
    await Promise.any(writes)
    await node(1).resume()
    await Promise.all(writes)
    await server.settled()
    expect(await objects()).toEqual({ master: 60, replica: 60, leftover: 0 })
    await expectAgreement(3)
  })

  it('goes on with one node of three, without what only the others had', async () => {
    const names = Array.from({ length: 300 }, (_, number) => `k${number}`)
    for (const name of names) await client.put(loadKey(name), { name })
    await Promise.all([node(0).kill(), node(2).kill()])
    await server.settled()
    await expectAgreement(1)
    const left = (await objects()).master
    expect(left).toBeGreaterThan(100)
    expect(left).toBeLessThan(300)
    await client.put(loadKey('new'), { name: 'new' })
    await node(0).start()
    await server.settled()
    expect(await objects()).toEqual({ master: left + 1, replica: left + 1, leftover: 0 })
  })
})
