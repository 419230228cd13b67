import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

/** @typedef {import('./supervised.js').SupervisedProcess} SupervisedProcess */

const STEPS_MAX = 30
const MORE_MS_MAX = 10

/**
 * Kills one process after the other, each some steps of the validator and some milliseconds after the one before.
 *
 * @param {{ validator: SupervisedProcess, reader: SupervisedProcess }} victims
 * @param {{ kills: number, seed: number, signal: AbortSignal }} options
 */
export async function killAtRandom({ validator, reader }, { kills, seed, signal }) {
  const random = randomNumbers(seed)
  for (let kill = 0; kill < kills; kill += 1) {
    const victim = random() < 0.7 ? validator : reader
    const steps = Math.floor(random() * STEPS_MAX)
    const moreMs = random() * MORE_MS_MAX
    for (let step = 0; step < steps && !validator.isDone; step += 1) await once(validator, 'step', { signal })
    await pause(moreMs, undefined, { signal })
    await victim.kill()
  }
}

/**
 * Numbers from 0 to 1, the same for the same seed.
 *
 * @param {number} seed
 */
function randomNumbers(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
