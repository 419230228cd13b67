import {
  ParseError,
  PieceReader,
  parseTransaction,
  readInput,
  readTransactionHead,
  type Transaction,
  type TransactionInput,
  txidToHex,
} from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import {
  decodePartialOutputs,
  type Field,
  type PartialOutputs,
  type TransactionMetadata,
  txInpointsOf,
} from '../../../record/index.ts'
import type { ProvenBlob } from '../../bodies/external-caches.ts'
import { PackedOutputs } from '../../bodies/packed-outputs.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError } from '../../store-errors.ts'

/** What the external store holds of a transaction: all of it, or only outputs. */
export type ExternalBody =
  | { readonly kind: 'transaction'; readonly tx: Transaction }
  | { readonly kind: 'outputs'; readonly outputs: PartialOutputs }

/** Which output an input spends. */
export type InputReference = Pick<TransactionInput, 'previousTxid' | 'previousVout'>

/**
 * Reads the body of an external transaction and proves that it is the one asked for: a body that does not hash
 * to its name is `STORAGE_ERROR`, and so is a missing one, for the record promises it (semantics 1.8, 5.2;
 * incident #1439). What it returns is the caller's own.
 */
export async function readExternalBody(context: StoreContext, txid: Uint8Array): Promise<ExternalBody> {
  const hex = txidToHex(txid)
  const { externalCaches } = context
  if (externalCaches === undefined) return (await fetchBody(context, hex)).body
  const { type, bytes } = await externalCaches.bodies.get(
    hex,
    async () => (await fetchBody(context, hex)).blob,
  )
  // Parsed anew from a copy: a caller that writes into its scripts must not change those of the next one.
  return parseBody(hex, { type, bytes: new Uint8Array(bytes) })
}

/** The outputs of an external transaction, for those who spend them; as proven as `readExternalBody`. */
export async function readExternalOutputs(context: StoreContext, txid: Uint8Array): Promise<PackedOutputs> {
  const hex = txidToHex(txid)
  const fetch = async (): Promise<PackedOutputs> => {
    const { body } = await fetchBody(context, hex)
    return new PackedOutputs(outputsOf(body))
  }
  return context.externalCaches === undefined ? fetch() : context.externalCaches.outputs.get(hex, fetch)
}

/**
 * The outputs that an external transaction spends. No more of its body is fetched than its inputs, so that nothing
 * proves them: who decides about money by them reads the whole body. A partial transaction has none.
 */
export async function readExternalInputs(
  context: StoreContext,
  txid: Uint8Array,
  signal?: AbortSignal,
): Promise<readonly InputReference[]> {
  const hex = txidToHex(txid)
  return inPlace(context, signal, async () => {
    const reader = new PieceReader(context.external.stream(hex, 'tx', { signal }))
    try {
      if (await reader.fill(1)) return await readInputs(reader)
    } catch (error) {
      // That it could not be read says nothing about it.
      if (error instanceof StoreError && !(error instanceof ParseError)) throw error
      throw damaged(hex, 'its inputs cannot be parsed', error)
    } finally {
      await reader.close()
    }
    for await (const _ of context.external.stream(hex, 'outputs', { signal })) return []
    throw missing(hex)
  })
}

/** The fields of an external transaction that are kept in its body, with no more of it read than they take. */
export async function externalFields(
  context: StoreContext,
  txid: Uint8Array,
  fields: readonly Field[],
  signal?: AbortSignal,
): Promise<TransactionMetadata> {
  const wantsWhole = fields.some(field => field === 'tx' || field === 'inputs' || field === 'outputs')
  if (!wantsWhole) {
    return { txInpoints: txInpointsOf(await readExternalInputs(context, txid, signal)) }
  }
  const body = await readExternalBody(context, txid)
  const tx = body.kind === 'transaction' ? body.tx : undefined
  const inputs = tx?.inputs ?? []
  return {
    ...(fields.includes('tx') && tx !== undefined ? { tx } : {}),
    ...(fields.includes('inputs') ? { inputs } : {}),
    ...(fields.includes('outputs') ? { outputs: outputsOf(body) } : {}),
    ...(fields.includes('txInpoints') ? { txInpoints: txInpointsOf(inputs) } : {}),
  }
}

async function readInputs(reader: PieceReader): Promise<InputReference[]> {
  const { isExtended, inputCount } = await reader.read(readTransactionHead)
  const inputs: InputReference[] = []
  while (inputs.length < inputCount) {
    const { previousTxid, previousVout } = await reader.read(fields => readInput(fields, isExtended))
    inputs.push({ previousTxid: previousTxid.slice(), previousVout })
  }
  return inputs
}

/** Fetches and proves a body: the transaction, or where there is none, its outputs. */
async function fetchBody(
  context: StoreContext,
  txid: string,
): Promise<{ body: ExternalBody; blob: ProvenBlob }> {
  return inPlace(context, undefined, async () => {
    for (const type of ['tx', 'outputs'] as const) {
      const bytes = await context.external.get(txid, type)
      if (bytes === undefined) continue
      const body = parseBody(txid, { type, bytes })
      const found = txidToHex(body.kind === 'transaction' ? body.tx.txid : body.outputs.txid)
      if (found !== txid) {
        throw damaged(txid, type === 'tx' ? `it hashes to ${found}` : `it holds outputs of ${found}`)
      }
      return { body, blob: { type, bytes } }
    }
    throw missing(txid)
  })
}

function inPlace<Result>(
  context: StoreContext,
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  return context.externalReads.withPermit({ waitMs: context.waitMs, signal }, work)
}

function parseBody(txid: string, { type, bytes }: ProvenBlob): ExternalBody {
  try {
    return type === 'tx'
      ? { kind: 'transaction', tx: parseTransaction(bytes) }
      : { kind: 'outputs', outputs: decodePartialOutputs(bytes) }
  } catch (error) {
    throw damaged(txid, 'it cannot be parsed', error)
  }
}

function outputsOf(body: ExternalBody): PartialOutputs['outputs'] {
  return body.kind === 'transaction' ? body.tx.outputs : body.outputs.outputs
}

function missing(txid: string): StoreError {
  return new StoreError('STORAGE_ERROR', `the external body of ${txid} is missing`)
}

function damaged(txid: string, why: string, cause?: unknown): StoreError {
  return new StoreError('STORAGE_ERROR', `the external body of ${txid} is damaged: ${why}`, {
    cause: cause === undefined ? undefined : asStoreError(cause, why),
  })
}
