import { alignAnswers, type BatchRow, RESULT_CODES } from '../../transport/index.ts'
import type { EventLogger } from './logger.ts'

/** What `sent` resolves to; what becomes of the batch is told to the log, of one that failed as a whole with the reason. */
export async function loggedBatch(
  logger: EventLogger,
  rows: readonly BatchRow[],
  sent: Promise<unknown>,
): Promise<unknown> {
  const startedAtMs = performance.now()
  const log = (failed: number, more: object): void => {
    const kinds = [...new Set(rows.map(({ kind }) => kind))]
    const ms = performance.now() - startedAtMs
    logger.debug(
      { event: 'batch_sent', rows: rows.length, kinds, ms, failed, ...more },
      'a batch went to the server',
    )
  }
  try {
    const answers = await sent
    const { byRow } = alignAnswers(rows, answers)
    log(byRow.filter(answer => answer?.status !== RESULT_CODES.OK).length, {})
    return answers
  } catch (error) {
    log(rows.length, { err: error })
    throw error
  }
}
