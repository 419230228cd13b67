import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { UtxoStore } from 'aerospike-utxo-store'
import type { EmbeddedServerHandle, NodeHandle } from 'aerospike-utxo-store/embedded'
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { losses, transportTarget, WriteLoad } from './write-load.ts'

interface LogLine {
  readonly event: string
  readonly node?: string
}

describe('the wire transport on a cluster of three nodes', () => {
  let server: EmbeddedServerHandle
  let store: UtxoStore
  let lines: LogLine[]
  let load: WriteLoad | undefined

  beforeEach(async () => {
    lines = []
    const keep = (line: object): void => {
      lines.push(line as LogLine)
    }
    server = await startEmbeddedServer({ nodes: 3, failureDetectionMs: 50 })
    store = await UtxoStore.open(`${server.url}?set=load&externalStore=memory:&transport=wire`, {
      logger: { debug: () => {}, info: keep, warn: keep, error: keep },
      settings: { batchPolicySocketTimeout: 500, overloadRetryMaxElapsed: 0 },
    })
  })

  afterEach(async () => {
    // Also that of a test that failed: it would go on for ever, at the expense of the next ones.
    await load?.end()
    await store.close()
    await server.close()
  })

  function node(position: number): NodeHandle {
    const found = server.nodes[position]
    if (found === undefined) throw new Error(`no node ${position}`)
    return found
  }

  const told = (event: string, { name }: NodeHandle): number =>
    lines.filter(line => line.event === event && line.node === name).length

  /** Goes on with the load until something was told. */
  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await load?.more(20)
  }

  it('meets every node', () => {
    for (const each of server.nodes) expect(told('node_added', each)).toBe(1)
  })

  it.each<[string, (victim: NodeHandle) => Promise<void>, (victim: NodeHandle) => Promise<void>]>([
    ['killed and started', victim => victim.kill(), victim => victim.start()],
    ['frozen, expelled and resumed', victim => victim.freeze(), victim => victim.resume()],
    ['stopped and started', victim => victim.stop(), victim => victim.start()],
  ])('loses no acknowledged write while a node under load is %s', async (_what, fail, comeBack) => {
    const target = transportTarget(store.transport)
    load = new WriteLoad(target)
    await load.more(1_000)
    await fail(node(1))
    await until(() => told('node_removed', node(1)) === 1)
    await load.more(1_000)
    await server.settled()
    await comeBack(node(1))
    await until(() => told('node_added', node(1)) === 2)
    await load.more(1_000)
    await server.settled()
    const account = await load.end()
    expect(await losses(target, account)).toEqual([])
    expect(told('node_removed', node(0)) + told('node_removed', node(2))).toBe(0)
  })

  it('loses no acknowledged write while nodes are killed and started one after the other', async () => {
    const target = transportTarget(store.transport)
    load = new WriteLoad(target)
    for (let round = 0; round < 4; round++) {
      const victim = node(round % 3)
      await load.more(500)
      await victim.kill()
      await load.more(500)
      await server.settled()
      await victim.start()
      await server.settled()
    }
    expect(await losses(target, await load.end())).toEqual([])
  })
})
