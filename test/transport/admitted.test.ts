import { expect, it, jest } from '@jest/globals'
import { admitted } from '../../lib/transport/admitted.ts'
import { ConnectionPermits } from '../../lib/transport/connection-permits.ts'

it('sends at once where there are no permits, and with one where there are, which comes back', async () => {
  const permits = new ConnectionPermits(1)
  const send = jest.fn(async () => permits.free)
  expect(await admitted(undefined, { timeout: 1_000 }, send)).toBe(1)
  expect(await admitted(permits, { timeout: 1_000 }, send)).toBe(0)
  expect(permits.free).toBe(1)
})

it('does not send what was given up in the moment in which there was a permit', async () => {
  const permits = new ConnectionPermits(1)
  const controller = new AbortController()
  const send = jest.fn(async () => 'sent')
  const given = admitted(permits, { timeout: 1_000, signal: controller.signal }, send)
  controller.abort()
  await expect(given).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
  expect(send).not.toHaveBeenCalled()
  expect(permits.free).toBe(1)
})

it('lesson 80: waits a tenth of the batch’s time, and a tenth of a second at least', async () => {
  for (const [timeout, waitMs] of [
    [500, 100],
    [4_000, 400],
  ] as const) {
    const permits = new ConnectionPermits(1)
    const wait = jest.spyOn(permits, 'withPermit')
    await admitted(permits, { timeout }, async () => {})
    expect(wait.mock.calls[0]?.[0]).toMatchObject({ waitMs })
  }
})
