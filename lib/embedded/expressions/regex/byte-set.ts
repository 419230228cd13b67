const BYTES = 256
const NEWLINE = 0x0a
const CASE_BIT = 0x20
const LOWER_A = 0x61
const LOWER_Z = 0x7a

/** An ASCII letter in upper case, any other byte as it is. */
export function upperCase(byte: number): number {
  return byte >= LOWER_A && byte <= LOWER_Z ? byte - CASE_BIT : byte
}

/** A set of bytes. */
export class ByteSet {
  readonly #bytes = new Uint8Array(BYTES)

  has(byte: number): boolean {
    return this.#bytes[byte] === 1
  }

  add(byte: number): this {
    this.#bytes[byte] = 1
    return this
  }

  addRange(first: number, last: number): this {
    this.#bytes.fill(1, first, last + 1)
    return this
  }

  addAll(other: ByteSet): this {
    for (let byte = 0; byte < BYTES; byte++) if (other.has(byte)) this.add(byte)
    return this
  }

  remove(byte: number): this {
    this.#bytes[byte] = 0
    return this
  }

  /** The set for text that counts as upper case, by which letters of either case are matched. */
  caseless(): ByteSet {
    const folded = new ByteSet()
    for (let byte = 0; byte < BYTES; byte++) if (this.has(upperCase(byte))) folded.add(byte)
    return folded
  }

  inverted(): ByteSet {
    const others = new ByteSet()
    for (let byte = 0; byte < BYTES; byte++) if (!this.has(byte)) others.add(byte)
    return others
  }

  withoutNewline(): this {
    return this.remove(NEWLINE)
  }
}

/** Bytes from the first to the last of each pair of characters. */
function ranges(...pairs: string[]): ByteSet {
  const set = new ByteSet()
  for (const pair of pairs) set.addRange(pair.charCodeAt(0), pair.charCodeAt(pair.length - 1))
  return set
}

/** The classes of POSIX in its locale "C", where only ASCII counts. */
export const CLASSES: ReadonlyMap<string, ByteSet> = new Map([
  ['alpha', ranges('az', 'AZ')],
  ['digit', ranges('09')],
  ['alnum', ranges('az', 'AZ', '09')],
  ['upper', ranges('AZ')],
  ['lower', ranges('az')],
  ['space', ranges('\t\r', ' ')],
  ['blank', ranges('\t', ' ')],
  ['punct', ranges('!/', ':@', '[`', '{~')],
  ['print', ranges(' ~')],
  ['graph', ranges('!~')],
  ['cntrl', ranges('\0\x1f', '\x7f')],
  ['xdigit', ranges('09', 'af', 'AF')],
])

export const WORD = ranges('az', 'AZ', '09', '_')
export const SPACE = ranges('\t\r', ' ')
export const ANY = new ByteSet().inverted()
export const ANY_BUT_NEWLINE = new ByteSet().inverted().withoutNewline()
