import type { AnswerListener, Batcher } from '../../../batching/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { existsError, RecordTooBigError } from './create-errors.ts'
import { createInPhases } from './create-in-phases.ts'
import { type Creation, storeBody, withExternalPlace } from './creation.ts'
import { readMaster } from './stored-master.ts'
import { withCreationLock } from './with-creation-lock.ts'

/**
 * Stores a transaction of any size: one record in a batch with those of other callers; several records in two
 * phases (semantics 3.4). A record that the server refuses as too big is tried once more with its body outside.
 */
export function storeCreation(
  context: StoreContext,
  batcher: Batcher<Creation, void>,
  creation: Creation,
  end: AnswerListener<void>,
  signal: AbortSignal | undefined,
): void {
  if (creation.body === undefined) {
    const whole = new WholeRecord(context, batcher, creation, end, signal)
    batcher.submitTo(whole, creation, { signal })
    return
  }
  const stored =
    creation.records.pageCount > 0
      ? createInPhases(context, creation, signal)
      : createWithBody(context, batcher, creation, signal)
  stored.then(
    () => end.succeed(),
    error => end.fail(error),
  )
}

/** Takes the answer for a record that holds everything of its transaction. */
class WholeRecord implements AnswerListener<void> {
  readonly #context: StoreContext
  readonly #batcher: Batcher<Creation, void>
  readonly #creation: Creation
  readonly #end: AnswerListener<void>
  readonly #signal: AbortSignal | undefined

  constructor(
    context: StoreContext,
    batcher: Batcher<Creation, void>,
    creation: Creation,
    end: AnswerListener<void>,
    signal: AbortSignal | undefined,
  ) {
    this.#context = context
    this.#batcher = batcher
    this.#creation = creation
    this.#end = end
    this.#signal = signal
  }

  succeed(): void {
    this.#end.succeed()
  }

  fail(error: unknown): void {
    if (error instanceof RecordTooBigError) this.#storeWithBodyOutside()
    else this.#end.fail(error)
  }

  #storeWithBodyOutside(): void {
    try {
      this.#creation.moveBodyOutside()
      storeCreation(this.#context, this.#batcher, this.#creation, this.#end, this.#signal)
    } catch (error) {
      this.#end.fail(error)
    }
  }
}

/**
 * The body, then the one record. Under the lock: who removes a transaction removes its body after its record, and
 * would take along the one that a new record counts on. From then on it goes on without its caller.
 */
function createWithBody(
  context: StoreContext,
  batcher: Batcher<Creation, void>,
  creation: Creation,
  signal: AbortSignal | undefined,
): Promise<void> {
  return withExternalPlace(context, signal, () =>
    withCreationLock(context, creation, async lock => {
      // One that is stored inside its record has no body outside, which nobody would ever remove.
      if ((await readMaster(context, creation.txid)) !== undefined) throw existsError(creation.txid)
      await storeBody(context, creation)
      await lock.hold()
      await batcher.submit(creation)
      // Who got the lock while the row waited may have removed the record before this one, and its body.
      if (lock.isDoubtful) await storeBody(context, creation)
    }),
  )
}
