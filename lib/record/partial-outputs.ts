import { ByteReader, ByteWriter, type TransactionOutput } from '../bitcoin/index.ts'
import { StoreError } from '../errors/index.ts'

/** Some outputs of a transaction whose body is not known; null where an output is not known. */
export interface PartialOutputs {
  /** 32 bytes, internal order. */
  readonly txid: Uint8Array
  readonly blockHeight: number
  readonly isCoinbase: boolean
  readonly outputs: readonly (TransactionOutput | null)[]
}

/** Bounds what a damaged index can make us allocate (semantics 1.8: the largest index that a transaction can have). */
const OUTPUT_INDEX_MAX = 2 ** 24
const TXID_BYTES = 32
const COUNT_OFFSET = 36
const HEADER_BYTES = 40
const OUTPUT_HEADER_BYTES = 16

/**
 * Body of a `.outputs` blob (semantics 1.8), integers little-endian:
 *
 *     txid 32 | u32 height << 1 | coinbase bit | u32 count | count × ( u32 index | u64 value | u32 length | script )
 */
export function encodePartialOutputs({ txid, blockHeight, isCoinbase, outputs }: PartialOutputs): Uint8Array {
  const known = [...outputs.entries()].flatMap(([index, output]) =>
    output === null ? [] : [{ index, ...output }],
  )
  const scriptBytes = known.reduce((sum, { lockingScript }) => sum + lockingScript.length, 0)
  const writer = new ByteWriter(HEADER_BYTES + known.length * OUTPUT_HEADER_BYTES + scriptBytes)
    .bytes(txid)
    .uint32(((blockHeight << 1) | Number(isCoinbase)) >>> 0)
    .uint32(known.length)
  for (const { index, satoshis, lockingScript } of known) {
    writer.uint32(index).uint64(satoshis).uint32(lockingScript.length).bytes(lockingScript)
  }
  return writer.finish()
}

/** Whether two bodies of `.outputs` blobs are alike in all but their heights. */
export function holdSameOutputs(one: Uint8Array, other: Uint8Array): boolean {
  const [coinbaseBit, otherCoinbaseBit] = [one, other].map(body => (body[TXID_BYTES] ?? 0) & 1)
  return (
    coinbaseBit === otherCoinbaseBit &&
    Buffer.compare(one.subarray(0, TXID_BYTES), other.subarray(0, TXID_BYTES)) === 0 &&
    Buffer.compare(one.subarray(COUNT_OFFSET), other.subarray(COUNT_OFFSET)) === 0
  )
}

/** Reads the body of a `.outputs` blob; throws a typed error for a damaged one, before allocating by what it says. */
export function decodePartialOutputs(body: Uint8Array): PartialOutputs {
  const reader = new ByteReader(body)
  const txid = reader.bytes(TXID_BYTES, 'txid')
  const heightAndCoinbase = reader.uint32('height')
  const count = reader.uint32('output count')
  if (count > reader.remaining / OUTPUT_HEADER_BYTES) {
    throw new StoreError(
      'STORAGE_ERROR',
      `a partial transaction of ${body.length} bytes cannot hold ${count} outputs`,
    )
  }
  const known = new Map<number, TransactionOutput>()
  let length = 0
  for (let n = 0; n < count; n++) {
    const index = reader.uint32('output index')
    if (index > OUTPUT_INDEX_MAX)
      throw new StoreError('STORAGE_ERROR', `output index ${index} is beyond ${OUTPUT_INDEX_MAX}`)
    if (known.has(index)) throw new StoreError('STORAGE_ERROR', `output ${index} is there twice`)
    const satoshis = reader.uint64('satoshis')
    known.set(index, {
      satoshis,
      lockingScript: reader.bytes(reader.uint32('script length'), 'locking script'),
    })
    length = Math.max(length, index + 1)
  }
  if (reader.remaining > 0)
    throw new StoreError('STORAGE_ERROR', `${reader.remaining} bytes after the last output`)
  return {
    txid,
    blockHeight: heightAndCoinbase >>> 1,
    isCoinbase: (heightAndCoinbase & 1) === 1,
    outputs: Array.from({ length }, (_, index) => known.get(index) ?? null),
  }
}
