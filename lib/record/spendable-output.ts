const OP_FALSE = 0x00
const OP_RETURN = 0x6a
/** Longer scripts could not run before the genesis upgrade. */
const SCRIPT_BYTES_MAX_BEFORE_GENESIS = 10_000

/**
 * Whether an output gets a slot (semantics 1.7, the rule that knows the genesis upgrade and ignores the value).
 * Only for creation: records written under older rules exist, so a reader takes the stored slot for the truth.
 */
export function isSpendable(
  lockingScript: Uint8Array,
  blockHeight: number,
  genesisActivationHeight: number,
): boolean {
  if (lockingScript[0] === OP_FALSE && lockingScript[1] === OP_RETURN) return false
  if (blockHeight >= genesisActivationHeight) return true
  return lockingScript[0] !== OP_RETURN && lockingScript.length <= SCRIPT_BYTES_MAX_BEFORE_GENESIS
}
