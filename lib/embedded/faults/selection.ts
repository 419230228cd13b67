import { chance } from './chance.ts'
import type { Selection } from './fault-rule.ts'

/** Whether a selection picks a number; `what` tells apart what else is chosen by the same seed. */
export function picks(
  selection: Selection | undefined,
  number: number,
  seed: number,
  ...what: readonly number[]
): boolean {
  if (selection === undefined) return true
  const { only, every, probability } = selection
  if (only !== undefined && !only.includes(number)) return false
  if (every !== undefined && (number + 1) % every !== 0) return false
  return probability === undefined || chance(seed, ...what, number) < probability
}
