import { expect, it } from '@jest/globals'
import { checkHealth } from '../../lib/store/health.ts'
import type { BatchOptions, BatchRow } from '../../lib/transport/index.ts'
import { contextWith, scriptedAdministration } from './support/store-fixture.ts'

it('an overloaded server is unhealthy now: the check waits for no later attempt', async () => {
  const seen: BatchOptions[] = []
  const context = contextWith({
    async batchOperate(rows: readonly BatchRow[], options: BatchOptions) {
      seen.push(options)
      return rows.map((_, index) => ({ index, status: 18, bins: undefined, inDoubt: false }))
    },
  })
  expect(await checkHealth(context, scriptedAdministration(), 'ns', undefined)).toMatchObject({
    status: 503,
    message: expect.stringContaining('DEVICE_OVERLOAD (18)'),
  })
  expect(seen).toMatchObject([{ retryOverload: false, timeout: context.settings.dbTimeoutDuration }])
})
