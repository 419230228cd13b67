import type { Sliceable } from '../../dispatch/map-chunks.ts'

/** One page of a transaction, with whatever is known of the transaction. */
export interface PageOf<Owner> {
  readonly owner: Owner
  readonly page: number
}

/**
 * The pages of transactions, one transaction after the other. They are made as they are taken: a master can claim a
 * million of them, and so can each master of a batch.
 */
export class PageList<Owner> implements Sliceable<PageOf<Owner>> {
  readonly length: number
  readonly #owners: readonly Owner[]
  /** Where in the list the pages of each owner begin. */
  readonly #begins: number[] = []
  readonly #firstPage: number

  /** @param firstPage 0 for lists that have the masters, too */
  constructor(owners: readonly Owner[], pagesOf: (owner: Owner) => number, firstPage: 0 | 1 = 1) {
    let length = 0
    for (const owner of owners) {
      this.#begins.push(length)
      length += pagesOf(owner) + 1 - firstPage
    }
    this.length = length
    this.#owners = owners
    this.#firstPage = firstPage
  }

  slice(from: number, to: number): PageOf<Owner>[] {
    const pages: PageOf<Owner>[] = []
    let place = this.#placeOf(from)
    for (let index = from; index < Math.min(to, this.length); index += 1) {
      while (index >= this.#beginOf(place + 1)) place += 1
      const owner = this.#owners[place] as Owner // the last begins before the end of the list
      pages.push({ owner, page: index - this.#beginOf(place) + this.#firstPage })
    }
    return pages
  }

  #beginOf(place: number): number {
    return this.#begins[place] ?? this.length
  }

  /** The place of the last owner whose pages begin at the index or before it. */
  #placeOf(index: number): number {
    let low = 0
    let high = this.#begins.length
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.#beginOf(middle) <= index) low = middle
      else high = middle
    }
    return low
  }
}
