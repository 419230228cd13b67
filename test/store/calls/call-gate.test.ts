import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { workBehind } from '../../../lib/errors/index.ts'
import { type Call, CallGate } from '../../../lib/store/calls/call-gate.ts'
import { contextWith, ScriptedTransport } from '../support/store-fixture.ts'

const gate = (): CallGate => new CallGate(contextWith(new ScriptedTransport(() => ({}))))

/** Work that ends when its signal fires, and tells so. */
function untilAborted(signal: AbortSignal | undefined, ended: unknown[]): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => {
      ended.push(signal.reason)
      reject(signal.reason)
    })
  })
}

describe('a call that ends with the store (semantics 4.3)', () => {
  it.each<[string, AbortSignal | undefined]>([
    ['without a signal', undefined],
    ['with a signal', new AbortController().signal],
  ])('is released with CONTEXT_CANCELED when the closing begins, %s', async (_, signal) => {
    const [own, ended]: [CallGate, unknown[]] = [gate(), []]
    const call = own.admit({ name: 'long', endsAtClose: true }, { signal }, inner =>
      untilAborted(inner, ended),
    )
    own.close()
    await expect(call).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(ended).toEqual([expect.objectContaining({ code: 'SERVICE_UNAVAILABLE' })])
    await own.idle()
  })

  it('ends with its caller, too, who is told his own reason', async () => {
    const [own, ended]: [CallGate, unknown[]] = [gate(), []]
    const controller = new AbortController()
    const call = own.admit({ name: 'long', endsAtClose: true }, { signal: controller.signal }, inner =>
      untilAborted(inner, ended),
    )
    controller.abort('had enough')
    await expect(call).rejects.toMatchObject({ code: 'CONTEXT_CANCELED', cause: 'had enough' })
    expect(ended).toEqual(['had enough'])
  })

  it('is no other call: that one is waited for', async () => {
    const own = gate()
    let finish: () => void = () => {}
    const call = own.admit({ name: 'spend' }, {}, () => new Promise<void>(resolve => (finish = resolve)))
    own.close()
    let isIdle = false
    const idle = own.idle().then(() => {
      isIdle = true
    })
    await Promise.resolve()
    expect(isIdle).toBe(false)
    finish()
    await Promise.all([call, idle])
  })
})

describe('work that goes on behind a released caller', () => {
  const released = async (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error)

  it.each<[string, () => Promise<void>]>([
    ['with success', async () => {}],
    ['with a failure', () => Promise.reject(new Error('lost'))],
  ])('is known by the error until it ends %s', async (_name, end) => {
    const controller = new AbortController()
    let finish: () => void = () => {}
    const finished = new Promise<void>(resolve => (finish = resolve))
    const call = gate().admit({ name: 'long' }, { signal: controller.signal }, () => finished.then(end))
    controller.abort()
    const error = await released(call)
    let hasEnded = false
    const ended = workBehind(error)?.then(() => (hasEnded = true))
    await new Promise(resolve => setImmediate(resolve))
    expect(hasEnded).toBe(false)
    finish()
    await ended
    expect(hasEnded).toBe(true)
  })

  it('is known after a timeout, too', async () => {
    const transport = new ScriptedTransport(() => ({}))
    const own = new CallGate(
      contextWith(transport, {
        batchPolicyTotalTimeout: 1,
        batcherWaitGrace: 0,
        overloadRetryMaxElapsed: 0,
      }),
    )
    let finish: () => void = () => {}
    const error = await released(
      own.admit({ name: 'long' }, {}, () => new Promise<void>(resolve => (finish = resolve))),
    )
    expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    const ended = workBehind(error)
    finish()
    expect(ended).toBeDefined()
    await ended
  })

  it('is none where the work itself has failed, or was never begun', async () => {
    const failed = await released(gate().admit({ name: 'short' }, {}, () => Promise.reject(new Error('x'))))
    expect(workBehind(failed)).toBeUndefined()
    const refused = await released(
      gate().admit({ name: 'none' }, { signal: AbortSignal.abort() }, async () => {}),
    )
    expect(workBehind(refused)).toBeUndefined()
    expect(workBehind(undefined)).toBeUndefined()
  })
})

describe('options of a call', () => {
  const look = { aborted: false, addEventListener() {}, removeEventListener() {} }

  it.each<[string, unknown]>([
    ['options', null],
    ['options', 5],
    ['options', 'x'],
    ['options', []],
    ['options', () => {}],
    ['signal', { signal: null }],
    ['signal', { signal: 5 }],
    ['signal', { signal: {} }],
    ['signal', { signal: look }],
    ['signal', { signal: new AbortController() }],
  ])('with wrong %s refuse the call before its work: %j', async (field, options) => {
    let runs = 0
    const call = gate().admit({ name: 'any' }, options as object, async () => {
      runs += 1
    })
    await expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field })
    expect(runs).toBe(0)
  })

  it.each([1, 2])(
    'whose signal throws when it is asked for the %pth time refuse the call with a typed error',
    async at => {
      let asked = 0
      const options = {
        get signal(): undefined {
          asked += 1
          if (asked === at) throw new TypeError('no signal')
          return undefined
        },
      }
      let runs = 0
      const call = gate().admit({ name: 'any' }, options as never, async () => {
        runs += 1
      })
      await expect(call).rejects.toMatchObject({ name: 'StoreError', code: 'INVALID_ARGUMENT' })
      expect(runs).toBe(0)
    },
  )
})

describe('the bound of a call whose work never ends', () => {
  afterEach(() => {
    jest.useRealTimers()
  })

  it.each<[string, Partial<Call>, number]>([
    ['one batch', {}, 1],
    ['its steps', { rounds: 6 }, 6],
    ['the batches of its list, at each step', { items: 50, rounds: 2 }, 2 * 3],
  ])('is that of %s', async (_, call, bounds) => {
    jest.useFakeTimers()
    const settings = { maxMinedBatchSize: 10, maxMinedRoutines: 2 }
    const context = contextWith(new ScriptedTransport(() => ({})), settings)
    const released = jest.fn()
    const work = (): Promise<never> => new Promise(() => {})
    new CallGate(context).admit({ name: 'long', ...call }, {}, work).catch(released)
    await jest.advanceTimersByTimeAsync(bounds * context.waitMs - 1)
    expect(released).not.toHaveBeenCalled()
    await jest.advanceTimersByTimeAsync(1)
    expect(released.mock.calls).toEqual([[expect.objectContaining({ code: 'SERVICE_UNAVAILABLE' })]])
  })
})
