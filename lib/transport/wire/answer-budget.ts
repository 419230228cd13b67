/**
 * The memory that the answers to one batch may take, as it is estimated. 8,192 records of 300 spent outputs each take
 * less, and so do a dozen of 8 MiB that are outputs throughout; and what a peer makes of it at worst fits the heap of
 * a Node process with its defaults.
 */
export const ANSWER_MEMORY_MAX = 512 * 1024 * 1024

/** What an element takes at most beside its own bytes, of which it may have only one: an empty blob takes 106. */
const ELEMENT_BYTES = 128

/** The answers to a batch take more memory than any honest ones. It says nothing good of the peer, whatever the row. */
export class AnswerTooLargeError extends Error {
  override readonly name = 'AnswerTooLargeError'

  constructor() {
    super(`the answers to one batch take more than ${ANSWER_MEMORY_MAX} bytes of memory`)
  }
}

/**
 * What the answers to one batch may still take, over all its rows and attempts: a frame is bounded, but its bytes can
 * be a hundred times as much in memory, and a batch can have any number of frames.
 */
export class AnswerBudget {
  #left = ANSWER_MEMORY_MAX

  /**
   * Called before the memory is taken. Nothing is left after it has failed once.
   *
   * @throws AnswerTooLargeError
   */
  spend(elements: number, bytes: number): void {
    this.#left -= elements * ELEMENT_BYTES + bytes
    if (this.#left < 0) throw new AnswerTooLargeError()
  }
}
