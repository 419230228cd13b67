import { type InfoCommand, RESULT_CODES } from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import { type InfoTable, parameter } from './info-command.ts'
import { InfoError } from './info-error.ts'

/** There are no jobs: every one that is asked for is over, which is how clients read the error. */
function showJobs(_node: ServerNode, command: InfoCommand): string {
  if (parameter(command, 'id', 'trid') === undefined) return ''
  throw new InfoError(RESULT_CODES.NOT_FOUND, 'job not found')
}

function abortJob(): string {
  throw new InfoError(RESULT_CODES.NOT_FOUND, 'id not active')
}

/** Background jobs (protocol 2.7). */
export const jobCommands: InfoTable = {
  'query-show': showJobs,
  'query-abort': abortJob,
  'query-abort-all': () => 'number-of-queries-killed:0',
}
