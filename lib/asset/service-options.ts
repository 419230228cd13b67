import { TIMER_MS_MAX, wholeNumber } from '../errors/index.ts'
import type { AssetLogger } from './asset-log.ts'
import type { SubtreeFiles } from './subtree-files.ts'
import type { TransactionSource } from './transaction-source.ts'

export interface SubtreeDataOptions {
  /** Where the transactions of a missing data file are read: a `UtxoStore`. It is not closed here. */
  readonly source: TransactionSource
  /** Where subtrees and their data files lie; `SubtreeFolder` is one. */
  readonly files: SubtreeFiles
  /**
   * Data files that are built at a time; one more is refused at once. 0 means no limit. By default what the source's
   * setting `assetConcurrencySubtreeDataCreate` says; 4 where it has no settings.
   */
  readonly creationsMax?: number
  /**
   * Existing files that are read at a time; one more waits. Each takes a file descriptor: keep it well below the
   * process's limit. 512 by default.
   */
  readonly readersMax?: number
  /** Transactions that a creation reads from the store at once. 1,024 by default. */
  readonly chunkTransactionsMax?: number
  /** Bytes of transactions that a creation reads at once, as far as the subtree tells them. 4 MiB by default. */
  readonly chunkBytesMax?: number
  /**
   * Reads of a creation at a time. It holds twice as many chunks, and one that is being written, at the most. 4
   * by default.
   */
  readonly fetchConcurrency?: number
  /** A client that takes nothing for so long is dropped, in milliseconds. 30 seconds by default. */
  readonly stallTimeoutMs?: number
  /** How long `close` waits for answers in progress before it cuts them off, in milliseconds. 10 seconds by default. */
  readonly closeGraceMs?: number
  readonly logger?: AssetLogger
}

const DEFAULTS = {
  creationsMax: 4,
  readersMax: 512,
  chunkTransactionsMax: 1_024,
  chunkBytesMax: 4 * 1024 * 1024,
  fetchConcurrency: 4,
  stallTimeoutMs: 30_000,
  closeGraceMs: 10_000,
} as const

const MINIMA: Readonly<Record<keyof typeof DEFAULTS, number>> = {
  creationsMax: 0,
  readersMax: 1,
  chunkTransactionsMax: 1,
  chunkBytesMax: 1,
  fetchConcurrency: 1,
  stallTimeoutMs: 1,
  closeGraceMs: 0,
}

export type ServiceLimits = Readonly<Record<keyof typeof DEFAULTS, number>>

/** Every limit with the value in force. Throws `INVALID_ARGUMENT`, naming the one that is out of range. */
export function serviceLimits(options: SubtreeDataOptions): ServiceLimits {
  const names = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]
  const { assetConcurrencySubtreeDataCreate: creationsMax = DEFAULTS.creationsMax } =
    options.source.settings ?? {}
  const defaults = { ...DEFAULTS, creationsMax }
  const limits = names.map(name => {
    const value = options[name] ?? defaults[name]
    return [name, wholeNumber(name, value, MINIMA[name], TIMER_MS_MAX)] as const
  })
  return Object.fromEntries(limits) as ServiceLimits
}
