import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { diagnose, UtxoStore } from 'aerospike-utxo-store'
import { type EmbeddedServerHandle, startEmbeddedServer } from 'aerospike-utxo-store/embedded'

/** Which transport a store takes; the server is embedded, whatever --server says, so that its answers can be changed. */

let server: EmbeddedServerHandle
let old: { worker: Worker; port: number }

/** Stands between the client and the server, and has it say that it runs another release. */
const PROXY = `
  const { connect, createServer } = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const proxy = createServer(inbound => {
    const outbound = connect(workerData.port, '127.0.0.1')
    for (const socket of [inbound, outbound]) socket.on('error', () => {})
    inbound.on('close', () => outbound.destroy())
    inbound.pipe(outbound)
    outbound.on('data', bytes => {
      const text = bytes.toString('latin1').replace('build\\t8.1.2.0', 'build\\t' + workerData.build)
      inbound.write(text, 'latin1')
    })
    outbound.on('close', () => inbound.destroy())
  })
  proxy.listen(0, '127.0.0.1', () => parentPort.postMessage(proxy.address().port))
`

/** In a thread of its own: the npm client blocks this one while it connects. */
async function pretend(build: string, port: number): Promise<{ worker: Worker; port: number }> {
  const worker = new Worker(PROXY, { eval: true, workerData: { build, port } })
  const [proxyPort] = await once(worker, 'message')
  return { worker, port: proxyPort }
}

/** Answers whatever it is sent with the same bytes. */
const PARROT = `
  const { createServer } = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const parrot = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', () => socket.end(workerData.answer))
  })
  parrot.listen(0, '127.0.0.1', () => parentPort.postMessage(parrot.address().port))
`

async function answering(answer: Uint8Array): Promise<{ worker: Worker; port: number }> {
  const worker = new Worker(PARROT, { eval: true, workerData: { answer } })
  const [port] = await once(worker, 'message')
  return { worker, port }
}

function infoAnswer(text: string): Buffer {
  const head = Buffer.from('0201000000000000', 'hex')
  head.writeUIntBE(text.length, 2, 6)
  return Buffer.concat([head, Buffer.from(text)])
}

beforeAll(async () => {
  server = await startEmbeddedServer()
  old = await pretend('7.2.0.1', server.port)
})

afterAll(async () => {
  await old.worker.terminate()
  await server.close()
})

const urlOf = (port: number, more = '') =>
  `aerospike://127.0.0.1:${port}/test?set=choice&externalStore=memory:${more}`

describe('a store', () => {
  it.each([
    ['by itself', '', undefined, 'wire', '8.1.2.0'],
    ['by its setting', '', 'client', 'client', 'asked for'],
    ['by its URL', '&transport=wire', 'client', 'wire', 'asked for'],
  ] as const)('takes a transport %s, and says which and why', async (_, more, setting, transport, reason) => {
    const lines: { event?: string }[] = []
    const log = (line: object): void => {
      lines.push(line)
    }
    await using store = await UtxoStore.open(urlOf(server.port, more), {
      logger: { debug: log, info: log, warn: log, error: log },
      ...(setting === undefined ? {} : { settings: { transport: setting } }),
    })
    expect(store.transportChoice).toEqual({ transport, reason: expect.stringContaining(reason) })
    expect(lines).toContainEqual({ event: 'transport_chosen', ...store.transportChoice })
    expect(await store.health()).toMatchObject({ status: 200 })
  })

  it('takes the npm client where a node runs a release that was not tested', async () => {
    await using store = await UtxoStore.open(urlOf(old.port))
    expect(store.transportChoice).toEqual({ transport: 'client', reason: expect.stringContaining('7.2.0.1') })
  })

  it.each([
    ['TLS', 'asks for TLS', Buffer.from('15030300020232', 'hex')],
    [
      'a login',
      'asks for a login',
      infoAnswer(
        'node\tERROR:80:not authenticated\nbuild\tERROR:80:not authenticated\npartition-generation\tERROR:80:not authenticated\n',
      ),
    ],
  ])('is not opened where the server wants %s, and says so', async (_what, message, answer) => {
    const demanding = await answering(answer)
    for (const transport of ['auto', 'wire', 'client'])
      await expect(
        UtxoStore.open(urlOf(demanding.port, `&transport=${transport}`), { settings: { connectRetries: 0 } }),
      ).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE', message: expect.stringContaining(message) })
    await demanding.worker.terminate()
  })

  it('is not opened where that is so and the wire transport is asked for', async () => {
    await expect(UtxoStore.open(urlOf(old.port, '&transport=wire'))).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('7.2.0.1'),
    })
  })

  it('is diagnosed so: the choice with its reason, or a failure with its mend', async () => {
    const of = async (more: string) =>
      (await diagnose(urlOf(old.port, more))).find(({ check }) => check === 'transport')
    expect(await of('')).toMatchObject({
      level: 'ok',
      message: expect.stringMatching(/^the npm client, .*7\.2\.0\.1/),
    })
    expect(await of('&transport=wire')).toMatchObject({
      level: 'failure',
      message: expect.stringContaining('7.2.0.1'),
      mend: expect.stringContaining('transport=wire'),
    })
  })
})

