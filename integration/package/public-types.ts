// Compiled, not run: what a strict user's compiler says of the shipped types. package.test.ts compiles it once more
// inside a project that has nothing but the packed package.
import {
  type BatchRow,
  type ERROR_CODES,
  type ErrorCode,
  type Logger,
  type MetricsRegistry,
  type RowAnswer,
  type SettingsInput,
  SpendError,
  StoreError,
  type Transport,
  UtxoSpentError,
  UtxoStore,
} from 'aerospike-utxo-store'
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'

type Assert<Holds extends true> = Holds
type Equal<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false

/** A store, and a server, end with their scope. */
export async function scoped(logger: Logger, metrics: MetricsRegistry, signal: AbortSignal): Promise<bigint> {
  await using server = await startEmbeddedServer({ namespaces: ['test'] })
  await using store = await UtxoStore.open(`${server.url}?set=types&externalStore=memory:`, {
    logger,
    metrics,
    signal,
    settings: { blockHeightRetention: 288, batcherWhenFull: 'wait' },
  })
  store.setBlockState(850_000, 1_720_000_000)
  const tx = await store.previousOutputsDecorate(new Uint8Array(), { signal })
  await store.spend(tx, 850_000, { signal })
  return tx.outputs.reduce((sum, { satoshis }) => sum + satoshis, 0n)
}

// What has a wrong name or type is refused where it is written.
export async function refused(store: UtxoStore): Promise<void> {
  // @ts-expect-error there is no such setting
  await UtxoStore.open('embedded:', { settings: { storeBatcherSise: 1 } })
  // @ts-expect-error a setting with the wrong type
  await UtxoStore.open('embedded:', { settings: { storeBatcherSize: 'large' } })
  // @ts-expect-error a choice that is none
  const settings: SettingsInput = { batcherWhenFull: 'drop' }
  // @ts-expect-error there is no such option
  await UtxoStore.open('embedded:', { log: console, settings })
  // @ts-expect-error a height is a number
  await store.create(new Uint8Array(), '850000')
  // @ts-expect-error a controller is no signal
  await store.get('00'.repeat(32), ['utxos'], { signal: new AbortController() })
  // @ts-expect-error there is no such field of a record
  await store.get('00'.repeat(32), ['utxo'])
  // @ts-expect-error stores are opened, not made
  new UtxoStore()
}

/** The codes are a union: one that is misspelt does not compile, and a switch can be exhaustive. */
export function advice(error: unknown): string {
  if (error instanceof UtxoSpentError) return `spent by ${error.spendingData.txid.length} bytes`
  if (error instanceof SpendError) return error.spends.map(({ error: each }) => each?.code ?? 'ok').join()
  if (!(error instanceof StoreError)) return 'not of the store'
  const { code } = error
  // @ts-expect-error no error has this code
  if (code === 'UTXO_SPEND') return 'never'
  return code === 'SERVICE_UNAVAILABLE' || error.retryable ? 'repeat later' : code
}

export type CodesAreAUnion = [
  Assert<Equal<StoreError['code'], ErrorCode>>,
  Assert<Equal<keyof typeof ERROR_CODES, ErrorCode>>,
  Assert<Equal<string extends ErrorCode ? true : false, false>>,
  Assert<Equal<Extract<ErrorCode, 'TX_NOT_FOUND' | 'UTXO_SPENT'>, 'TX_NOT_FOUND' | 'UTXO_SPENT'>>,
]

type AnswerLater = (...args: never[]) => Promise<unknown>
type Calls = Exclude<
  { [Name in keyof UtxoStore]: UtxoStore[Name] extends AnswerLater ? Name : never }[keyof UtxoStore],
  symbol
>
type Last<Arguments extends readonly unknown[]> =
  Required<Arguments> extends readonly [...unknown[], infer Final] ? Final : never
type WithoutSignal = {
  [Name in Calls]: UtxoStore[Name] extends (...args: infer Arguments) => unknown
    ? 'signal' extends keyof Last<Arguments>
      ? never
      : Name
    : Name
}[Calls]

/** Every public call takes a signal in its last argument. */
export type EveryCallTakesASignal = [
  Assert<Equal<WithoutSignal, never>>,
  Assert<Equal<Extract<Calls, 'spend' | 'close' | 'health'>, 'spend' | 'close' | 'health'>>,
]

/** Batch traffic passes one seam, which anybody can implement. */
export class CountingTransport implements Transport {
  batches = 0
  readonly #inner: Transport

  constructor(inner: Transport) {
    this.#inner = inner
  }

  batchOperate(
    rows: readonly BatchRow[],
    options: Parameters<Transport['batchOperate']>[1],
  ): Promise<readonly RowAnswer[]> {
    this.batches += 1
    return this.#inner.batchOperate(rows, options)
  }
}
