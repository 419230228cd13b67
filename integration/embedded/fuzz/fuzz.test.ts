import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type EmbeddedServerHandle, startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { Bystander } from './bystander.ts'
import { NAMESPACE } from './envelope.ts'
import { fateOf, HostileConnection } from './hostile-client.ts'
import { LUA_SOURCE, registerModule } from './lua-module.ts'
import { mutatedFrame } from './mutations.ts'
import { Random } from './random.ts'
import { put } from './record-requests.ts'
import { anyRequest } from './requests.ts'

/** `npm run test:fuzz -- --frames N --seed N` sets these. */
const FRAMES = Number(process.env.UTXO_FUZZ_FRAMES ?? 20_000)
const SEED = Number(process.env.UTXO_FUZZ_SEED ?? 1)

const BYSTANDER_NAMESPACE = 'calm'
const GROUP_FRAMES = 25
const PROGRESS_FRAMES = 10_000
const BYSTANDER_MS_MAX = 5000
const GROWTH_BYTES_MAX = 768 * 1024 * 1024
const RUN_MS_MAX = 60_000 + 5 * FRAMES

/** Sends groups of mutated requests, on a connection for as long as the server keeps it. */
class Fuzzer {
  readonly #random = new Random(SEED)
  readonly #port: number
  #connection: HostileConnection | undefined
  #other: Buffer

  constructor(port: number) {
    this.#port = port
    this.#other = anyRequest(this.#random)
  }

  async run(frames: number, onProgress: (done: number) => void): Promise<void> {
    for (let done = 0; done < frames; done += GROUP_FRAMES) {
      await this.#sendGroup(Array.from({ length: GROUP_FRAMES }, () => this.#nextRequest()))
      onProgress(done + GROUP_FRAMES)
    }
    this.#connection?.close()
  }

  /** Most are mutated; the others keep something there for the mutated ones to work on. */
  #nextRequest(): Buffer {
    const random = this.#random
    const request = anyRequest(random)
    const sent = random.chance(0.6) ? mutatedFrame(request, random, this.#other) : request
    this.#other = request
    return sent
  }

  async #sendGroup(requests: readonly Buffer[]): Promise<void> {
    const answered = requests.filter(bytes => fateOf(bytes) === 'answers')
    try {
      const connection = await this.#open()
      await connection.expectAnswers(answered)
    } catch (error) {
      throw await this.#blamed(answered, error)
    }
    for (const bytes of requests) await this.#sendBroken(bytes)
  }

  async #sendBroken(bytes: Buffer): Promise<void> {
    const fate = fateOf(bytes)
    if (fate === 'answers') return
    const connection = await this.#open()
    this.#connection = undefined
    if (fate === 'waits') connection.abandon(bytes)
    else await connection.expectClose(bytes).catch(error => Promise.reject(failure(error, bytes)))
  }

  async #open(): Promise<HostileConnection> {
    this.#connection ??= await HostileConnection.open(this.#port)
    return this.#connection
  }

  /** Which of the requests it was: the first one that is not answered by itself, either. */
  async #blamed(requests: readonly Buffer[], error: unknown): Promise<Error> {
    for (const bytes of requests) {
      try {
        const connection = await HostileConnection.open(this.#port)
        await connection.expectAnswers([bytes])
        connection.close()
      } catch (reason) {
        return failure(reason, bytes)
      }
    }
    const hex = requests.map(bytes => bytes.toString('hex')).join('\n')
    return new Error(`seed ${SEED}: ${error}, but only when sent one after the other:\n${hex}`, {
      cause: error,
    })
  }
}

function failure(error: unknown, bytes: Buffer): Error {
  return new Error(`seed ${SEED}: ${error}: ${bytes.toString('hex')}`, { cause: error })
}

describe('a server that is sent what no client sends', () => {
  const errors: string[] = []
  let server: EmbeddedServerHandle

  beforeAll(async () => {
    server = await startEmbeddedServer({
      namespaces: [NAMESPACE, BYSTANDER_NAMESPACE],
      log: (level, text) => {
        if (level === 'error') errors.push(text)
      },
    })
    const connection = await HostileConnection.open(server.port)
    await connection.expectAnswers([registerModule(LUA_SOURCE), put(new Random(SEED))])
    connection.close()
  })

  afterAll(() => server.close())

  it(
    `answers or closes, and goes on serving others: ${FRAMES} frames of seed ${SEED}`,
    async () => {
      const bystander = await Bystander.start(server.port, BYSTANDER_NAMESPACE)
      const startBytes = process.memoryUsage.rss()
      let grownBytes = 0
      await new Fuzzer(server.port).run(FRAMES, done => {
        grownBytes = Math.max(grownBytes, process.memoryUsage.rss() - startBytes)
        if (done % PROGRESS_FRAMES === 0) {
          process.stderr.write(
            `${done} of ${FRAMES} frames, ${Math.round(grownBytes / 1024 / 1024)} MiB grown\n`,
          )
        }
        if (errors.length > 0) throw new Error(`seed ${SEED}, within ${GROUP_FRAMES} frames: ${errors[0]}`)
      })
      await bystander.stop()
      expect(errors).toEqual([])
      expect(bystander.count).toBeGreaterThan(0)
      expect(bystander.slowestMs).toBeLessThan(BYSTANDER_MS_MAX)
      expect(grownBytes).toBeLessThan(GROWTH_BYTES_MAX)
    },
    RUN_MS_MAX,
  )
})
