import { type SettingsInput, type StoreError, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer } from '../servers/server.ts'
import { type Cast, HEIGHT } from './conflict-scenario.ts'

const SETTINGS = { storeBatcherDurationMillis: 1, spendBatcherDurationMillis: 1, getBatcherDurationMillis: 1 }

/** Stores of one server that process conflicts. */
export class ConflictStores {
  readonly #server: TestServer
  readonly #sets = new WeakMap<UtxoStore, string>()

  constructor(server: TestServer) {
    this.#server = server
  }

  async open(set: string, settings: SettingsInput = {}): Promise<UtxoStore> {
    const store = await UtxoStore.open(storeUrl(this.#server, { set }), {
      settings: { ...SETTINGS, ...settings },
    })
    this.#sets.set(store, set)
    store.setBlockState(HEIGHT, 1_700_000_000)
    return store
  }

  /** Another store on the same set, as another process would have it. */
  async sibling(store: UtxoStore): Promise<UtxoStore> {
    const set = this.#sets.get(store)
    if (set === undefined) throw new Error('a store from elsewhere')
    return this.open(set)
  }
}

/** `ok`, or the code of the error. */
export const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )

export const winnersOf = ({ winner, winner2 }: Cast): Uint8Array[] =>
  [winner, winner2].map(tx => tx?.txid ?? new Uint8Array())
