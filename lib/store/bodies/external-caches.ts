import { type BlobType, CoalescingCache, type ExternalStore } from '../../external/index.ts'
import type { Settings } from '../../settings/index.ts'
import type { PackedOutputs } from './packed-outputs.ts'

/** A body that was proven to be the one its name promises. */
export interface ProvenBlob {
  readonly type: BlobType
  readonly bytes: Uint8Array
}

/** How long an entry lives (semantics 5.4): children of one parent come together. */
const LIFE_MS = 10_000

/** From how many spendable outputs on a parent is asked for again; one with a single output would only take room. */
const LIVE_OUTPUTS_MIN = 2

/**
 * What was lately read of external bodies (semantics 5.4): whole bodies, and apart from them the outputs that
 * spenders ask for, which take less room and lack what a reader of the transaction needs. Kept are bytes, because
 * their length is known; callers get objects of their own.
 */
export class ExternalCaches {
  readonly bodies: CoalescingCache<ProvenBlob>
  readonly outputs: CoalescingCache<PackedOutputs>

  private constructor(itemsMax: number, bytesMax: number) {
    const limits = { itemsMax, bytesMax, lifeMs: LIFE_MS }
    this.bodies = new CoalescingCache({ ...limits, sizeOf: ({ bytes }) => bytes.length })
    this.outputs = new CoalescingCache({
      ...limits,
      sizeOf: ({ sizeBytes }) => sizeBytes,
      isWorthKeeping: ({ liveCount }) => liveCount >= LIVE_OUTPUTS_MIN,
    })
  }

  /** Undefined where the settings want none. */
  static of(settings: Settings): ExternalCaches | undefined {
    if (!settings.useExternalTxCache) return undefined
    return new ExternalCaches(settings.externalTxCacheMaxItems, settings.externalTxCacheMaxBytes)
  }

  /** The external store, with these caches told of what changes there by way of it. */
  over(store: ExternalStore): ExternalStore {
    const changed = async (txid: string, change: Promise<void>): Promise<void> => {
      try {
        await change
      } finally {
        this.bodies.forget(txid)
        this.outputs.forget(txid)
      }
    }
    return {
      get: (txid, type, options) => store.get(txid, type, options),
      stream: (txid, type, options) => store.stream(txid, type, options),
      set: (txid, type, body, options) => changed(txid, store.set(txid, type, body, options)),
      delete: (txid, type, options) => changed(txid, store.delete(txid, type, options)),
      close: () => store.close(),
    }
  }
}
