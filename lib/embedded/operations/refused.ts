import { RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { OperationHandler } from './operation-handler.ts'

/**
 * An operation of the protocol that this server does not run. It is refused when its turn comes, so that the
 * checks before it answer as a real server's do.
 */
function refused(access: OperationHandler['access'], family: string): OperationHandler {
  return {
    access,
    inReplace: false,
    answersBin: true,
    apply() {
      throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, `${family} operations are not supported`)
    },
  }
}

export const hllRead = refused('read', 'HyperLogLog')
export const hllModify = refused('write', 'HyperLogLog')
