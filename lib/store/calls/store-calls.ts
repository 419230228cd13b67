import type { AnswerListener } from '../../batching/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import { type Batchers, createBatchers } from './batchers.ts'
import { type Call, CallGate } from './call-gate.ts'
import type { CallOptions } from './call-options.ts'

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
    return this.#gate.admit(call, options, work)
  }

  /** As `call`, for work that tells its end itself, exactly once. */
  protected callTo<Result>(
    call: Call,
    options: CallOptions,
    work: (end: AnswerListener<Result>, signal: AbortSignal | undefined) => void,
  ): Promise<Result> {
    return this.#gate.admitTo(call, options, work)
  }
}
