import { InvalidArgumentError } from '../../errors/index.ts'
import { checkHeight } from '../arguments.ts'

/** The tip of the chain as the store knows it. */
export interface BlockState {
  /** Height of the tip in blocks. */
  readonly height: number
  /** Median time of the last eleven blocks, Unix seconds. */
  readonly medianTime: number
}

/**
 * Holds height and median time as one snapshot: with two separate fields a reader could see the height of one
 * block with the time of another (semantics 3.19, incident #1443).
 */
export class BlockStateHolder {
  #state: BlockState = Object.freeze({ height: 0, medianTime: 0 })

  get current(): BlockState {
    return this.#state
  }

  set(height: number, medianTime: number): void {
    checkHeight('height', height, { minimum: 1 })
    if (!Number.isSafeInteger(medianTime) || medianTime < 0) {
      throw new InvalidArgumentError('medianTime', 'Unix seconds from 0', medianTime)
    }
    this.#state = Object.freeze({ height, medianTime })
  }
}
