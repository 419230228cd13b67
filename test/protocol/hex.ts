/** Bytes from hex digits, which may be spaced and broken into lines. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits.replace(/\s+/g, ''), 'hex')
}
