import net from 'node:net'
import { describe, expect, it } from '@jest/globals'
import { UtxoStore } from 'aerospike-utxo-store'
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { coinbase } from '../store/sample-transactions.ts'

/** Resolves when the port takes a connection, rejects when it does not. */
function connects(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', reject)
  })
}

describe('startEmbeddedServer', () => {
  it('listens on loopback, on a port that it names, until it is closed', async () => {
    const server = await startEmbeddedServer({ namespaces: ['one', 'two'] })
    expect(server.url).toBe(`aerospike://127.0.0.1:${server.port}/one`)
    await connects(server.port)
    await server.close()
    await server.close()
    await server.exited
    await expect(connects(server.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('closes at the end of its scope', async () => {
    let port = 0
    {
      await using server = await startEmbeddedServer()
      port = server.port
    }
    await expect(connects(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('names the address that is taken', async () => {
    await using server = await startEmbeddedServer()
    await expect(startEmbeddedServer({ port: server.port })).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining(`127.0.0.1:${server.port}`),
    })
  })

  it.each([
    [{ port: -1 }, 'port'],
    [{ port: 65_536 }, 'port'],
    [{ namespaces: [] }, 'namespaces'],
    [{ namespaces: ['a', 'a'] }, 'namespaces'],
    [{ namespaces: ['a b'] }, 'namespaces'],
    [{ host: '' }, 'host'],
    [{ nodes: 17 }, 'nodes'],
    [{ node: 3 } as object, 'options'],
  ])('refuses %j and names the option', async (options, field) => {
    await expect(startEmbeddedServer(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field })
  })

  it('serves two stores that know nothing of each other, each on its own data', async () => {
    await using first = await UtxoStore.open('embedded:?set=s')
    await using second = await UtxoStore.open('embedded:?set=s')
    const tx = coinbase()
    await first.create(tx, 100)
    await expect(second.get(tx.txid)).rejects.toMatchObject({ code: 'TX_NOT_FOUND' })
    expect((await first.get(tx.txid, ['fee'])).fee).toBe(0)
  })

  it('a store outlives the server’s clients that come and go, and ends when the server does', async () => {
    const server = await startEmbeddedServer({ namespaces: ['ns'] })
    const store = await UtxoStore.open(`${server.url}?set=s&externalStore=memory:`, {
      settings: { batchPolicyTotalTimeout: 300, batcherWaitGrace: 300, batchPolicyMaxRetries: 0 },
    })
    const tx = coinbase()
    await store.create(tx, 100)
    for (let client = 0; client < 20; client++) await connects(server.port)
    expect((await store.get(tx.txid, ['fee'])).fee).toBe(0)
    await server.close()
    await expect(store.get(tx.txid)).rejects.toMatchObject({
      code: expect.stringMatching(/STORAGE_ERROR|SERVICE_UNAVAILABLE/),
    })
    await store.close()
  })
})
