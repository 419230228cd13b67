import { getEventListeners } from 'node:events'
import { expect, it } from '@jest/globals'
import { createBatchers } from '../../../lib/store/calls/batchers.ts'
import { CallGate } from '../../../lib/store/calls/call-gate.ts'
import { bytes32, contextWith, ScriptedTransport } from '../support/store-fixture.ts'

const CALLS = 200

/** Many calls at a time, each of which waits in a batcher until it is told to end. */
function callsWith(signal: AbortSignal) {
  const context = contextWith(new ScriptedTransport(() => ({})), {
    lockedBatcherDurationMillis: 60_000,
    lockedBatcherSize: CALLS + 1,
  })
  const gate = new CallGate(context)
  const batchers = createBatchers(context)
  const calls = Array.from({ length: CALLS }, (_, index) =>
    gate.admit({ name: 'setLocked' }, { signal }, own =>
      batchers.locked.submit({ txid: bytes32(index), locked: true }, { signal: own }),
    ),
  )
  return { gate, batchers, outcomes: Promise.allSettled(calls) }
}

it('many calls listen to their one signal once, and all of them end with it', async () => {
  const controller = new AbortController()
  const { gate, batchers, outcomes } = callsWith(controller.signal)
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort('had enough')
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ reason: { code: 'CONTEXT_CANCELED', cause: 'had enough' } })
  await batchers.locked.close()
  await gate.idle()
})

it('nothing listens to a signal whose calls have ended, and it can be given to others', async () => {
  const { signal } = new AbortController()
  for (let round = 0; round < 2; round++) {
    const { gate, batchers, outcomes } = callsWith(signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await batchers.locked.close()
    await outcomes
    await gate.idle()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  }
})
