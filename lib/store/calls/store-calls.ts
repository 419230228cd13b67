import type { AnswerListener } from '../../batching/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import type { OnProgress } from '../dispatch/progress.ts'
import { type Batchers, createBatchers } from './batchers.ts'
import { type Call, CallGate } from './call-gate.ts'

export interface CallOptions {
  /**
   * Releases the caller at once, with code `CONTEXT_CANCELED` and the signal's reason as cause. What was
   * already sent may still take effect.
   */
  signal?: AbortSignal | undefined
}

/** For calls on lists of any length: they are split, and a bounded part of them is in flight at a time. */
export interface BulkOptions extends CallOptions {
  /** Told after each batch how many entries of the list are done. What it throws ends the call. */
  onProgress?: OnProgress | undefined
}

/**
 * What every public call stands on. The calls of `UtxoStore` are too many for one file, so that each family has
 * an abstract class of its own, and each class extends the one before: transactions, spends, freezes, conflicts,
 * blocks, pruning, and last `UtxoStore`. In a chain every call is a plain method: its docstring stands where its
 * code does, and callers and the compiler see one class, which delegation or mixins would not give. A family may
 * use the calls of those before it, never of those after. Nothing but `UtxoStore` extends the last one, and none
 * but `UtxoStore` is exported from the package.
 */
export abstract class StoreCalls {
  readonly #context: StoreContext
  readonly #batchers: Batchers
  readonly #gate: CallGate

  protected constructor(context: StoreContext) {
    this.#context = context
    this.#batchers = createBatchers(context)
    this.#gate = new CallGate(context)
  }

  protected get context(): StoreContext {
    return this.#context
  }

  protected get batchers(): Batchers {
    return this.#batchers
  }

  protected get gate(): CallGate {
    return this.#gate
  }

  /** Runs the work of a call within what every call is promised: bounded, counted, with `StoreError`s only. */
  protected call<Result>(
    call: Call,
    options: CallOptions,
    work: (signal: AbortSignal | undefined) => Promise<Result>,
  ): Promise<Result> {
    return this.#gate.admit(call, options?.signal, work)
  }

  /** As `call`, for work that tells its end itself, exactly once. */
  protected callTo<Result>(
    call: Call,
    options: CallOptions,
    work: (end: AnswerListener<Result>, signal: AbortSignal | undefined) => void,
  ): Promise<Result> {
    return this.#gate.admitTo(call, options?.signal, work)
  }
}
