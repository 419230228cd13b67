import { RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import { badExpression } from '../node.ts'
import { takeBracket } from './bracket.ts'
import { ANY, ANY_BUT_NEWLINE, ByteSet, SPACE, WORD } from './byte-set.ts'
import { EMPTY_PATTERN, type Pattern } from './syntax-tree.ts'
import { type Token, type TokenKind, TokenReader } from './tokens.ts'

export interface PatternOptions {
  readonly isExtended: boolean
  readonly ignoresCase: boolean
  /** Lines are matched one by one: neither `.` nor a negated bracket matches the end of one. */
  readonly isByLine: boolean
}

/** POSIX allows no more (RE_DUP_MAX of the GNU C library). */
const REPEAT_MAX = 0x7fff
/** Groups within groups, and repeats of repeats: each is a call while a pattern is parsed and compiled. */
const NESTING_MAX = 200

const REPEATS: ReadonlySet<TokenKind> = new Set<TokenKind>(['star', 'plus', 'question', 'braceOpen'])

/** Parses a POSIX pattern as the GNU C library does, whose regcomp a real server uses. */
export class PatternParser {
  readonly #tokens: TokenReader
  readonly #options: PatternOptions
  #token: Token
  #depth = 0
  #groupsBegun = 0
  readonly #groupsClosed = new Set<number>()

  constructor(pattern: string, options: PatternOptions) {
    this.#tokens = new TokenReader(pattern, options.isExtended, options.ignoresCase)
    this.#options = options
    this.#token = this.#tokens.next(true)
  }

  /** @throws CommandError PARAMETER for a bad pattern, UNSUPPORTED_FEATURE for back references */
  parse(): Pattern {
    const pattern = this.#alternatives()
    if (this.#token.kind !== 'end') throw badExpression('pattern with a group too many closed')
    return pattern
  }

  #advance(mayAnchor = false): void {
    this.#token = this.#tokens.next(mayAnchor)
  }

  #alternatives(): Pattern {
    const first = this.#sequence()
    if (this.#token.kind !== 'or') return first
    const parts = [first]
    while (this.#token.kind === 'or') {
      this.#advance(true)
      parts.push(this.#sequence())
    }
    return { kind: 'alternatives', parts }
  }

  #sequence(): Pattern {
    const parts: Pattern[] = []
    while (this.#token.kind !== 'end' && this.#token.kind !== 'or' && !this.#endsGroup()) {
      parts.push(this.#part())
    }
    const [only] = parts
    return only !== undefined && parts.length === 1 ? only : { kind: 'sequence', parts }
  }

  /** Outside of any group, an extended pattern takes a closing parenthesis for itself. */
  #endsGroup(): boolean {
    return this.#token.kind === 'close' && (this.#depth > 0 || !this.#options.isExtended)
  }

  #part(): Pattern {
    const token = this.#token
    if (token.kind === 'assertion') {
      // A repeat behind an anchor has nothing to repeat: it is looked at as at the start of a pattern.
      this.#advance()
      return token
    }
    const atom = this.#atom(token)
    this.#advance()
    return this.#repeated(atom)
  }

  /** What the current token begins; the last token of it stays the current one. */
  #atom(token: Token): Pattern {
    switch (token.kind) {
      case 'any':
        return this.#set(this.#options.isByLine ? ANY_BUT_NEWLINE : ANY)
      case 'bracket':
        return { kind: 'set', set: takeBracket(this.#tokens, this.#options) }
      case 'class':
        return this.#set(classSet(token.name))
      case 'open':
        return this.#group()
      case 'back reference':
        return this.#backReference(token.group)
      case 'close':
        return this.#set(new ByteSet().add(0x29))
      case 'byte':
      case 'braceClose':
        return this.#set(new ByteSet().add(token.byte))
      case 'star':
      case 'plus':
      case 'question':
        if (this.#options.isExtended) throw badExpression('pattern that repeats nothing')
        return this.#set(new ByteSet().add(token.byte))
      default:
        throw badExpression('pattern that repeats nothing')
    }
  }

  #set(set: ByteSet): Pattern {
    return { kind: 'set', set: this.#options.ignoresCase ? set.caseless() : set }
  }

  #group(): Pattern {
    if (++this.#depth > NESTING_MAX) throw badExpression('pattern with groups too deep')
    const group = ++this.#groupsBegun
    this.#advance(true)
    const pattern = this.#token.kind === 'close' ? EMPTY_PATTERN : this.#alternatives()
    if (this.#token.kind !== 'close') throw badExpression('pattern with a group that is not closed')
    this.#depth--
    this.#groupsClosed.add(group)
    return pattern
  }

  /** Matching them takes time that grows beyond all bounds with the text. */
  #backReference(group: number): never {
    if (!this.#groupsClosed.has(group)) throw badExpression(`pattern that refers to group ${group}`)
    throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'back references are not supported')
  }

  #repeated(atom: Pattern): Pattern {
    let pattern = atom
    for (let repeats = 1; REPEATS.has(this.#token.kind); repeats++) {
      if (repeats > NESTING_MAX) throw badExpression('pattern with too many repeats of one part')
      const [min, max] = this.#repeatBounds()
      pattern = max === 0 ? EMPTY_PATTERN : { kind: 'repeat', part: pattern, min, max }
      this.#advance()
      const isAgain = this.#token.kind === 'star' || this.#token.kind === 'braceOpen'
      if (!this.#options.isExtended && isAgain) throw badExpression('pattern that repeats a repeat')
    }
    return pattern
  }

  /** The bounds that the current token gives, with all that belongs to it. */
  #repeatBounds(): readonly [min: number, max: number] {
    switch (this.#token.kind) {
      case 'star':
        return [0, Number.POSITIVE_INFINITY]
      case 'plus':
        return [1, Number.POSITIVE_INFINITY]
      case 'question':
        return [0, 1]
      default:
        return this.#interval()
    }
  }

  #interval(): readonly [min: number, max: number] {
    const min = this.#number()
    const isRange = this.#tokens.peek() === ','
    if (min === undefined && !isRange) throw badExpression('pattern with an interval of nothing')
    if (isRange) this.#tokens.character()
    const max = isRange ? (this.#number() ?? Number.POSITIVE_INFINITY) : (min ?? 0)
    this.#advance()
    const least = min ?? 0
    const highest = max === Number.POSITIVE_INFINITY ? least : max
    if (this.#token.kind !== 'braceClose' || least > max || highest > REPEAT_MAX) {
      throw badExpression('pattern with a bad interval')
    }
    return [least, max]
  }

  #number(): number | undefined {
    let digits = ''
    while (this.#tokens.peek() >= '0' && this.#tokens.peek() <= '9') digits += this.#tokens.character()
    return digits === '' ? undefined : Number(digits)
  }
}

function classSet(name: 'w' | 'W' | 's' | 'S'): ByteSet {
  const set = name === 'w' || name === 'W' ? WORD : SPACE
  return name === 'w' || name === 's' ? set : set.inverted()
}
