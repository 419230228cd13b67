type MsgpackKind = 'text' | 'list' | 'map' | 'extension' | 'nil' | 'boolean' | 'integer' | 'double'

/** What a head byte says: the kind, and how many bytes behind it hold the value or, of a container or text, the size. */
export interface MsgpackHead {
  readonly kind: MsgpackKind
  readonly bytes: number
}

/** By head byte; undefined for the one that means nothing. */
export const MSGPACK_HEADS: readonly (MsgpackHead | undefined)[] = Array.from({ length: 256 }, (_, head) =>
  headOf(head),
)

function headOf(head: number): MsgpackHead | undefined {
  if (head <= 0x7f || head >= 0xe0) return { kind: 'integer', bytes: 0 }
  if (head <= 0x8f) return { kind: 'map', bytes: 0 }
  if (head <= 0x9f) return { kind: 'list', bytes: 0 }
  if (head <= 0xbf) return { kind: 'text', bytes: 0 }
  if (head === 0xc0) return { kind: 'nil', bytes: 0 }
  if (head === 0xc1) return undefined
  if (head <= 0xc3) return { kind: 'boolean', bytes: 0 }
  if (head <= 0xc6) return { kind: 'text', bytes: 1 << (head - 0xc4) }
  if (head <= 0xc9) return { kind: 'extension', bytes: 1 << (head - 0xc7) }
  if (head <= 0xcb) return { kind: 'double', bytes: head === 0xca ? 4 : 8 }
  if (head <= 0xcf) return { kind: 'integer', bytes: 1 << (head - 0xcc) }
  if (head <= 0xd3) return { kind: 'integer', bytes: 1 << (head - 0xd0) }
  // Extensions of a fixed size: a type and 1, 2, 4, 8 or 16 bytes.
  if (head <= 0xd8) return { kind: 'nil', bytes: 1 + (1 << (head - 0xd4)) }
  if (head <= 0xdb) return { kind: 'text', bytes: 1 << (head - 0xd9) }
  return { kind: head <= 0xdd ? 'list' : 'map', bytes: head % 2 === 0 ? 2 : 4 }
}
