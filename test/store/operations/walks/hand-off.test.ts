import { describe, expect, it } from '@jest/globals'
import { HandOff } from '../../../../lib/store/operations/walks/hand-off.ts'

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

describe('HandOff', () => {
  it('keeps a producer waiting until its item is taken', async () => {
    const handOff = new HandOff<number>()
    const first = handOff.offer(1)
    const second = handOff.offer(2)
    expect([await isSettled(first), await isSettled(second)]).toEqual([false, false])
    expect(await handOff.take()).toEqual({ done: false, value: 1 })
    await first
    expect(await isSettled(second)).toBe(false)
    expect(await handOff.take()).toEqual({ done: false, value: 2 })
    await second
  })

  it('gives an item at once to a consumer that waits', async () => {
    const handOff = new HandOff<number>()
    const taken = handOff.take()
    await handOff.offer(1)
    expect(await taken).toEqual({ done: false, value: 1 })
  })

  it.each([true, false])('ends, with its error told once; the consumer waits: %s', async isWaiting => {
    const handOff = new HandOff<number>()
    const early = isWaiting ? handOff.take() : undefined
    handOff.end(new Error('torn'))
    await expect(early ?? handOff.take()).rejects.toThrow('torn')
    expect(await handOff.take()).toEqual({ done: true, value: undefined })
  })

  it('leaves no producer waiting at its end, and takes nothing after it', async () => {
    const handOff = new HandOff<number>()
    const offered = handOff.offer(1)
    const done = new HandOff<number>()
    const waiting = done.take()
    handOff.end()
    done.end()
    await offered
    await handOff.offer(2)
    expect(await handOff.take()).toEqual({ done: true, value: undefined })
    expect(await waiting).toEqual({ done: true, value: undefined })
  })
})
