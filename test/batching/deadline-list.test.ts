import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { type DeadlineLink, deadlineList } from '../../lib/batching/deadline-list.ts'

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

/** A wait that notes when its deadline passed. */
function link(name: string, passed: string[], onPass: () => void = () => {}): DeadlineLink {
  return {
    dueAtMs: 0,
    earlier: undefined,
    later: undefined,
    passDeadline() {
      passed.push(name)
      onPass()
    },
  }
}

it('passes each deadline at its own time, in order, on one timer', () => {
  const passed: string[] = []
  deadlineList(100).add(link('a', passed))
  jest.advanceTimersByTime(40)
  deadlineList(100).add(link('b', passed))
  deadlineList(100).add(link('c', passed))
  expect(jest.getTimerCount()).toBe(1)
  jest.advanceTimersByTime(59)
  expect(passed).toEqual([])
  jest.advanceTimersByTime(1)
  expect(passed).toEqual(['a'])
  jest.advanceTimersByTime(39)
  expect(passed).toEqual(['a'])
  jest.advanceTimersByTime(1)
  expect(passed).toEqual(['a', 'b', 'c'])
})

it.each([
  ['first', ['b', 'c']],
  ['middle', ['a', 'c']],
  ['last', ['a', 'b']],
])('leaves out one that was removed: the %s', (which, left) => {
  const passed: string[] = []
  const links = ['a', 'b', 'c'].map(name => link(name, passed))
  for (const each of links) deadlineList(50).add(each)
  deadlineList(50).remove(links[['first', 'middle', 'last'].indexOf(which)] as DeadlineLink)
  jest.advanceTimersByTime(50)
  expect(passed).toEqual(left)
})

it('holds nothing when all have been removed, and waits again for the next', () => {
  const passed: string[] = []
  const only = link('a', passed)
  deadlineList(50).add(only)
  deadlineList(50).remove(only)
  expect(jest.getTimerCount()).toBe(0)
  jest.advanceTimersByTime(30)
  deadlineList(50).add(only)
  jest.advanceTimersByTime(49)
  expect(passed).toEqual([])
  jest.advanceTimersByTime(1)
  expect(passed).toEqual(['a'])
})

it('goes on with the others when one throws, or begins a new wait', () => {
  const passed: string[] = []
  const list = deadlineList(50)
  list.add(
    link('thrower', passed, () => {
      throw new Error('broken')
    }),
  )
  list.add(link('again', passed, () => deadlineList(50).add(link('new', passed))))
  const later = link('later', passed)
  jest.advanceTimersByTime(10)
  list.add(later)
  expect(() => jest.advanceTimersByTime(40)).toThrow('broken')
  jest.advanceTimersByTime(1)
  expect(passed).toEqual(['thrower', 'again'])
  jest.advanceTimersByTime(9)
  expect(passed).toEqual(['thrower', 'again', 'later'])
  jest.advanceTimersByTime(42)
  expect(passed).toEqual(['thrower', 'again', 'later', 'new'])
})

it('keeps waits of different lengths apart', () => {
  const passed: string[] = []
  deadlineList(70).add(link('long', passed))
  deadlineList(20).add(link('short', passed))
  jest.advanceTimersByTime(20)
  expect(passed).toEqual(['short'])
  jest.advanceTimersByTime(50)
  expect(passed).toEqual(['short', 'long'])
})
