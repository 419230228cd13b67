/** Values that share a buffer: a small one keeps so many bytes alive at the most. */
const BUFFER_BYTES = 16_384

/**
 * Memory for copies of values. An array buffer for each, or a call into native code to copy it, would cost more
 * than everything else in a hit: values are written by words where they will stay, and become arrays afterwards.
 */
export class ValuePool {
  readonly #valueWordsMax: number
  #words: Int32Array<ArrayBuffer>
  #buffer: ArrayBuffer
  /** Where the next value begins, in words. */
  #at = 0

  constructor(valueBytesMax: number) {
    this.#valueWordsMax = Math.ceil(valueBytesMax / 4)
    this.#words = new Int32Array(BUFFER_BYTES / 4)
    this.#buffer = this.#words.buffer
  }

  /** Where a value of any length can be written. */
  get words(): Int32Array {
    if (this.#at + this.#valueWordsMax > this.#words.length) {
      this.#words = new Int32Array(BUFFER_BYTES / 4)
      this.#buffer = this.#words.buffer
      this.#at = 0
    }
    return this.#words
  }

  get at(): number {
    return this.#at
  }

  /** What was written there. */
  take(bytes: number): Uint8Array {
    const value = new Uint8Array(this.#buffer, this.#at * 4, bytes)
    this.#at += (bytes + 3) >>> 2
    return value
  }
}
