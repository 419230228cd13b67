import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Aerospike from 'aerospike'
import { describe, messageOf, StoreError } from '../../errors/index.ts'
import type { Administration, IndexDefinition, IndexState } from '../administration.ts'
import { statusText } from '../result-status.ts'
import type { ClientConnection } from './connection.ts'

export interface ClientAdministrationOptions {
  namespace: string
  set: string
  /** Time in milliseconds for one info command. */
  timeoutMs: number
}

/** The server's code for an index that exists, with the same definition or another one. */
const INDEX_FOUND = 200
/** The longest name of an index. */
const INDEX_NAME_BYTES_MAX = 63
/** State of an index that answers queries; `WO` while it is being built. */
const BUILT = 'RW'
const INDEX_POLL_MS = 100
const UDF_POLL_MS = 50

/** Administration through the npm client. */
export class ClientAdministration implements Administration {
  readonly #client: ClientConnection
  readonly #options: ClientAdministrationOptions

  constructor(client: ClientConnection, options: ClientAdministrationOptions) {
    this.#client = client
    this.#options = options
  }

  async listUdfFiles(): Promise<string[]> {
    const answers = await this.infoOfNodes('udf-list')
    // A module counts as present only where every node lists it.
    const lists = answers.map(({ answer }) =>
      [...answer.matchAll(/filename=([^,;]+)/g)].map(match => match[1] ?? ''),
    )
    const [first = [], ...others] = lists
    return first.filter(name => others.every(list => list.includes(name)))
  }

  async registerUdf(fileName: string, source: string): Promise<void> {
    // The client reads the module from a file and registers it under the file's name.
    const folder = await mkdtemp(join(tmpdir(), 'utxo-store-udf-'))
    try {
      const path = join(folder, fileName)
      await writeFile(path, source)
      const policy = new Aerospike.InfoPolicy({ timeout: this.#options.timeoutMs })
      try {
        const job = await this.#client.udfRegister(path, Aerospike.language.LUA, policy)
        await job.wait(UDF_POLL_MS)
      } catch (error) {
        throw new StoreError('STORAGE_ERROR', `module ${fileName}: ${clientErrorText(error)}`)
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  async ensureIndex(index: IndexDefinition, signal?: AbortSignal): Promise<void> {
    // Looked for first: a server renames an index that is created again under another name.
    const isKnown = (await this.indexStates(index)).some(state => state !== 'missing')
    if (!isKnown) await this.#createIndex(index)
    while (!(await this.indexStates(index)).every(state => state === 'ready')) {
      if (signal?.aborted) throw givenUp(index.name, signal)
      await delay(INDEX_POLL_MS, undefined, { signal }).catch(() => {})
    }
  }

  /** Under a name of the set's own where another set has the usual one: names are shared by a namespace. */
  async #createIndex({ name, bin, set = this.#options.set }: IndexDefinition): Promise<void> {
    const { namespace: ns, timeoutMs } = this.#options
    for (const candidate of [name, nameForSet(name, set)]) {
      try {
        const policy = new Aerospike.InfoPolicy({ timeout: timeoutMs })
        await this.#client.createIntegerIndex({ ns, set, bin, index: candidate }, policy)
        return
      } catch (error) {
        if ((error as { code?: unknown }).code !== INDEX_FOUND)
          throw new StoreError('STORAGE_ERROR', `index ${name} cannot be created: ${clientErrorText(error)}`)
      }
    }
    // Taken, too: by another process that was quicker, which the wait for it will show.
  }

  async indexStates(index: IndexDefinition): Promise<IndexState[]> {
    // Asked for as a whole: the npm client refuses commands of more than about fifty characters.
    const answers = await this.infoOfNodes('sindex-list')
    if (answers.length === 0) throw new StoreError('STORAGE_UNAVAILABLE', 'no node tells of its indexes')
    return answers.map(({ answer }) => {
      const indexes = answer.split(';').map(line => fieldsOf(line))
      const state = indexes.find(fields => this.#isOnBin(fields, index))?.get('state')
      if (state === undefined) return 'missing'
      return state === BUILT ? 'ready' : 'building'
    })
  }

  /** Whether it is an index on the integers of the bin itself, not on its elements or on an expression. */
  #isOnBin(fields: ReadonlyMap<string, string>, { bin, set = this.#options.set }: IndexDefinition): boolean {
    const wanted = { ns: this.#options.namespace, set, bin, type: 'numeric', indextype: 'default' }
    const isAbsent = (value: string | undefined): boolean => value === undefined || value === 'null'
    return (
      Object.entries(wanted).every(([name, value]) => fields.get(name) === value) &&
      isAbsent(fields.get('context')) &&
      isAbsent(fields.get('exp'))
    )
  }

  async infoOfNodes(command: string): Promise<{ node: string; answer: string }[]> {
    const policy = new Aerospike.InfoPolicy({ timeout: this.#options.timeoutMs })
    const answers = await this.#client.infoAll(command, policy).catch((error: unknown) => {
      throw new StoreError(
        'STORAGE_UNAVAILABLE',
        `a node does not answer ${command}: ${clientErrorText(error)}`,
      )
    })
    return (answers as { host?: { node_id?: string }; info: string }[]).map(({ host, info }) => ({
      node: host?.node_id ?? '?',
      answer: info.slice(info.indexOf('\t') + 1).trimEnd(),
    }))
  }

  async close(): Promise<void> {
    // `false`: the process-wide event loop stays usable for other stores in this process.
    await this.#client.close(false)
  }
}

/** `ns=test:indexname=…:state=RW`; the text of an expression may hold colons, but comes behind what is compared. */
function fieldsOf(line: string): ReadonlyMap<string, string> {
  return new Map(line.split(':').map(field => field.split('=', 2) as [string, string]))
}

/** Of a timeout the npm client's own message says no more than from where. */
function clientErrorText(error: unknown): string {
  const { code } = error as { code?: unknown }
  const text = messageOf(error).trim()
  return typeof code === 'number' ? `${statusText(code)} ${text}` : text
}

/** A name of the set's own, where another set has the usual one. */
function nameForSet(name: string, set: string): string {
  const own = `${name}_${set}`
  if (Buffer.byteLength(own) <= INDEX_NAME_BYTES_MAX) return own
  return `${name}_${createHash('sha256').update(set).digest('hex').slice(0, 16)}`
}

function givenUp(name: string, signal: AbortSignal): StoreError {
  return new StoreError(
    'CONTEXT_CANCELED',
    `waiting for index ${name} was given up: ${describe(signal.reason)}`,
    {
      cause: signal.reason,
    },
  )
}
