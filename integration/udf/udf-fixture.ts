import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Aerospike from 'aerospike'
import { testServer } from '../servers/server.ts'

const PARTS = new URL('../../lua/utxo/', import.meta.url)
const WAIT_MS = 10_000
// One name for all files, because a namespace holds a limited number of sets for good; the keys are random.
const SET = 'udf-test'

/** Bins as the npm client takes and gives them: blobs are Buffers, maps come back as plain objects. */
export type Bins = Record<string, unknown>

export type RecordKey = Aerospike.KeyOptions

/** The map a record function answers with. */
export interface Answer {
  status: string
  errorCode?: string
  message?: string
  signal?: string
  childCount?: number
  blockIDs?: number[]
  spendingData?: string
  errors?: Record<string, { errorCode: string; message: string; spendingData?: string }>
}

/** The text of the module: the parts in the order of parts.json. */
async function moduleText(): Promise<string> {
  const names: string[] = JSON.parse(await readFile(new URL('parts.json', PARTS), 'utf8'))
  const parts = await Promise.all(names.map(name => readFile(new URL(name, PARTS), 'utf8')))
  return parts.join('\n')
}

/**
 * The store's record functions, registered on the server under test under a name of their own.
 */
export class UdfFixture {
  readonly #client: Aerospike.Client
  readonly #module: string
  readonly #namespace: string
  readonly #keys: RecordKey[] = []
  readonly #closeServer: () => Promise<void>

  private constructor(
    client: Aerospike.Client,
    module: string,
    namespace: string,
    closeServer: () => Promise<void>,
  ) {
    this.#client = client
    this.#module = module
    this.#namespace = namespace
    this.#closeServer = closeServer
  }

  static async open(): Promise<UdfFixture> {
    const server = await testServer()
    const client = await Aerospike.connect({
      hosts: [{ addr: server.host, port: server.port }],
      policies: {
        apply: new Aerospike.ApplyPolicy({ totalTimeout: WAIT_MS }),
        read: new Aerospike.ReadPolicy({ totalTimeout: WAIT_MS }),
        write: new Aerospike.WritePolicy({ totalTimeout: WAIT_MS }),
      },
    }).catch(async (error: unknown) => {
      await server.close()
      throw error
    })
    const text = await moduleText()
    const digest = createHash('sha1').update(text).update(randomBytes(8)).digest('hex')
    const module = `udf_test_${digest.slice(0, 12)}`
    const directory = await mkdtemp(join(tmpdir(), 'udf-test-'))
    try {
      const file = join(directory, `${module}.lua`)
      await writeFile(file, text)
      const job = await client.udfRegister(file, Aerospike.language.LUA)
      await job.wait(50)
    } finally {
      await rm(directory, { recursive: true })
    }
    return new UdfFixture(client, module, server.namespace, () => server.close())
  }

  /** A key no other record has. */
  newKey(): RecordKey {
    const key = { ns: this.#namespace, set: SET, key: randomBytes(32) }
    this.#keys.push(key)
    return key
  }

  async putRecord(bins: Bins): Promise<RecordKey> {
    const key = this.newKey()
    await this.#client.put(key, bins as Aerospike.AerospikeBins)
    return key
  }

  /** The bins of a record, or undefined when it does not exist. */
  async getRecord(key: RecordKey): Promise<Bins | undefined> {
    if (!(await this.#client.exists(key))) return undefined
    return (await this.#client.get(key)).bins
  }

  async generation(key: RecordKey): Promise<number> {
    return (await this.#client.get(key)).gen
  }

  /** Calls a record function; a Lua error rejects with the client's error, code 100. */
  async apply(key: RecordKey, functionName: string, args: unknown[]): Promise<Answer> {
    const answer = await this.#client.apply(key, {
      module: this.#module,
      funcname: functionName,
      args: args as Aerospike.AerospikeBinValue[],
    })
    return answer as unknown as Answer
  }

  /** Removes what the fixture has put on the server and disconnects. */
  async close(): Promise<void> {
    if (this.#keys.length > 0) await this.#client.batchRemove(this.#keys)
    const job = await this.#client.udfRemove(`${this.#module}.lua`)
    await job.wait(50)
    this.#client.close()
    await this.#closeServer()
  }
}
