import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from '@jest/globals'
import { readMetrics } from '../../../lib/cli/watch/endpoint.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** An endpoint that answers so; its address. */
async function endpoint(answer: (response: ServerResponse) => void): Promise<URL> {
  server = createServer((_, response) => answer(response))
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve))
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)
}

const never = new AbortController().signal

describe('readMetrics', () => {
  it('reads what a store shows', async () => {
    const url = await endpoint(response => response.end('utxo_store_calls_total{operation="get"} 7\n'))
    expect([...(await readMetrics(url, never)).keys()]).toContain('utxo_store_calls_total')
  })

  it.each<[string, (response: ServerResponse) => void]>([
    ['never answers', () => {}],
    ['never ends its answer', response => void response.write('utxo_store_calls_total 1\n')],
  ])('gives an endpoint up that %s, whatever is collected meanwhile', async (_, answer) => {
    const url = await endpoint(answer)
    const reading = readMetrics(url, never, 300)
    const collecting = setInterval(collectGarbage, 20)
    try {
      await expect(reading).rejects.toMatchObject({
        code: 'STORAGE_UNAVAILABLE',
        message: expect.stringContaining('no answer within 300 ms'),
      })
    } finally {
      clearInterval(collecting)
    }
  })

  it('reads no answer without end', async () => {
    const url = await endpoint(response => {
      const chunk = Buffer.alloc(1_048_576, '\n')
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
    })
    await expect(readMetrics(url, never)).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/more than \d+ bytes/),
    })
  })

  it('ends with the signal', async () => {
    const url = await endpoint(() => {})
    const abort = new AbortController()
    const reading = readMetrics(url, abort.signal)
    abort.abort(new Error('enough'))
    await expect(reading).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await expect(readMetrics(url, abort.signal)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  })

  it.each([
    [(response: ServerResponse) => void response.writeHead(503).end(), 'STORAGE_UNAVAILABLE', /status 503/],
    [
      (response: ServerResponse) => void response.end('process_cpu 1\n'),
      'PROCESSING',
      /no metrics of a store/,
    ],
  ])('says what is wrong with another answer (%#)', async (answer, code, message) => {
    const url = await endpoint(answer)
    await expect(readMetrics(url, never)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })
})