describe('hosts of which one does not answer', () => {
  const DEAD = '127.0.0.1:1'
  let silent: Server

  beforeAll(async () => {
    silent = createServer(() => {}).listen(0, '127.0.0.1') // As a process that hangs.
    await once(silent, 'listening')
  })

  afterAll(() => {
    silent.close()
  })

  const silentHost = () => `127.0.0.1:${(silent.address() as AddressInfo).port}`
  const live = () => `127.0.0.1:${server.port}`
  const urlOfHosts = (hosts: readonly string[], more = '') =>
    `aerospike://${hosts.join()}/test?set=choice&externalStore=memory:${more}`

  it.each([
    ['the first one', () => [DEAD, live()], DEAD, ''],
    ['the last one', () => [live(), DEAD], DEAD, '&transport=wire'],
    ['one that hangs', () => [silentHost(), live()], silentHost, '&transport=client'],
  ])('open by the others: %s', async (_, hosts, leftOut, more) => {
    const lines: object[] = []
    const log = (line: object): void => {
      lines.push(line)
    }
    await using store = await UtxoStore.open(urlOfHosts(hosts(), more), {
      logger: { debug: log, info: log, warn: log, error: log },
      settings: { connectTimeout: 500, connectRetries: 0 },
    })
    expect(await store.health()).toMatchObject({ status: 200 })
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: 'hosts_left_out',
        hosts: [typeof leftOut === 'string' ? leftOut : leftOut()],
      }),
    )
  })

  it('do not hold up who gives the opening up, also when the client is connected', async () => {
    const abort = new AbortController()
    let abortedAtMs = 0
    const ignore = (): void => {}
    const warn = ({ event }: { event?: string }): void => {
      // What comes next is the wire transport's own look, which the silent host holds up as well.
      if (event !== 'hosts_left_out') return
      setImmediate(() => {
        abortedAtMs = performance.now()
        abort.abort()
      })
    }
    const opened = UtxoStore.open(urlOfHosts([silentHost(), live()], '&transport=wire'), {
      signal: abort.signal,
      logger: { debug: ignore, info: ignore, warn, error: ignore },
      settings: { connectTimeout: 1_500, connectRetries: 0 },
    })
    await expect(opened).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(performance.now() - abortedAtMs).toBeLessThan(1_000)
  })

  it('are refused where none answers', async () => {
    const opened = UtxoStore.open(urlOfHosts([DEAD, '127.0.0.1:2']), { settings: { connectRetries: 0 } })
    await expect(opened).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  })

  it('are a warning of the diagnosis', async () => {
    const [connection] = await diagnose(urlOfHosts([live(), DEAD]))
    expect(connection).toMatchObject({
      check: 'connection',
      level: 'warning',
      message: expect.stringContaining(`${DEAD} of`),
    })
  })
})
