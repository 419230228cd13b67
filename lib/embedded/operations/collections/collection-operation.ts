import type { Arguments } from './collection-request.ts'
import type { Container } from './container.ts'
import { type Element, integerElement } from './element.ts'
import { resolve } from './results.ts'
import type { Selector } from './selectors.ts'
import { Sequence } from './sequence.ts'

/** What a real server passes over: whatever follows the code of an operation that takes no arguments. */
export const ANY_ARGUMENTS = { argumentsMin: 0, argumentsMax: Number.POSITIVE_INFINITY } as const

/** A list or map operation that only reads (protocol 8.4, 8.5). */
export interface ReadOperation<C extends Container> {
  /** Arguments that it cannot do without. */
  readonly argumentsMin: number
  /** Arguments that it knows; with more it is a bad request. */
  readonly argumentsMax: number
  /** @returns the element that answers; nil for none */
  readonly read: (container: C, args: Arguments) => Element
}

/** What an operation leaves behind. */
export interface Change<C extends Container> {
  /** `undefined` when nothing changed. */
  readonly container?: C
  /** The element that answers; `undefined` for none. */
  readonly answer?: Element
}

/** A list or map operation that changes what it works on. */
export interface ModifyOperation<C extends Container> {
  readonly argumentsMin: number
  readonly argumentsMax: number
  /**
   * What it starts from when there is nothing yet. Without it, it does nothing then.
   * @throws CommandError for an operation that needs something to be there
   */
  readonly created?: (args: Arguments) => C
  readonly modify: (container: C, args: Arguments) => Change<C>
  /** A bin that is not there is one of a wrong type to it; a level of a context need not be there. */
  readonly needsBin?: true
}

/** A read that answers by return type: the first argument. */
export function readSelected<C extends Container>({
  argumentsMin,
  argumentsMax,
  select,
}: Selector): ReadOperation<C> {
  return {
    argumentsMin: argumentsMin + 1,
    argumentsMax: argumentsMax + 1,
    read(container, args) {
      const sequence = new Sequence(container)
      return resolve(select(sequence, args.after(1)), sequence, args.integer(0)).answer
    },
  }
}

/** As readSelected; what was selected is removed. */
export function removeSelected<C extends Container>(
  { argumentsMin, argumentsMax, select }: Selector,
  without: (container: C, isRemoved: (index: number) => boolean) => C,
): ModifyOperation<C> {
  return {
    argumentsMin: argumentsMin + 1,
    argumentsMax: argumentsMax + 1,
    modify(container, args) {
      const sequence = new Sequence(container)
      const { answer, indexes } = resolve(select(sequence, args.after(1)), sequence, args.integer(0))
      if (indexes.length === 0) return { answer }
      const removed = new Set(indexes)
      return { container: without(container, index => removed.has(index)), answer }
    },
  }
}

/** The answer of operations that tell how many elements there are now. */
export function sizeAnswer<C extends Container>(container: C): Change<C> {
  return { container, ...unchanged(container) }
}

/** As sizeAnswer, for an operation that its flags keep from changing anything. */
export function unchanged<C extends Container>(container: C): Change<C> {
  const { length } = container.kind === 'list' ? container.elements : container.entries
  return { answer: integerElement(length) }
}
