import { describe, expect, it } from '@jest/globals'
import { type Permit, Semaphore } from '../../lib/asset/semaphore.ts'

const never = (): AbortSignal => new AbortController().signal

describe('a semaphore', () => {
  it('gives no more than it has, and what came back again', () => {
    const semaphore = new Semaphore(2)
    const [one, two] = [semaphore.tryAcquire(), semaphore.tryAcquire()] as [Permit, Permit]
    expect(semaphore.tryAcquire()).toBeUndefined()
    one.release()
    expect(semaphore.inUse).toBe(1)
    expect(semaphore.tryAcquire()).toBeDefined()
    two.release()
    expect(semaphore.inUse).toBe(1)
  })

  it('takes a permit back once', () => {
    const semaphore = new Semaphore(2)
    const [one] = [semaphore.tryAcquire() as Permit, semaphore.tryAcquire()]
    one.release()
    one.release()
    expect(semaphore.inUse).toBe(1)
  })

  it('serves those who wait in order, and nobody passes them', async () => {
    const semaphore = new Semaphore(1)
    const first = await semaphore.acquire(never())
    const served: string[] = []
    const wait = (name: string): Promise<Permit> =>
      semaphore.acquire(never()).then(permit => {
        served.push(name)
        return permit
      })
    const waiting = [wait('a'), wait('b')]
    expect(semaphore.waiting).toBe(2)
    first.release()
    expect(semaphore.tryAcquire()).toBeUndefined()
    ;(await waiting[0])?.release()
    ;(await waiting[1])?.release()
    expect(served).toEqual(['a', 'b'])
    expect([semaphore.inUse, semaphore.waiting]).toEqual([0, 0])
  })

  it('forgets who leaves the line, and passes its turn on', async () => {
    const semaphore = new Semaphore(1)
    const first = await semaphore.acquire(never())
    const gone = new AbortController()
    const leaving = semaphore.acquire(gone.signal)
    const patient = semaphore.acquire(never())
    gone.abort(new Error('gone'))
    await expect(leaving).rejects.toMatchObject({ code: 'CONTEXT_CANCELED', cause: new Error('gone') })
    await expect(semaphore.acquire(gone.signal)).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    first.release()
    const permit = await patient
    gone.abort()
    permit.release()
    expect([semaphore.inUse, semaphore.waiting]).toEqual([0, 0])
  })

  it('without a limit never refuses', () => {
    const semaphore = new Semaphore(Number.POSITIVE_INFINITY)
    for (let count = 0; count < 1_000; count++) expect(semaphore.tryAcquire()).toBeDefined()
  })
})
