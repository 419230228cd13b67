import { createTransaction, type TransactionOutput } from '../../lib/bitcoin/index.ts'
import { type RecordContent, type RecordOptions, transactionContent } from '../../lib/record/index.ts'

export const MAINNET_GENESIS_ACTIVATION_HEIGHT = 620_538

/** Of a transaction that is new, unmined, and has no flags. */
export const OPTIONS: RecordOptions = {
  blockHeight: 700_000,
  minedBlockInfos: [],
  frozen: false,
  conflicting: false,
  locked: false,
  creating: false,
  external: false,
  coinbaseMaturity: 100,
  genesisActivationHeight: MAINNET_GENESIS_ACTIVATION_HEIGHT,
  retention: 288,
  utxoBatchSize: 4,
  nowMs: 1_700_000_000_000,
}

export const SPENDABLE: TransactionOutput = { satoshis: 10n, lockingScript: Uint8Array.of(0x51) }

/** OP_FALSE OP_RETURN: no slot at any height. */
export const DATA: TransactionOutput = { satoshis: 0n, lockingScript: Uint8Array.of(0x00, 0x6a) }

/** An extended transaction that spends 1,000 satoshis. */
export function sampleTransaction(
  outputs: readonly TransactionOutput[],
): ReturnType<typeof createTransaction> {
  return createTransaction({
    version: 2,
    locktime: 9,
    outputs,
    inputs: [
      {
        previousTxid: new Uint8Array(32).fill(0xaa),
        previousVout: 3,
        unlockingScript: Uint8Array.of(1),
        sequence: 0xffff_ffff,
        previousSatoshis: 1_000n,
        previousLockingScript: Uint8Array.of(0x51),
      },
    ],
  })
}

export function sampleContent(outputs: readonly TransactionOutput[], isCoinbase = false): RecordContent {
  return transactionContent(sampleTransaction(outputs), { isCoinbase, skipExtendedInputs: false })
}
