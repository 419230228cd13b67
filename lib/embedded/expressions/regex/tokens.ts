import { badExpression } from '../node.ts'
import { upperCase } from './byte-set.ts'
import { ASSERTIONS } from './syntax-tree.ts'

/** What a pattern is made of; the same in both syntaxes, but written differently. */
export type Token =
  | { readonly kind: 'byte'; readonly byte: number }
  | { readonly kind: 'assertion'; readonly assertion: number }
  | { readonly kind: 'class'; readonly name: 'w' | 'W' | 's' | 'S' }
  | { readonly kind: 'back reference'; readonly group: number }
  | { readonly kind: 'any' | 'bracket' | 'open' | 'close' | 'or' | 'end' }
  | { readonly kind: 'star' | 'plus' | 'question' | 'braceOpen' | 'braceClose'; readonly byte: number }

export type TokenKind = Token['kind']

/** Characters that are operators, each to what it stands for. */
type OperatorTable = ReadonlyMap<
  string,
  'open' | 'close' | 'or' | 'plus' | 'question' | 'braceOpen' | 'braceClose'
>

const WRITTEN_PLAINLY_OR_ESCAPED: OperatorTable = new Map([
  ['(', 'open'],
  [')', 'close'],
  ['|', 'or'],
  ['+', 'plus'],
  ['?', 'question'],
  ['{', 'braceOpen'],
  ['}', 'braceClose'],
])

/** Escapes that GNU adds in both syntaxes. */
const ESCAPED_ASSERTIONS: ReadonlyMap<string, number> = new Map([
  ['<', ASSERTIONS.WORD_START],
  ['>', ASSERTIONS.WORD_END],
  ['b', ASSERTIONS.WORD_BOUNDARY],
  ['B', ASSERTIONS.NO_WORD_BOUNDARY],
  ['`', ASSERTIONS.TEXT_START],
  ["'", ASSERTIONS.TEXT_END],
])

const END: Token = { kind: 'end' }

/** Takes a pattern apart. Extended patterns write operators plainly, basic ones behind a backslash. */
export class TokenReader {
  readonly #pattern: string
  readonly #isExtended: boolean
  readonly #ignoresCase: boolean
  /** Offset of what comes next. */
  offset = 0

  constructor(pattern: string, isExtended: boolean, ignoresCase: boolean) {
    this.#pattern = pattern
    this.#isExtended = isExtended
    this.#ignoresCase = ignoresCase
  }

  /**
   * The next token.
   *
   * @param mayAnchor whether a circumflex is an anchor here also in a basic pattern
   * @throws CommandError PARAMETER for a backslash at the end
   */
  next(mayAnchor: boolean): Token {
    const character = this.#pattern[this.offset]
    if (character === undefined) return END
    this.offset++
    switch (character) {
      case '\\':
        return this.#escaped()
      case '*':
        return { kind: 'star', byte: character.charCodeAt(0) }
      case '.':
        return { kind: 'any' }
      case '[':
        return { kind: 'bracket' }
      case '^':
        if (this.#isExtended || mayAnchor) return { kind: 'assertion', assertion: ASSERTIONS.LINE_START }
        break
      case '$':
        if (this.#isExtended || this.#isBeforeEnd()) {
          return { kind: 'assertion', assertion: ASSERTIONS.LINE_END }
        }
        break
      default:
        if (this.#isExtended && WRITTEN_PLAINLY_OR_ESCAPED.has(character)) return operatorToken(character)
    }
    return { kind: 'byte', byte: this.byteOf(character) }
  }

  /** The next character, whatever it means; empty at the end. */
  character(): string {
    return this.#pattern[this.offset++] ?? ''
  }

  /**
   * The byte that a character of the pattern stands for. Where case does not count the C library makes it upper
   * case, as it does the text, but not behind a backslash: there a lower-case letter matches nothing.
   */
  byteOf(character: string): number {
    const byte = character.charCodeAt(0)
    return this.#ignoresCase ? upperCase(byte) : byte
  }

  peek(behind = 0): string {
    return this.#pattern[this.offset + behind] ?? ''
  }

  #escaped(): Token {
    const character = this.character()
    if (character === '') throw badExpression('pattern ends in a backslash')
    const assertion = ESCAPED_ASSERTIONS.get(character)
    if (assertion !== undefined) return { kind: 'assertion', assertion }
    if (character === 'w' || character === 'W' || character === 's' || character === 'S') {
      return { kind: 'class', name: character }
    }
    if (character >= '1' && character <= '9') return { kind: 'back reference', group: Number(character) }
    return this.#isExtended ? { kind: 'byte', byte: character.charCodeAt(0) } : operatorToken(character)
  }

  /** Whether a dollar of a basic pattern stands before the end of the pattern, a group or an alternative. */
  #isBeforeEnd(): boolean {
    const next = this.peek()
    return next === '' || (next === '\\' && (this.peek(1) === ')' || this.peek(1) === '|'))
  }
}

/** An operator, or a byte that is none. */
function operatorToken(character: string): Token {
  const kind = WRITTEN_PLAINLY_OR_ESCAPED.get(character)
  const byte = character.charCodeAt(0)
  return kind === undefined ? { kind: 'byte', byte } : { kind, byte }
}
