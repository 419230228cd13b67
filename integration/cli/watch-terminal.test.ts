import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { Terminal, whyNoTerminal } from './terminal.ts'

/** A process with a store at work, as far as its endpoint tells. */
class Endpoint {
  readonly #server = createServer((_request, response) => {
    if (this.isDead) return void response.destroy()
    this.#calls += 40
    return void response.end(
      [
        `utxo_store_calls_total{operation="spend",outcome="ok"} ${this.#calls}`,
        'utxo_store_queued_items{batcher="spend"} 12',
        'utxo_store_spend_breaker_open 0',
      ].join('\n'),
    )
  })
  #calls = 0
  isDead = false

  async open(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/metrics`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

const missing = whyNoTerminal()
const onTerminal = missing === undefined ? describe : describe.skip

onTerminal(`watch on a real terminal${missing === undefined ? '' : ` (left out: ${missing})`}`, () => {
  let endpoint: Endpoint
  let url: string
  let terminal: Terminal

  beforeEach(async () => {
    endpoint = new Endpoint()
    url = await endpoint.open()
  })

  afterEach(async () => {
    await terminal.close()
    endpoint.close()
  })

  const hasFigures = (view: readonly string[]): boolean =>
    view.some(line => /^ {2}spend +[\d.,]+ /.test(line))
  const widthOf = (view: readonly string[]): number => view[0]?.length ?? 0

  const watch = (intervalMs: number): Terminal =>
    new Terminal(['watch', url, '--interval', String(intervalMs)], 80, 24)

  it('draws anew when the window changes, without waiting for the next sample', async () => {
    terminal = watch(3_600_000)
    await terminal.shows(view => widthOf(view) === 80)
    await terminal.resize(120, 40)
    await terminal.shows(view => widthOf(view) === 120)
  })

  it('draws, follows the size of the window, and an endpoint that goes and comes', async () => {
    terminal = watch(100)
    const small = await terminal.shows(hasFigures)
    expect(widthOf(small)).toBe(80)
    expect(small.length).toBeLessThan(24)
    expect(small[0]).toMatch(/^utxo-store http.*q quits$/)

    await terminal.resize(120, 40)
    await terminal.shows(view => widthOf(view) === 120)
    await terminal.resize(60, 10)
    const low = await terminal.shows(
      view => view.length < 10 && Math.max(...view.map(line => line.length)) <= 60,
    )
    expect(low.join('\n')).toMatch(/^ {2}spend/m)

    endpoint.isDead = true
    await terminal.shows(([, second = '']) => /^cannot be read: .*(the figures are older|…)$/.test(second))
    endpoint.isDead = false
    await terminal.shows(view => hasFigures(view) && !/cannot be read/.test(view.join('\n')))
  })

  it.each([
    ['q', 'q'],
    ['Ctrl-C', '\x03'],
  ])('%s ends it with exit code 0, and gives the shell its terminal back', async (_name, keys) => {
    terminal = watch(100)
    await terminal.shows(hasFigures)
    terminal.type(keys)
    expect(await terminal.ended()).toEqual({
      exitCode: 0,
      isScreenLeft: true,
      isCursorShown: true,
      isLineMode: true,
    })
  })

  it('SIGTERM does the same, also while the endpoint is away', async () => {
    terminal = watch(100)
    await terminal.shows(hasFigures)
    endpoint.isDead = true
    await terminal.shows(([, second = '']) => second.startsWith('cannot be read'))
    await terminal.kill('SIGTERM')
    expect(await terminal.ended()).toEqual({
      exitCode: 0,
      isScreenLeft: true,
      isCursorShown: true,
      isLineMode: true,
    })
  })
})
