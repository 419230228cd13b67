import { createHash } from 'node:crypto'
import { TXID_BYTES, txidToHex } from '../../../bitcoin/index.ts'
import { describe, StoreError } from '../../../errors/index.ts'
import { type Bins, RESULT_CODES } from '../../../transport/index.ts'
import { setBeside } from '../../context/set-beside.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { missingAnswerError, rowError } from '../../store-errors.ts'

/**
 * What conflict processing was about to do: written before it changes anything and removed when it is done, so
 * that an interrupted one can be brought to its end (semantics 1.14, incident #861). The records are those of
 * the reference system, in the set `<set>_conflictwal`.
 */
export interface ConflictIntent {
  /** 32 bytes, the same for the same work. */
  readonly id: Uint8Array
  /** `forward` makes the transactions win; `reverse`, which only the reference writes, takes that back. */
  readonly kind: 'forward' | 'reverse'
  readonly blockHeight: number
  /** 32 bytes, internal order. */
  readonly blockHash: Uint8Array
  /** 32 bytes each, internal order. */
  readonly txids: readonly Uint8Array[]
  /** Unix nanoseconds. */
  readonly startedAt: bigint
}

const BIN = {
  kind: 'kind',
  blockHeight: 'blockHeight',
  blockHash: 'blockHash',
  txHashes: 'txHashes',
  startedAt: 'startedAt',
} as const

const NANOSECONDS_PER_MILLISECOND = 1_000_000n

export function forwardIntent(
  blockHeight: number,
  blockHash: Uint8Array,
  txids: readonly Uint8Array[],
): ConflictIntent {
  const kind = 'forward'
  return {
    id: intentId({ kind, blockHeight, blockHash, txids }),
    kind,
    blockHeight,
    blockHash,
    txids,
    startedAt: BigInt(Date.now()) * NANOSECONDS_PER_MILLISECOND,
  }
}

/** SHA-256 of kind, block hash, height (uint32 big-endian) and the txids in byte order (semantics 1.14). */
export function intentId({
  kind,
  blockHeight,
  blockHash,
  txids,
}: Pick<ConflictIntent, 'kind' | 'blockHeight' | 'blockHash' | 'txids'>): Uint8Array {
  const height = Buffer.alloc(4)
  height.writeUInt32BE(blockHeight)
  const hash = createHash('sha256').update(kind, 'ascii').update(blockHash).update(height)
  for (const txid of [...txids].sort(Buffer.compare)) hash.update(txid)
  return new Uint8Array(hash.digest())
}

/** Whether the intent is in the log: begun before, and not completed. */
export async function isPending(
  context: StoreContext,
  id: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const what = `looking for the conflict intent ${txidToHex(id)}`
  const [answer] = await context.operate([{ kind: 'read', key: keyOf(context, id), bins: [] }], { signal })
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status === RESULT_CODES.OK) return true
  if (answer.status === RESULT_CODES.NOT_FOUND) return false
  throw rowError(what, answer.status, false)
}

/** Writes the intent; one that is there already stays as it is. Without it nothing may be changed. */
export async function beginIntent(context: StoreContext, intent: ConflictIntent): Promise<void> {
  const what = `recording the conflict intent ${txidToHex(intent.id)}`
  const values = [
    [BIN.kind, intent.kind],
    [BIN.blockHeight, intent.blockHeight],
    [BIN.blockHash, intent.blockHash],
    [BIN.txHashes, Buffer.concat(intent.txids)],
    [BIN.startedAt, intent.startedAt],
  ] as const
  const [answer] = await context.operate([
    {
      kind: 'write',
      key: keyOf(context, intent.id),
      operations: values.map(([bin, value]) => ({ kind: 'put', bin, value })),
      exists: 'create-only',
    },
  ])
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status !== RESULT_CODES.OK && answer.status !== RESULT_CODES.RECORD_EXISTS)
    throw rowError(what, answer.status, answer.inDoubt)
}

/** Removes the intent; a missing one is fine. */
export async function completeIntent(context: StoreContext, id: Uint8Array): Promise<void> {
  const what = `completing the conflict intent ${txidToHex(id)}`
  const [answer] = await context.operate([{ kind: 'remove', key: keyOf(context, id) }])
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status !== RESULT_CODES.OK && answer.status !== RESULT_CODES.NOT_FOUND)
    throw rowError(what, answer.status, answer.inDoubt)
}

/** All intents in the log, the oldest first. Throws for a damaged one: it stands for work that is half done. */
export async function pendingIntents(
  context: StoreContext,
  signal: AbortSignal | undefined,
): Promise<ConflictIntent[]> {
  const intents: ConflictIntent[] = []
  const records = context.queries.query(
    { set: logSet(context), bins: Object.values(BIN) },
    { signal, idleTimeoutMs: context.settings.queryIdleTimeoutSeconds * 1_000 },
  )
  for await (const { bins } of records) intents.push(decodeIntent(bins))
  return intents.sort((a, b) => (a.startedAt < b.startedAt ? -1 : Number(a.startedAt > b.startedAt)))
}

function decodeIntent(bins: Bins): ConflictIntent {
  const { kind, blockHeight, blockHash, txHashes, startedAt } = bins
  if (kind !== 'forward' && kind !== 'reverse') throw damaged(BIN.kind, kind)
  if (!isInteger(blockHeight)) throw damaged(BIN.blockHeight, blockHeight)
  if (!(blockHash instanceof Uint8Array) || blockHash.length !== TXID_BYTES)
    throw damaged(BIN.blockHash, blockHash)
  if (!(txHashes instanceof Uint8Array) || txHashes.length % TXID_BYTES !== 0)
    throw damaged(BIN.txHashes, txHashes)
  if (!isInteger(startedAt)) throw damaged(BIN.startedAt, startedAt)
  const content: Omit<ConflictIntent, 'id' | 'startedAt'> = {
    kind,
    blockHeight: Number(blockHeight),
    blockHash: new Uint8Array(blockHash),
    txids: Array.from(
      { length: txHashes.length / TXID_BYTES },
      (_, index) => new Uint8Array(txHashes.subarray(index * TXID_BYTES, (index + 1) * TXID_BYTES)),
    ),
  }
  return { id: intentId(content), ...content, startedAt: BigInt(startedAt) }
}

function isInteger(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || Number.isInteger(value)
}

function damaged(bin: string, value: unknown): StoreError {
  return new StoreError(
    'STORAGE_ERROR',
    `a record of the conflict log is damaged: its bin ${bin} is ${describe(value)}`,
  )
}

function keyOf(context: StoreContext, id: Uint8Array): { set: string; userKey: Uint8Array } {
  return { set: logSet(context), userKey: id }
}

function logSet({ set }: StoreContext): string {
  return setBeside(set, '_conflictwal')
}
