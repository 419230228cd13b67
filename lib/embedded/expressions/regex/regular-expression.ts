import { Machine } from './machine.ts'
import { PatternParser } from './pattern-parser.ts'
import { compileProgram } from './program.ts'

/** Flags of a pattern: those of regcomp in the GNU C library, which travel as they are (protocol 9.2). */
export const REGEX_FLAGS = { EXTENDED: 1, IGNORE_CASE: 2, NEWLINE: 4 } as const

/**
 * A POSIX regular expression, basic or extended, over bytes in the locale "C" as a real server has it. What a
 * match costs grows with the length of the pattern times that of the text, never faster. Back references are refused.
 */
export class RegularExpression {
  readonly #machine: Machine
  /** What it was compiled to: its size, and the most steps that a byte can take. */
  readonly instructions: number

  /**
   * @param pattern one character per byte
   * @throws CommandError PARAMETER for a bad pattern, UNSUPPORTED_FEATURE for one with back references
   */
  constructor(pattern: string, flags: number) {
    const isByLine = (flags & REGEX_FLAGS.NEWLINE) !== 0
    const options = {
      isExtended: (flags & REGEX_FLAGS.EXTENDED) !== 0,
      ignoresCase: (flags & REGEX_FLAGS.IGNORE_CASE) !== 0,
      isByLine,
    }
    const program = compileProgram(new PatternParser(pattern, options).parse())
    this.instructions = program.length
    this.#machine = new Machine(program, isByLine)
  }

  /**
   * Whether a text matches anywhere.
   *
   * @param spend called with the steps that each byte of the text takes; what it throws ends the match
   */
  test(text: Buffer, spend: (steps: number) => void): boolean {
    return this.#machine.test(text, spend)
  }
}
