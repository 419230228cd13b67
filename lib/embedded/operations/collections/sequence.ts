import type { Container } from './container.ts'
import { compare, type Element, NIL } from './element.ts'

/**
 * What positions in a list or map are counted in. The index of a map's entry is the place of its key, the rank
 * that of its value; equal values rank in the order of their indexes.
 */
export class Sequence {
  readonly container: Container
  readonly #values: readonly Element[]
  /** An ordered list: index and rank are the same. */
  readonly isRanked: boolean
  #indexes: readonly number[] | undefined
  #ranks: readonly number[] | undefined

  constructor(container: Container) {
    this.container = container
    this.#values =
      container.kind === 'list' ? container.elements : container.entries.map(({ value }) => value)
    this.isRanked = container.kind === 'list' && container.isOrdered
  }

  get size(): number {
    return this.#values.length
  }

  value(index: number): Element {
    return this.#values[index] ?? NIL
  }

  /** The index of each rank. */
  get indexesByRank(): readonly number[] {
    this.#indexes ??= this.#sortedIndexes()
    return this.#indexes
  }

  /** The rank of each index. */
  get ranksByIndex(): readonly number[] {
    this.#ranks ??= invert(this.indexesByRank)
    return this.#ranks
  }

  /** Number of values below a bound: the rank that it has, or would have. */
  countBelow(bound: Element): number {
    return this.#firstRank(value => compare(value, bound) >= 0)
  }

  /** Number of values below a bound or equal to it. */
  countThrough(bound: Element): number {
    return this.#firstRank(value => compare(value, bound) > 0)
  }

  /** The first rank whose value passes a test that all values behind it pass, too. */
  #firstRank(passes: (value: Element) => boolean): number {
    const { indexesByRank } = this
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (passes(this.value(indexesByRank[middle] ?? 0))) high = middle
      else low = middle + 1
    }
    return low
  }

  #sortedIndexes(): number[] {
    const indexes = Array.from({ length: this.size }, (_, index) => index)
    if (this.isRanked) return indexes
    return indexes.sort((left, right) => compare(this.value(left), this.value(right)) || left - right)
  }
}

function invert(indexes: readonly number[]): number[] {
  const ranks = new Array<number>(indexes.length).fill(0)
  for (const [rank, index] of indexes.entries()) ranks[index] = rank
  return ranks
}
