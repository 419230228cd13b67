import { InvalidArgumentError } from '../errors/index.ts'

/** Length of a txid, as of every Bitcoin hash, in bytes. */
export const TXID_BYTES = 32

const DISPLAY_HEX = /^[0-9a-fA-F]{64}$/

/**
 * The display form of a txid: the bytes reversed, as 64 lower-case hex characters, as explorers and RPC show it.
 *
 * @param txid 32 bytes in internal order
 * @throws InvalidArgumentError when it is not 32 bytes
 */
export function txidToHex(txid: Uint8Array): string {
  displayBytes.set(requireTxid(txid))
  return displayBytes.reverse().toString('hex')
}

/** Nothing runs between its being filled and its being read. */
const displayBytes = Buffer.alloc(TXID_BYTES)

/**
 * The 32 bytes in internal order of a txid in display form.
 *
 * @param hex 64 hex characters in either case
 * @param field what a refusal calls the argument
 * @throws InvalidArgumentError when it is anything else
 */
export function txidFromHex(hex: string, field = 'txid'): Uint8Array {
  if (typeof hex !== 'string' || !DISPLAY_HEX.test(hex)) {
    throw new InvalidArgumentError(field, '64 hex characters (display order)', hex)
  }
  return new Uint8Array(Buffer.from(hex, 'hex').reverse())
}

/**
 * Takes a txid in either public form: 32 bytes in internal order, or 64 hex characters in display order. The
 * bytes are copied, so that the caller may use its buffer again.
 *
 * @throws InvalidArgumentError naming `field` when it is neither
 */
export function toTxid(value: Uint8Array | string, field = 'txid'): Uint8Array {
  // Not by `slice`: that of a Buffer is a view.
  return typeof value === 'string' ? txidFromHex(value, field) : new Uint8Array(requireTxid(value, field))
}

/**
 * A string that is equal for equal txids, for keys of a Map. It holds the 32 bytes as they are: compact, quick to
 * make, and not for people; show {@link txidToHex} instead.
 */
export function txidKey(txid: Uint8Array): string {
  if (txid.length !== TXID_BYTES) return Buffer.from(txid).toString('latin1')
  // Without touching `txid.buffer`: where an array this small lies on the heap, that would give it memory elsewhere.
  keyBytes.set(txid)
  return keyBytes.toString('latin1')
}

/** Nothing runs between its being filled and its being read. */
const keyBytes = Buffer.alloc(TXID_BYTES)

/** Refuses anything but 32 bytes, and returns them. */
export function requireTxid(value: Uint8Array, field = 'txid'): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== TXID_BYTES) {
    throw new InvalidArgumentError(field, '32 bytes (internal order)', value)
  }
  return value
}

/** Whether the 32 bytes are all zero, as the previous txid of a coinbase is. */
export function isZeroTxid(txid: Uint8Array): boolean {
  return txid.length === TXID_BYTES && txid.every(byte => byte === 0)
}
