import { badExpression } from '../node.ts'
import { ByteSet, CLASSES } from './byte-set.ts'
import type { PatternOptions } from './pattern-parser.ts'
import type { TokenReader } from './tokens.ts'

/** Names of classes and characters are not longer. */
const NAME_CHARACTERS_MAX = 32

/** An element of a bracket: one byte, which may begin or end a range, or bytes that cannot. */
type BracketElement = { readonly byte: number } | { readonly set: ByteSet }

function malformed(): Error {
  return badExpression('pattern with a malformed bracket')
}

/** Takes a bracket, whose opening was taken, with its closing. @throws CommandError PARAMETER */
export function takeBracket(tokens: TokenReader, options: PatternOptions): ByteSet {
  const isNegated = tokens.peek() === '^'
  if (isNegated) tokens.character()
  const set = new ByteSet()
  for (let isFirst = true; isFirst || tokens.peek() !== ']'; isFirst = false) {
    takeElements(tokens, options, set, isFirst)
  }
  tokens.character()
  const chosen = isNegated ? set.inverted() : set
  if (isNegated && options.isByLine) chosen.withoutNewline()
  return options.ignoresCase ? chosen.caseless() : chosen
}

/** Adds an element, or a range between two. */
function takeElements(tokens: TokenReader, options: PatternOptions, set: ByteSet, isFirst: boolean): void {
  const first = takeElement(tokens, options, isFirst)
  const isRange = tokens.peek() === '-' && tokens.peek(1) !== ']'
  if (!isRange) {
    if ('set' in first) set.addAll(first.set)
    else set.add(first.byte)
    return
  }
  if ('set' in first) throw malformed()
  tokens.character()
  const last = takeElement(tokens, options, true)
  if ('set' in last || last.byte < first.byte) throw malformed()
  set.addRange(first.byte, last.byte)
}

/** @param mayBeHyphen whether a hyphen stands for itself here; before the closing it always does */
function takeElement(tokens: TokenReader, options: PatternOptions, mayBeHyphen: boolean): BracketElement {
  const character = tokens.character()
  if (character === '') throw malformed()
  const kind = tokens.peek()
  if (character === '[' && (kind === ':' || kind === '=' || kind === '.')) {
    tokens.character()
    return named(tokens, kind, takeName(tokens, kind), options)
  }
  if (character === '-' && !mayBeHyphen && tokens.peek() !== ']') throw malformed()
  return { byte: tokens.byteOf(character) }
}

/** The name between `[:` and `:]`, or the like. */
function takeName(tokens: TokenReader, kind: string): string {
  let name = ''
  while (tokens.peek() !== kind || tokens.peek(1) !== ']') {
    const character = tokens.character()
    if (character === '' || name.length === NAME_CHARACTERS_MAX) throw malformed()
    name += character
  }
  tokens.character()
  tokens.character()
  return name
}

function named(
  tokens: TokenReader,
  kind: string,
  name: string,
  { ignoresCase }: PatternOptions,
): BracketElement {
  if (kind === ':') {
    const set = CLASSES.get(ignoresCase && (name === 'upper' || name === 'lower') ? 'alpha' : name)
    if (set === undefined) throw malformed()
    return { set }
  }
  if (name.length !== 1) throw malformed()
  const byte = tokens.byteOf(name)
  return kind === '.' ? { byte } : { set: new ByteSet().add(byte) }
}
