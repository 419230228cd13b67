/** The last height that 32 bits hold. As a height to wait for it means never (semantics 3.11, 5.1). */
export const HEIGHT_MAX = 2 ** 32 - 1

/**
 * The height so many blocks later, as far as 32 bits hold it: no reader takes a larger one. As
 * lua/utxo/delete_at_height.lua has it.
 */
export function heightAfter(height: number, blocks: number): number {
  return Math.min(height + blocks, HEIGHT_MAX)
}
