import { requireTxid, setUint32, TXID_BYTES, txidFromHex } from '../bitcoin/index.ts'
import { describe, InvalidArgumentError, StoreError } from '../errors/index.ts'

/** Who spends an output. */
export interface SpendingData {
  /** The spending transaction: 32 bytes, internal order. */
  readonly txid: Uint8Array
  /** The index of its input. */
  readonly vin: number
}

/** Stored form: the spender's txid (32, internal order), then vin as uint32 little-endian (semantics 1.4). */
export const SPENDING_DATA_BYTES = TXID_BYTES + 4

/** Spending data of 36 × FF: the output is frozen by policy, not spent. */
export const FROZEN_SENTINEL: Uint8Array = new Uint8Array(SPENDING_DATA_BYTES).fill(0xff)

export function encodeSpendingData({ txid, vin }: SpendingData): Uint8Array {
  const bytes = new Uint8Array(SPENDING_DATA_BYTES)
  bytes.set(requireTxid(txid))
  if (!Number.isSafeInteger(vin) || vin < 0 || vin > 0xffff_ffff) {
    throw new InvalidArgumentError('vin', 'a whole number from 0 to 4294967295', vin)
  }
  setUint32(bytes, TXID_BYTES, vin)
  return bytes
}

/** Throws `STORAGE_ERROR` for anything but 36 bytes. */
export function decodeSpendingData(bytes: Uint8Array): SpendingData {
  if (!(bytes instanceof Uint8Array) || bytes.length !== SPENDING_DATA_BYTES) {
    throw new StoreError('STORAGE_ERROR', `spending data must be ${SPENDING_DATA_BYTES} bytes`)
  }
  const vin = new DataView(bytes.buffer, bytes.byteOffset + TXID_BYTES, 4).getUint32(0, true)
  return { txid: new Uint8Array(bytes.subarray(0, TXID_BYTES)), vin }
}

/**
 * Reads the text form of the UDF's error maps: 64 characters display hex of the spender, then 8 characters of
 * the four vin bytes as stored, so that vin 7 is `07000000`. Throws `STORAGE_ERROR` for anything else.
 */
export function parseSpendingDataText(text: string): SpendingData {
  if (typeof text !== 'string' || !/^[0-9a-fA-F]{72}$/.test(text)) {
    throw new StoreError(
      'STORAGE_ERROR',
      `spending data as text must be 72 hex characters, got ${describe(text)}`,
    )
  }
  return { txid: txidFromHex(text.slice(0, 64)), vin: Buffer.from(text.slice(64), 'hex').readUInt32LE() }
}

export function isFrozenSentinel(spendingData: Uint8Array): boolean {
  return spendingData.length === SPENDING_DATA_BYTES && spendingData.every(byte => byte === 0xff)
}
