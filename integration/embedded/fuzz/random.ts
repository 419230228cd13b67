/** Numbers from a seed: the same seed gives the same frames, on every machine. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 2^32 - 1 (the generator "mulberry32"). */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** Both ends included. */
  integer(low: number, high: number): number {
    return low + (this.uint32() % (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 0x1_0000_0000
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.uint32() % choices.length] ?? choices[0]
  }

  times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make)
  }

  bytes(count: number): Buffer {
    return Buffer.from(this.times(count, () => this.integer(0, 0xff)))
  }
}
