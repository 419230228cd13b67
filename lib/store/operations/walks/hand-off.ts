/**
 * Hands items from several producers to one consumer, without a store in between: a producer waits until its item
 * has been taken, so that a slow consumer slows them all.
 */
export class HandOff<Item> {
  readonly #offered: { readonly item: Item; readonly taken: () => void }[] = []
  #wanted:
    | { resolve(result: IteratorResult<Item, undefined>): void; reject(error: unknown): void }
    | undefined
  #end: { readonly error?: unknown } | undefined

  /** Resolves when the item has been taken, or nobody will take it any more. */
  offer(item: Item): Promise<void> {
    if (this.#end !== undefined) return Promise.resolve()
    if (this.#wanted !== undefined) {
      const { resolve } = this.#wanted
      this.#wanted = undefined
      resolve({ done: false, value: item })
      return Promise.resolve()
    }
    return new Promise(taken => {
      this.#offered.push({ item, taken })
    })
  }

  /** The next item; done, or the error, after the end. One call at a time. */
  async take(): Promise<IteratorResult<Item, undefined>> {
    const offer = this.#offered.shift()
    if (offer !== undefined) {
      offer.taken()
      return { done: false, value: offer.item }
    }
    if (this.#end === undefined) {
      return new Promise((resolve, reject) => {
        this.#wanted = { resolve, reject }
      })
    }
    const { error } = this.#end
    // The failure is told once; the iteration is over then.
    this.#end = {}
    if (error !== undefined) throw error
    return { done: true, value: undefined }
  }

  /** No more items. With an error, those that were offered and not taken are dropped. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return
    this.#end = error === undefined ? {} : { error }
    for (const { taken } of this.#offered.splice(0)) taken()
    const wanted = this.#wanted
    this.#wanted = undefined
    if (wanted === undefined) return
    this.#end = {}
    if (error === undefined) wanted.resolve({ done: true, value: undefined })
    else wanted.reject(error)
  }
}
