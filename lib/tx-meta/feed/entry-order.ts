type Step = () => Promise<void> | void

/**
 * Applies the entries of one message in their order: at once as long as nothing has to be waited for, and what
 * comes behind a removal that takes its time after it has ended. A removal that fails keeps back what is behind
 * it, since the whole message is applied again.
 */
export class EntryOrder {
  #pending: Promise<void> | undefined

  /** Whether something has to end first: otherwise a step that cannot fail may as well be taken without this. */
  get isWaiting(): boolean {
    return this.#pending !== undefined
  }

  apply(step: Step): void {
    if (this.#pending !== undefined) {
      this.#pending = this.#pending.then(step)
      this.#pending.catch(() => {})
      return
    }
    try {
      const taking = step()
      if (taking !== undefined) this.#pending = taking
    } catch (error) {
      this.#pending = Promise.reject(error)
    }
    // Whoever waits for the end hears of it.
    this.#pending?.catch(() => {})
  }

  ended(): Promise<void> {
    return this.#pending ?? Promise.resolve()
  }
}
