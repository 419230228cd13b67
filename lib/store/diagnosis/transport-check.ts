import { messageOf } from '../../errors/index.ts'
import { safeLogger } from '../logging/logger.ts'
import { type ChooseOptions, chooseTransport } from '../opening/choose-transport.ts'
import { type Finding, failure, ok } from './finding.ts'

/** Chooses as a store does when it is opened, and says what came of it. */
export async function checkTransport(options: Omit<ChooseOptions, 'permits' | 'logger'>): Promise<Finding> {
  const check = 'transport'
  try {
    const chosen = await chooseTransport({ ...options, permits: undefined, logger: safeLogger(undefined) })
    await chosen.close()
    const { transport, reason } = chosen.choice
    return ok(check, transport === 'wire' ? `wire, ${reason}` : `the npm client, ${reason}`)
  } catch (error) {
    return failure(
      check,
      messageOf(error),
      'Take transport=wire out of the store URL or the settings: the store then chooses by itself.',
    )
  }
}
