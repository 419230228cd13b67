/**
 * A first-in, first-out queue on a ring buffer that doubles as it fills: `push` and `shift` cost the same
 * whatever the length (an array's `shift` moves every element that is left). The cap is not enforced here
 * but asked by the batcher through `isFull`, because a group enters whole: it may overshoot the cap once,
 * by its own size, where it could otherwise never enter at all.
 */
export class BoundedQueue<Item> {
  readonly capacity: number
  #ring: (Item | undefined)[] = new Array(16)
  #head = 0
  #length = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get length(): number {
    return this.#length
  }

  get isFull(): boolean {
    return this.#length >= this.capacity
  }

  push(item: Item): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item
    this.#length += 1
  }

  shift(): Item | undefined {
    const item = this.#ring[this.#head]
    if (this.#length === 0) return undefined
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length -= 1
    return item
  }

  peek(): Item | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head]
  }

  #grow(): void {
    const wider = new Array<Item | undefined>(this.#ring.length * 2)
    for (let i = 0; i < this.#length; i++) wider[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)]
    this.#ring = wider
    this.#head = 0
  }
}
