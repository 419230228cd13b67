import { randomBytes } from 'node:crypto'
import { UtxoStore } from 'aerospike-utxo-store'
import { Batcher, type BatchHandler } from '../../lib/batching/index.ts'
import type { SettingsInput } from '../../lib/settings/index.ts'
import type { StoreContext } from '../../lib/store/context/store-context.ts'
import { loadUdfModule } from '../../lib/store/udf/udf-module.ts'
import type { BinValue, Transport, WriteOperation, WriteRow } from '../../lib/transport/index.ts'
import { contextWith } from '../../test/store/support/store-fixture.ts'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { RawRecords } from './raw-records.ts'

export type RecordBins = Readonly<Record<string, BinValue>>

/** One name for all files, because a namespace holds a limited number of sets for good; the keys are random. */
const SET = 'fast-both-paths'

/** Two stores on the same records: one asks Lua alone, the other tries filtered writes first. */
export class BothPaths {
  readonly lua: StoreContext
  /** Rows of filtered writes so far that changed their record, by the name of the statement. */
  readonly filteredBy = new Map<string, number>()
  readonly #server: TestServer
  readonly #store: UtxoStore
  readonly #records: RawRecords
  readonly #transport: Transport
  readonly #filtered: () => StoreContext
  #keys: Uint8Array[] = []

  private constructor(
    server: TestServer,
    store: UtxoStore,
    records: RawRecords,
    udfModule: string,
    settings: SettingsInput,
  ) {
    this.#server = server
    this.#store = store
    this.#records = records
    this.#transport = store.transport as Transport
    const counting: Transport = { batchOperate: (rows, options) => this.#counted(rows, options) }
    const parts = { set: SET, udfModule }
    this.lua = contextWith(
      this.#transport,
      { ...settings, enableSpendFilterExpressions: 'off', enableSetMinedFilterExpressions: 'off' },
      parts,
    )
    const filteredFirst: SettingsInput = {
      ...settings,
      enableSpendFilterExpressions: 'on',
      enableSetMinedFilterExpressions: 'on',
      enablePreserveFilterExpressions: true,
    }
    this.#filtered = () => contextWith(counting, filteredFirst, parts)
  }

  /** A store that does not leave out yet what has decided little. */
  newFiltered(): StoreContext {
    return this.#filtered()
  }

  get filteredCount(): number {
    return [...this.filteredBy.values()].reduce((sum, count) => sum + count, 0)
  }

  static async open(settings: SettingsInput): Promise<BothPaths> {
    const server = await testServer()
    const store = await UtxoStore.open(storeUrl(server, { set: SET }))
    const { name } = await loadUdfModule()
    return new BothPaths(server, store, await RawRecords.open(server), name, settings)
  }

  async close(): Promise<void> {
    this.#records.close()
    await this.#store.close()
    await this.#server.close()
  }

  /** A new transaction's txid, for which no record is there. */
  newTxid(): Uint8Array {
    return randomBytes(32)
  }

  async write(records: readonly (readonly [key: Uint8Array, bins: RecordBins])[]): Promise<void> {
    const rows = records.map(
      ([userKey, bins]): WriteRow => ({
        kind: 'write',
        key: { set: SET, userKey },
        exists: 'create-only',
        operations: Object.entries(bins).map(([bin, value]): WriteOperation => ({ kind: 'put', bin, value })),
      }),
    )
    for (const { userKey } of rows.map(({ key }) => key)) this.#keys.push(userKey as Uint8Array)
    const answers = await this.#transport.batchOperate(rows, { timeout: 20_000 })
    const failed = answers.find(({ status }) => status !== 0)
    if (failed !== undefined) throw new Error(`writing records: status ${failed.status}`)
  }

  read(keys: readonly Uint8Array[]) {
    return this.#records.read(SET, keys)
  }

  /** Removes what was written, and counts anew. */
  async clear(): Promise<void> {
    this.filteredBy.clear()
    const rows = this.#keys.map(userKey => ({ kind: 'remove', key: { set: SET, userKey } }) as const)
    this.#keys = []
    await this.#transport.batchOperate(rows, { timeout: 20_000 })
  }

  async #counted(...[rows, options]: Parameters<Transport['batchOperate']>) {
    const answers = await this.#transport.batchOperate(rows, options)
    for (const { index, status } of answers) {
      const row = rows[index]
      if (status !== 0 || row?.kind !== 'execute') continue
      const { name } = row.statement
      this.filteredBy.set(name, (this.filteredBy.get(name) ?? 0) + 1)
    }
    return answers
  }
}

/** Puts requests through a handler as one batch; `ok`, or the error, for each. */
export async function asOneBatch<Request, Answer>(
  handler: BatchHandler<Request, Answer>,
  requests: readonly Request[],
): Promise<unknown[]> {
  const batcher = new Batcher<Request, Answer>(
    {
      name: 'both paths',
      size: requests.length,
      lingerMs: 0,
      concurrency: 1,
      queueItemsMax: requests.length,
      whenFull: 'refuse',
      waitMs: 30_000,
    },
    handler,
  )
  const outcomes = await batcher.submitGroup(requests)
  await batcher.close()
  return outcomes.map(outcome => (outcome.status === 'fulfilled' ? 'ok' : outcome.reason))
}
