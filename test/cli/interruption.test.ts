import { expect, it } from '@jest/globals'
import { interruption } from '../../lib/cli/interruption.ts'

it.each(['SIGINT', 'SIGTERM'] as const)('%s fires the signal, once; a second one kills as usual', name => {
  const before = process.listenerCount(name)
  using interrupted = interruption()
  expect(interrupted.signal.aborted).toBe(false)
  process.emit(name)
  expect(interrupted.signal.reason).toEqual(new Error('interrupted'))
  expect([process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')]).toEqual([before, before])
})

it('gives the signals of the process back when its scope ends', () => {
  const before = process.listenerCount('SIGTERM')
  {
    using interrupted = interruption()
    expect(process.listenerCount('SIGTERM')).toBe(before + 1)
    expect(interrupted.signal.aborted).toBe(false)
  }
  expect(process.listenerCount('SIGTERM')).toBe(before)
})
