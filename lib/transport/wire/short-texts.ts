const SLOTS = 1024
/** Longer texts are seldom repeated. */
const BYTES_MAX = 24

/**
 * Names and short texts that come again and again, each decoded once: a string from bytes costs several times
 * what it costs to see that they are those of the last one in its slot. Bounded: one text for each slot.
 */
export class ShortTexts {
  readonly #texts = new Array<string>(SLOTS).fill('')

  /** The text of UTF-8 bytes. */
  text(bytes: Buffer, start: number, end: number): string {
    const length = end - start
    if (length > BYTES_MAX) return bytes.toString('utf8', start, end)
    let hash = length
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0
    const slot = (hash ^ (hash >>> 10)) & (SLOTS - 1)
    const known = this.#texts[slot] ?? ''
    if (known.length === length && isSame(known, bytes, start)) return known
    const text = bytes.toString('utf8', start, end)
    this.#texts[slot] = text
    return text
  }
}

/** Only of ASCII texts: in others a character stands for several bytes, so that their lengths differ. */
function isSame(text: string, bytes: Buffer, start: number): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) !== bytes[start + at]) return false
  return true
}
