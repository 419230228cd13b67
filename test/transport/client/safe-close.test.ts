import { expect, it } from '@jest/globals'
import { withSafeClose } from '../../../lib/transport/client/safe-close.ts'

/** A client with the native part of the npm client, and what was called of it. */
function fakeClient() {
  const calls: string[] = []
  const native = {
    setupEventCb: () => void calls.push('setupEventCb'),
    close: () => void calls.push('close'),
  }
  return { calls, client: { as_client: native } }
}

it('the native client hears of no callback before it is closed', () => {
  const { calls, client } = fakeClient()
  const { as_client: native } = withSafeClose(client)
  native.setupEventCb()
  expect(calls).toEqual([])
  native.close()
  expect(calls).toEqual(['setupEventCb', 'close'])
})

it('an old one is not closed: that could hold the event loop up for good', () => {
  const { calls, client } = fakeClient()
  withSafeClose(client, -1).as_client.close()
  expect(calls).toEqual([])
})

it('a client that has no such native part stays as it is', () => {
  const client = { close: () => 'closed' }
  expect(withSafeClose(client).close()).toBe('closed')
})
