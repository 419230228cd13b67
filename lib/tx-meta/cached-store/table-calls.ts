import { StoreError, workBehind } from '../../errors/index.ts'
import type { TxidInput } from '../../store/index.ts'
import { CALL_POLICIES, type StoreSurface, type TableCall } from './call-policies.ts'
import type { Doubt } from './entry-freshness.ts'
import type { MetaEntries } from './meta-entries.ts'
import { TxidBytes } from './txid-bytes.ts'

type Call = (...args: readonly unknown[]) => unknown
type Affected = (...args: readonly unknown[]) => Iterable<TxidInput>

/** What the calls of a cached store work with. */
export abstract class CacheCalls {
  protected readonly store: StoreSurface
  protected readonly entries: MetaEntries
  /** How long the last of what a call without a verdict has sent may still take effect, in milliseconds. */
  protected readonly uncertainMs: number

  constructor(store: StoreSurface, entries: MetaEntries, uncertainMs: number) {
    this.store = store
    this.entries = entries
    this.uncertainMs = uncertainMs
  }

  /** Runs a call that changes transactions, and removes what is cached of them when it has ended. */
  protected async changing<Result>(
    affected: () => Iterable<TxidInput>,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const txids = collected(affected)
    const remove = async (doubt?: Doubt): Promise<void> => {
      if (txids === undefined) this.entries.clear(doubt)
      else await this.entries.removeAll(txids, doubt)
    }
    try {
      const result = await work()
      await remove()
      return result
    } catch (error) {
      if (!isRefusal(error)) await remove(this.doubtOf(error))
      throw error
    }
  }

  /** As `changing`, where only the store knows which transactions the call has changed by the time it fails. */
  protected async changingUnknown<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (!isRefusal(error)) this.entries.clear(this.doubtOf(error))
      throw error
    }
  }

  /**
   * A verdict on the data comes when all is done. After any other error the change may still come: a call whose caller
   * has been released goes on, for as many batches as it takes.
   */
  protected doubtOf(error: unknown): Doubt | undefined {
    if (error instanceof StoreError && /^(TX|UTXO)_/.test(error.code)) return undefined
    return { uncertainMs: this.uncertainMs, ended: workBehind(error) }
  }
}

/** The arguments were refused: nothing was sent. */
function isRefusal(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'INVALID_ARGUMENT'
}

/** Undefined for arguments that are wrong, which the store will refuse in its own words. */
function collected(affected: () => Iterable<TxidInput>): TxidBytes | undefined {
  try {
    return new TxidBytes(affected())
  } catch {
    return undefined
  }
}

/** The table is given life here: TypeScript has no way to write methods from it, so that their types are told below. */
abstract class Table extends CacheCalls {
  static {
    for (const [name, policy] of Object.entries(CALL_POLICIES)) {
      if (policy === 'own') continue
      const affected = policy === 'passes' ? undefined : (policy as Affected)
      Object.defineProperty(Table.prototype, name, {
        configurable: true,
        writable: true,
        value(this: Table, ...args: readonly unknown[]): unknown {
          const store = this.store as unknown as Record<string, Call>
          if (affected === undefined) return store[name]?.(...args)
          return this.changing(
            () => affected(...args),
            () => store[name]?.(...args) as Promise<unknown>,
          )
        },
      })
    }
  }
}

/** The calls of the store that `CALL_POLICIES` says everything about. */
export const TableCalls = Table as abstract new (
  ...args: ConstructorParameters<typeof CacheCalls>
) => CacheCalls & Pick<StoreSurface, TableCall>
