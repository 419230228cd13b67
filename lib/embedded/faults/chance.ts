/**
 * A number from 0 up to 1 that depends on the seed and on what it is for, and on nothing else: what chance
 * decides about one request does not change with the requests before it.
 */
export function chance(seed: number, ...what: readonly number[]): number {
  let bits = mix(seed)
  for (const part of what) bits = mix(bits ^ Math.imul(part + 1, 0x9e3779b1))
  return bits / 2 ** 32
}

/** The finaliser of MurmurHash3: 32 bits, each of which depends on all others. */
function mix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
