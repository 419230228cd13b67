import { ParseError } from './parse-error.ts'

/** Decodes hex text in either case, with white space anywhere between digits; throws for anything else in it. */
export class HexDecoder {
  /** Characters that have come, for offsets. */
  #characters = 0
  #digits = 0
  /** The first digit of a byte whose second has not come yet. */
  #half = ''

  /** The bytes of a piece of the text, which may begin and end between the digits of a byte. */
  decode(piece: Uint8Array): Uint8Array {
    const text = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1')
    const stranger = /[^0-9a-fA-F\s]/.exec(text)
    if (stranger !== null) {
      const offset = this.#characters + stranger.index
      throw new ParseError('hex text', offset, `holds ${JSON.stringify(stranger[0])}`)
    }
    const piecesDigits = text.replace(/\s+/g, '')
    const digits = this.#half + piecesDigits
    const whole = digits.length - (digits.length % 2)
    this.#characters += text.length
    this.#digits += piecesDigits.length
    this.#half = digits.slice(whole)
    return new Uint8Array(Buffer.from(digits.slice(0, whole), 'hex'))
  }

  /** To be called when all pieces are decoded. */
  finish(): void {
    if (this.#half === '') return
    throw new ParseError('hex text', this.#characters, `ends after an odd number of digits (${this.#digits})`)
  }
}

/** Decodes hex text that comes in pieces. */
export async function* decodeHexPieces(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new HexDecoder()
  for await (const piece of pieces) yield decoder.decode(piece)
  decoder.finish()
}

/** A raw header has zero bytes in the hash of its predecessor, which proof of work puts there; text has none. */
export function looksLikeHex(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
  return /^[0-9a-fA-F\s]+$/.test(text)
}
