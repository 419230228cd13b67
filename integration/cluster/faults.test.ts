import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import Aerospike from 'aerospike'
import { type EmbeddedServerHandle, type FaultRule, startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { batchKey, loadKey } from './write-load.ts'

const { status, batchType } = Aerospike

describe('faults through the npm client', () => {
  let server: EmbeddedServerHandle
  let client: Aerospike.Client

  beforeAll(async () => {
    server = await startEmbeddedServer()
    client = await Aerospike.connect({
      hosts: [{ addr: server.host, port: server.port }],
      log: { level: Aerospike.log.OFF },
    } as Aerospike.ConfigOptions)
  })

  afterAll(async () => {
    client.close()
    await server.close()
  })

  /** Does something while a rule is in force. @returns how many requests it hit */
  async function during(rule: FaultRule, act: () => Promise<void>): Promise<number> {
    const fault = await server.faults.add(rule)
    try {
      await act()
    } finally {
      await fault.remove()
    }
    return fault.hits()
  }

  const once = { totalTimeout: 200, socketTimeout: 200, maxRetries: 0 }
  const statusOf = (write: Promise<unknown>) =>
    write.then(
      () => 0,
      error => error.code,
    )
  const put = (name: string) => client.put(loadKey(name), { name }, undefined, once as never)
  const exists = (name: string) => client.exists(loadKey(name))

  it('rows that are refused are not written, rows whose answer is lost are', async () => {
    const names = ['r0', 'r1', 'r2', 'r3']
    const records = names.map(name => ({
      type: batchType.BATCH_WRITE,
      key: batchKey(name),
      ops: [Aerospike.operations.write('name', name)],
    }))
    const refused = { when: 'before', kind: 'refuse', resultCode: 18, rows: { only: [1] } } as const
    const lost = { when: 'after', kind: 'recodeRows', resultCode: 9, rows: { only: [2] } } as const
    await during({ fault: refused }, async () => {
      await during({ fault: lost }, async () => {
        const results = await client.batchWrite(records)
        expect(results.map(row => row.status)).toEqual([0, 18, 9, 0])
      })
    })
    expect(await Promise.all(names.map(exists))).toEqual([true, false, true, true])
  })

  it.each<[string, FaultRule['fault'], number, boolean]>([
    ['lost on its way', { when: 'before', kind: 'drop' }, status.ERR_TIMEOUT, false],
    ['reset before it ran', { when: 'before', kind: 'reset' }, status.ERR_ASYNC_CONNECTION, false],
    ['refused', { when: 'before', kind: 'refuse', resultCode: 18 }, 18, false],
    ['with a lost answer', { when: 'after', kind: 'drop' }, status.ERR_TIMEOUT, true],
    ['with a torn answer', { when: 'after', kind: 'truncate', bytes: 9 }, status.ERR_ASYNC_CONNECTION, true],
    ['with a reset for an answer', { when: 'after', kind: 'reset' }, status.ERR_ASYNC_CONNECTION, true],
    ['with a late answer', { when: 'after', kind: 'delay', ms: 400 }, status.ERR_TIMEOUT, true],
  ])('a write %s', async (what, fault, code, isWritten) => {
    const hits = await during({ match: { commands: ['write'] }, fault }, async () => {
      expect(await statusOf(put(what))).toBe(code)
    })
    expect(hits).toBe(1)
    expect(await exists(what)).toBe(isWritten)
  })

  it('a node of limited capacity answers later the more is asked of it', async () => {
    const rule: FaultRule = { fault: { when: 'before', kind: 'capacity', concurrency: 2, serviceMs: 20 } }
    await during(rule, async () => {
      const started = performance.now()
      await Promise.all(Array.from({ length: 8 }, (_, number) => put(`c${number}`)))
      const elapsedMs = performance.now() - started
      expect(elapsedMs).toBeGreaterThan(70)
    })
  })

  it('names what makes no sense in a rule, and says when the server is closed', async () => {
    await expect(
      server.faults.add({ fault: { when: 'before', kind: 'late' } as never }),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'rule.fault.kind',
    })
    const other = await startEmbeddedServer({ nodes: 2 })
    expect(other.url).toBe(
      `aerospike://127.0.0.1:${other.nodes[0]?.port},127.0.0.1:${other.nodes[1]?.port}/test`,
    )
    const [node] = other.nodes
    await node?.freeze()
    expect(node?.state).toBe('frozen')
    await expect(node?.start()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    const settled = other.settled()
    const closed = expect(settled).resolves.toBeUndefined()
    await node?.resume()
    await closed
    const fault = await other.faults.add({ fault: { when: 'before', kind: 'drop' } })
    await other.close()
    await expect(fault.hits()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await expect(node?.kill()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await expect(other.settled()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  })
})
