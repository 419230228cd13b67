import { assembleTransaction } from './assembled-transaction.ts'
import { ByteReader } from './byte-reader.ts'
import type { Transaction, TransactionInput, TransactionOutput } from './transaction.ts'
import {
  EXTENDED_MARKER,
  EXTENSION_BYTES_MIN,
  INPUT_BYTES_MIN,
  OUTPUT_BYTES_MIN,
} from './transaction-encoding.ts'

/**
 * Parses a transaction in standard or extended format (BIP-239), which its first bytes tell apart. Scripts and
 * txids are views into `bytes`.
 *
 * @throws ParseError when it is cut short, followed by more bytes, or holds a count that it cannot hold
 */
export function parseTransaction(bytes: Uint8Array): Transaction {
  const reader = new ByteReader(bytes)
  const start = reader.offset
  const version = reader.uint32('version')
  const isExtended = reader.skip(EXTENDED_MARKER)
  const tx = readRest(reader, start, version, isExtended)
  reader.expectEnd('transaction')
  return tx
}

/** Reads a transaction in standard format, the only one that blocks hold. */
export function readTransaction(reader: ByteReader): Transaction {
  const start = reader.offset
  return readRest(reader, start, reader.uint32('version'), false)
}

/** Reads what comes before the inputs. The count is not held against what follows, which need not have come. */
export function readTransactionHead(reader: ByteReader): { isExtended: boolean; inputCount: number } {
  reader.uint32('version')
  const isExtended = reader.skip(EXTENDED_MARKER)
  return { isExtended, inputCount: reader.compactSize('input count') }
}

/** Reads one input of either format. */
export function readInput(reader: ByteReader, isExtended: boolean): TransactionInput {
  return {
    previousTxid: reader.bytes(32, 'previous txid'),
    previousVout: reader.uint32('previous output index'),
    unlockingScript: reader.variableBytes('unlocking script'),
    sequence: reader.uint32('sequence'),
    previousSatoshis: isExtended ? reader.uint64('previous satoshis') : undefined,
    previousLockingScript: isExtended ? reader.variableBytes('previous locking script') : undefined,
  }
}

export function readOutput(reader: ByteReader): TransactionOutput {
  return { satoshis: reader.uint64('satoshis'), lockingScript: reader.variableBytes('locking script') }
}

function readRest(reader: ByteReader, start: number, version: number, isExtended: boolean): Transaction {
  const inputBytesMin = isExtended ? INPUT_BYTES_MIN + EXTENSION_BYTES_MIN : INPUT_BYTES_MIN
  const inputs: TransactionInput[] = []
  for (let left = reader.count(inputBytesMin, 'input count'); left > 0; left--) {
    inputs.push(readInput(reader, isExtended))
  }
  const outputs: TransactionOutput[] = []
  for (let left = reader.count(OUTPUT_BYTES_MIN, 'output count'); left > 0; left--) {
    outputs.push(readOutput(reader))
  }
  const locktime = reader.uint32('locktime')
  const standardBytes = isExtended ? undefined : reader.since(start)
  return assembleTransaction({ version, locktime, inputs, outputs }, { standardBytes })
}
