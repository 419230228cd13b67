import { expect, it } from '@jest/globals'
import { createBatchers } from '../../../lib/store/calls/batchers.ts'
import type { Transport } from '../../../lib/transport/index.ts'
import { recordingLogger } from '../support/recording-logger.ts'
import { bytes32, contextWith, ScriptedTransport } from '../support/store-fixture.ts'

/** What is logged of one batch of three reads. */
async function linesOf(transport: Transport, verboseDebug: boolean) {
  const { lines, logger } = recordingLogger()
  const settings = { verboseDebug, getBatcherSize: 3 }
  const { get } = createBatchers(contextWith(transport, settings, { logger }))
  await Promise.allSettled(
    [1, 2, 3].map(number => get.submit({ txid: bytes32(number), fields: ['fee', 'sizeInBytes'] })),
  )
  await get.close()
  return lines
}

const secondMissing = new ScriptedTransport((_row, index) =>
  index === 1 ? { status: 2 } : { bins: { fee: 1, sizeInBytes: 2 } },
)

it('each batch and its outcome are logged at debug: rows, milliseconds, failures', async () => {
  expect(await linesOf(secondMissing, true)).toEqual([
    { level: 'debug', event: 'batch_sent', rows: 3, kinds: ['read'], ms: expect.any(Number), failed: 1 },
    { level: 'debug', event: 'batch_settled', batcher: 'get', rows: 3, ms: expect.any(Number), failed: 1 },
  ])
})

it('a batch that fails as a whole is logged with the reason', async () => {
  const failing: Transport = { batchOperate: () => Promise.reject(new Error('no server')) }
  const [sent, settled] = await linesOf(failing, true)
  expect(sent).toMatchObject({
    event: 'batch_sent',
    failed: 3,
    err: expect.objectContaining({ message: expect.stringContaining('no server') }),
  })
  expect(settled).toMatchObject({ event: 'batch_settled', failed: 3 })
})

it('nothing of it is logged otherwise', async () => {
  expect(await linesOf(secondMissing, false)).toEqual([])
})
