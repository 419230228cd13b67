import { RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { BIN_NAME_BYTES_MAX } from '../limits.ts'

/** @throws CommandError BIN_NAME for a name of more than 15 bytes or with a NUL in it */
export function refuseBinName(name: string): void {
  if (name.length > BIN_NAME_BYTES_MAX || name.includes('\0')) throw new CommandError(RESULT_CODES.BIN_NAME)
}
