import { expect, it } from '@jest/globals'
import { watchCollections } from '../../../../lib/cli/bench/worker/collections.ts'
import { collectGarbage } from '../../../../lib/cli/bench/worker/garbage.ts'

it('tells the longest of the collections while it watches', async () => {
  const end = watchCollections()
  const startedAtMs = performance.now()
  collectGarbage()
  const tookMs = performance.now() - startedAtMs
  const { longestMs } = await end()
  expect(longestMs).toBeGreaterThan(0)
  expect(longestMs).toBeLessThanOrEqual(tookMs)
})
