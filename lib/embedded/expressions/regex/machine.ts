import { type ByteSet, WORD } from './byte-set.ts'
import type { Instruction } from './program.ts'
import { ASSERTIONS } from './syntax-tree.ts'

const NEWLINE = 0x0a
/** Before and behind a text, where bytes would be. */
const NO_BYTE = -1

/** Kinds of instructions, as numbers. */
const KINDS = { TAKE: 0, ASSERT: 1, SPLIT: 2, JUMP: 3, MATCH: 4 } as const

/**
 * Runs a program over texts, all ways through it at once: no pattern makes it go back in a text. The program is
 * kept in arrays of numbers, since this is where the time of a match goes.
 */
export class Machine {
  readonly #isByLine: boolean
  /** By instruction: one of KINDS, and what that needs. */
  readonly #kinds: Uint8Array
  readonly #firsts: Uint32Array
  readonly #seconds: Uint32Array
  readonly #sets: readonly (ByteSet | undefined)[]
  /** By instruction: the step in which it was reached last. */
  readonly #reached: Uint32Array
  #step = 0
  /** Instructions that take the next byte, and how many. */
  #takers: Uint32Array
  #takerCount = 0
  #spareTakers: Uint32Array
  /** Instructions yet to be followed without taking a byte. */
  readonly #pending: Uint32Array

  constructor(program: readonly Instruction[], isByLine: boolean) {
    this.#isByLine = isByLine
    this.#kinds = Uint8Array.from(program, kindOf)
    this.#firsts = Uint32Array.from(program, firstOf)
    this.#seconds = Uint32Array.from(program, instruction =>
      instruction.kind === 'split' ? instruction.second : 0,
    )
    this.#sets = program.map(instruction => (instruction.kind === 'take' ? instruction.set : undefined))
    this.#reached = new Uint32Array(program.length)
    this.#takers = new Uint32Array(program.length)
    this.#spareTakers = new Uint32Array(program.length)
    this.#pending = new Uint32Array(2 * program.length + 1)
  }

  /** Whether a text matches anywhere. @param spend see RegularExpression.test */
  test(text: Buffer, spend: (steps: number) => void): boolean {
    this.#startOver()
    for (let at = 0; at <= text.length; at++) {
      if (this.#enter(0, text, at)) return true
      const byte = text[at]
      if (byte === undefined) return false
      spend(this.#takerCount)
      if (this.#take(byte, text, at + 1)) return true
    }
    return false
  }

  #startOver(): void {
    this.#reached.fill(0)
    this.#step = 1
    this.#takerCount = 0
  }

  /** Goes on behind a byte with every instruction that takes it. @returns whether that is a match */
  #take(byte: number, text: Buffer, at: number): boolean {
    const takers = this.#takers
    const count = this.#takerCount
    this.#takers = this.#spareTakers
    this.#spareTakers = takers
    this.#takerCount = 0
    this.#step++
    for (let position = 0; position < count; position++) {
      const index = takers[position] ?? 0
      if (this.#sets[index]?.has(byte) === true && this.#enter(index + 1, text, at)) return true
    }
    return false
  }

  /** Follows everything that takes no byte from an instruction on. @returns whether that is a match */
  #enter(start: number, text: Buffer, at: number): boolean {
    const pending = this.#pending
    let left = 1
    pending[0] = start
    while (left > 0) {
      const index = pending[--left] ?? 0
      if (this.#reached[index] === this.#step) continue
      this.#reached[index] = this.#step
      switch (this.#kinds[index]) {
        case KINDS.TAKE:
          this.#takers[this.#takerCount++] = index
          break
        case KINDS.MATCH:
          return true
        case KINDS.SPLIT:
          pending[left++] = this.#seconds[index] ?? 0
          pending[left++] = this.#firsts[index] ?? 0
          break
        case KINDS.JUMP:
          pending[left++] = this.#firsts[index] ?? 0
          break
        default:
          if (this.#holds(this.#firsts[index] ?? 0, text, at)) pending[left++] = index + 1
      }
    }
    return false
  }

  #holds(assertion: number, text: Buffer, at: number): boolean {
    const before = text[at - 1] ?? NO_BYTE
    const after = text[at] ?? NO_BYTE
    const isWordBefore = before !== NO_BYTE && WORD.has(before)
    const isWordAfter = after !== NO_BYTE && WORD.has(after)
    switch (assertion) {
      case ASSERTIONS.TEXT_START:
        return before === NO_BYTE
      case ASSERTIONS.TEXT_END:
        return after === NO_BYTE
      case ASSERTIONS.LINE_START:
        return before === NO_BYTE || (this.#isByLine && before === NEWLINE)
      case ASSERTIONS.LINE_END:
        return after === NO_BYTE || (this.#isByLine && after === NEWLINE)
      case ASSERTIONS.WORD_START:
        return !isWordBefore && isWordAfter
      case ASSERTIONS.WORD_END:
        return isWordBefore && !isWordAfter
      case ASSERTIONS.WORD_BOUNDARY:
        return isWordBefore !== isWordAfter
      default:
        return isWordBefore === isWordAfter
    }
  }
}

function kindOf({ kind }: Instruction): number {
  switch (kind) {
    case 'take':
      return KINDS.TAKE
    case 'assert':
      return KINDS.ASSERT
    case 'split':
      return KINDS.SPLIT
    case 'jump':
      return KINDS.JUMP
    default:
      return KINDS.MATCH
  }
}

/** The first number that an instruction needs. */
function firstOf(instruction: Instruction): number {
  switch (instruction.kind) {
    case 'assert':
      return instruction.assertion
    case 'split':
      return instruction.first
    case 'jump':
      return instruction.target
    default:
      return 0
  }
}
