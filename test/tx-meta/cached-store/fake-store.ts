import { createHash } from 'node:crypto'
import { StoreError } from '../../../lib/errors/index.ts'
import type { TransactionMetadata } from '../../../lib/record/index.ts'
import { CachedUtxoStore } from '../../../lib/tx-meta/cached-store/cached-utxo-store.ts'
import type { StoreSurface } from '../../../lib/tx-meta/cached-store/call-policies.ts'

type Answer = (...args: readonly never[]) => unknown

/** A store whose calls are recorded, and answered as the test says; undefined where it says nothing. */
export class FakeStore {
  readonly calls: { readonly name: string; readonly args: readonly unknown[] }[] = []
  readonly settings = {
    batchPolicyTotalTimeout: 1_000,
    overloadRetryMaxElapsed: 500,
    batcherWaitGrace: 250,
    blockHeightRetention: 288,
    blockHeightRetentionAdjustment: 0,
    txMetaCacheMaxMB: 1,
  }
  blockState = { height: 1_000, medianTime: 1 }
  readonly #answers = new Map<PropertyKey, Answer>()

  /** As the decorator sees it. */
  get surface(): StoreSurface {
    const known = this as unknown as Record<PropertyKey, unknown>
    return new Proxy(this, {
      get: (_target, name) =>
        name in this
          ? known[name]
          : async (...args: readonly never[]) => {
              this.calls.push({ name: String(name), args })
              return this.#answers.get(name)?.(...args)
            },
    }) as unknown as StoreSurface
  }

  answer(name: keyof StoreSurface, answer: Answer): void {
    this.#answers.set(name, answer)
  }

  called(name: keyof StoreSurface): number {
    return this.calls.filter(call => call.name === name).length
  }
}

export function txid(number: number): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(String(number)).digest())
}

/** As `getMeta` answers of an unmined transaction that is complete. */
export function metadata(changes: Partial<TransactionMetadata> = {}): TransactionMetadata {
  return {
    locktime: 0,
    fee: 12,
    sizeInBytes: 250,
    txInpoints: [{ txid: txid(900), vouts: [1, 0] }],
    isCoinbase: false,
    conflicting: false,
    locked: false,
    creating: false,
    blockIds: [],
    blockHeights: [],
    subtreeIdxs: [],
    ...changes,
  }
}

export const UNCERTAIN = new StoreError('SERVICE_UNAVAILABLE', 'no answer in time')
export const VERDICT = new StoreError('TX_NOT_FOUND', 'one is not there')
export const REFUSAL = new StoreError('INVALID_ARGUMENT', 'no such thing')

export function throwing(error: unknown): () => never {
  return () => {
    throw error
  }
}

/** A fake store and the cached one before it. Whatever is read is complete and unmined. */
export function cachedStore({ uncertainMs = 60_000, retention = 288 } = {}) {
  const store = new FakeStore()
  store.settings.blockHeightRetention = retention
  store.answer('getMeta', () => metadata())
  const cached = new CachedUtxoStore(store.surface, { megabytes: 1, uncertainMs })
  /** Whether a read is answered without the store. It leaves the entry as it was. */
  const isCached = async (id: Uint8Array): Promise<boolean> => {
    const before = store.called('getMeta')
    store.answer('getMeta', () => metadata({ conflicting: true }))
    await cached.getMeta(id)
    store.answer('getMeta', () => metadata())
    return store.called('getMeta') === before
  }
  return { store, cached, isCached }
}

/** What is cached of `metadata()`. */
export function known() {
  return {
    fee: 12,
    sizeInBytes: 250,
    isCoinbase: false,
    conflicting: false,
    locked: false,
    txInpoints: [{ txid: txid(900), vouts: [1, 0] }],
  }
}
