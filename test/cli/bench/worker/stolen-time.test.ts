import { expect, it } from '@jest/globals'
import { stolenMs, watchStolenTime } from '../../../../lib/cli/bench/worker/stolen-time.ts'

it('reads what the host took of all processors, in milliseconds', () => {
  const stat = 'cpu  6579290 1142058 808383 5857840 17984 0 61756 214678 7 9\ncpu0 1 2 3 4 5 6 7 8 9 10\n'
  expect(stolenMs(stat)).toBe(2_146_780)
})

it('tells nothing where the kernel does not', () => {
  expect(stolenMs(undefined)).toBeNull()
  expect(stolenMs('cpu  1 2 3 4')).toBeNull()
  expect(stolenMs('intr 1 2 3 4 5 6 7 8 9')).toBeNull()
})

const onLinux = process.platform === 'linux' ? it : it.skip // /proc is Linux’s

onLinux('tells a share of the time since', () => {
  const share = watchStolenTime()
  const endsAtMs = performance.now() + 50
  while (performance.now() < endsAtMs);
  expect(share()).toBeGreaterThanOrEqual(0)
  expect(share()).toBeLessThanOrEqual(1)
})
