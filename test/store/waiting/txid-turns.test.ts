import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { TxidTurns } from '../../../lib/store/waiting/txid-turns.ts'
import { bytes32 } from '../support/store-fixture.ts'
import { codeOf, heldWork } from '../support/turns.ts'

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

const X = bytes32(1)
const Y = bytes32(2)
const WAIT = { what: 'a spend of the same transaction', waitMs: 1_000 }

describe('TxidTurns', () => {
  it('runs the work of one transaction in order, that of others at once, and forgets them', async () => {
    const turns = new TxidTurns()
    const { started, work, end } = heldWork()
    const all = [
      turns.take(X, WAIT, work('x1')),
      turns.take(X, WAIT, work('x2')),
      turns.take(Y, WAIT, work('y1')),
      turns.take(X, WAIT, work('x3')),
    ]
    await jest.advanceTimersByTimeAsync(0)
    expect(started).toEqual(['x1', 'y1'])
    await end('x1')
    expect(started).toEqual(['x1', 'y1', 'x2'])
    await end('y1')
    await end('x2')
    await end('x3')
    expect(await Promise.all(all)).toEqual(['x1', 'x2', 'y1', 'x3'])
    expect(turns.size).toBe(0)
  })

  it('goes on after work that fails', async () => {
    const turns = new TxidTurns()
    expect(await codeOf(turns.take(X, WAIT, () => Promise.reject(new Error('failed'))))).toBe('failed')
    expect(await turns.take(X, WAIT, async () => 7)).toBe(7)
    expect(turns.size).toBe(0)
  })

  it('who waits too long or is aborted leaves, never runs, and lets nobody past the one in progress', async () => {
    const turns = new TxidTurns()
    const { started, work, end } = heldWork()
    const first = turns.take(X, WAIT, work('first'))
    const controller = new AbortController()
    const late = codeOf(turns.take(X, { ...WAIT, waitMs: 10 }, work('late')))
    const aborted = codeOf(turns.take(X, { ...WAIT, signal: controller.signal }, work('aborted')))
    const last = turns.take(X, WAIT, work('last'))
    controller.abort()
    await jest.advanceTimersByTimeAsync(10)
    expect([await late, await aborted]).toEqual(['SERVICE_UNAVAILABLE', 'CONTEXT_CANCELED'])
    expect(started).toEqual(['first'])
    await end('first')
    expect(started).toEqual(['first', 'last'])
    await end('last')
    expect(await Promise.all([first, last])).toEqual(['first', 'last'])
    expect(turns.size).toBe(0)
  })

  it('a line of thousands whose turns end at once nests in no stack', async () => {
    const turns = new TxidTurns()
    let held: number | undefined
    turns.enter(X, WAIT, { come: turn => (held = turn), refuse: () => {} })
    let ended = 0
    for (let place = 0; place < 20_000; place++) {
      const come = (turn: number): void => {
        ended += 1
        turns.leave(turn)
      }
      turns.enter(X, WAIT, { come, refuse: () => {} })
    }
    turns.leave(held ?? -1)
    await jest.advanceTimersByTimeAsync(0)
    expect([ended, turns.size]).toEqual([20_000, 0])
  })

  it('a txid whose bytes its owner changes meanwhile leaves no turn behind', async () => {
    const turns = new TxidTurns()
    const { started, work, end } = heldWork()
    const txid = new Uint8Array(X)
    const first = turns.take(txid, WAIT, work('first'))
    const second = turns.take(X, WAIT, work('second'))
    await jest.advanceTimersByTimeAsync(0)
    txid.fill(9)
    await end('first')
    expect(started).toEqual(['first', 'second'])
    await end('second')
    expect(await Promise.all([first, second])).toEqual(['first', 'second'])
    expect(turns.size).toBe(0)
  })
})
