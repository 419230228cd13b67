import { parseTransaction, type Transaction, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { decodePartialOutputs, type PartialOutputs } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'

/** What the external store holds of a transaction: all of it, or only outputs. */
export type ExternalBody =
  | { readonly kind: 'transaction'; readonly tx: Transaction }
  | { readonly kind: 'outputs'; readonly outputs: PartialOutputs }

/**
 * Reads the body of an external transaction and proves that it is the one asked for: a body that does not hash
 * to its name is `STORAGE_ERROR`, and so is a missing one, for the record promises it (semantics 1.8, 5.2;
 * incident #1439).
 */
export async function readExternalBody(context: StoreContext, txid: Uint8Array): Promise<ExternalBody> {
  const hex = txidToHex(txid)
  const whole = await context.external.get(hex, 'tx')
  if (whole !== undefined) {
    const tx = parsed(hex, () => parseTransaction(whole))
    if (txidToHex(tx.txid) !== hex) throw damaged(hex, `it hashes to ${txidToHex(tx.txid)}`)
    return { kind: 'transaction', tx }
  }
  const some = await context.external.get(hex, 'outputs')
  if (some === undefined) throw new StoreError('STORAGE_ERROR', `the external body of ${hex} is missing`)
  const outputs = parsed(hex, () => decodePartialOutputs(some))
  if (txidToHex(outputs.txid) !== hex) throw damaged(hex, `it holds outputs of ${txidToHex(outputs.txid)}`)
  return { kind: 'outputs', outputs }
}

function parsed<Body>(txid: string, parse: () => Body): Body {
  try {
    return parse()
  } catch (error) {
    throw damaged(txid, 'it cannot be parsed', error)
  }
}

function damaged(txid: string, why: string, cause?: unknown): StoreError {
  return new StoreError('STORAGE_ERROR', `the external body of ${txid} is damaged: ${why}`, { cause })
}
