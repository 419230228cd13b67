import { InvalidArgumentError } from '../errors/index.ts'
import { requireTxid, txidFromHex, txidKey, txidToHex } from './txid.ts'
import { requireUint32 } from './unsigned.ts'

/** One output of one transaction. */
export interface Outpoint {
  /** 32 bytes, internal order. */
  readonly txid: Uint8Array
  /** The output's index in its transaction, from 0. */
  readonly vout: number
}

/** `<txid in display hex>:<vout>`, the form people read. */
export function outpointToString({ txid, vout }: Outpoint): string {
  return `${txidToHex(txid)}:${vout}`
}

/**
 * Reads the form of {@link outpointToString}.
 *
 * @throws InvalidArgumentError when it is anything else
 */
export function parseOutpoint(text: string): Outpoint {
  const parts = typeof text === 'string' ? /^([0-9a-fA-F]{64}):(\d{1,10})$/.exec(text) : null
  const [, txid, vout] = parts ?? []
  if (txid === undefined || vout === undefined) {
    throw new InvalidArgumentError('outpoint', 'a txid in display hex, a colon and an output index', text)
  }
  return { txid: txidFromHex(txid), vout: requireUint32(Number(vout), 'outpoint index') }
}

/**
 * A string that is equal for equal outpoints, for keys of a Map. Compact, quick to make, and not for people;
 * show {@link outpointToString} instead.
 */
export function outpointKey(txid: Uint8Array, vout: number): string {
  return txidKey(requireTxid(txid)) + vout
}
