import fc from 'fast-check'
import type { TransactionInput, TransactionOutput, TransactionParts } from '../../lib/bitcoin/index.ts'

const uint32 = fc.nat({ max: 0xffff_ffff })
const satoshis = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })
/** Long enough that a length takes three bytes now and then. */
const script = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 250, maxLength: 300 }) },
)

export const txidArbitrary = fc.uint8Array({ minLength: 32, maxLength: 32 })

export const outputArbitrary: fc.Arbitrary<TransactionOutput> = fc.record({ satoshis, lockingScript: script })

function inputArbitrary(isExtended: boolean): fc.Arbitrary<TransactionInput> {
  return fc.record({
    previousTxid: txidArbitrary,
    previousVout: uint32,
    unlockingScript: script,
    sequence: uint32,
    previousSatoshis: isExtended ? satoshis : fc.constant(undefined),
    previousLockingScript: isExtended ? script : fc.constant(undefined),
  })
}

/** Parts of a transaction with one input at least, all of them extended or none. */
export function partsArbitrary({ isExtended }: { isExtended: boolean }): fc.Arbitrary<TransactionParts> {
  return fc.record({
    version: uint32,
    locktime: uint32,
    inputs: fc.array(inputArbitrary(isExtended), { minLength: 1, maxLength: 5 }),
    outputs: fc.array(outputArbitrary, { maxLength: 5 }),
  })
}
