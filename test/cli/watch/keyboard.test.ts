import { EventEmitter } from 'node:events'
import { expect, it } from '@jest/globals'
import { openKeyboard } from '../../../lib/cli/watch/keyboard.ts'

class Terminal extends EventEmitter {
  readonly isTTY: boolean
  isRaw = false
  isPaused = false

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  setRawMode(isRaw: boolean): void {
    this.isRaw = isRaw
  }

  pause(): void {
    this.isPaused = true
  }
}

function opened(isTTY = true): { terminal: Terminal; quits: () => number; close: () => void } {
  const terminal = new Terminal(isTTY)
  let quits = 0
  const { close } = openKeyboard(terminal as unknown as NodeJS.ReadStream, () => {
    quits += 1
  })
  return { terminal, quits: () => quits, close }
}

it.each(['q', 'Q', '\x03', '\x04', 'xxq'])('%j quits', keys => {
  const { terminal, quits } = opened()
  terminal.emit('data', Buffer.from(keys))
  expect(quits()).toBe(1)
})

it('takes no notice of other keys', () => {
  const { terminal, quits } = opened()
  for (const keys of ['x', '\r', '\x1b[A', 'ü']) terminal.emit('data', Buffer.from(keys))
  expect(quits()).toBe(0)
})

it('quits when the terminal goes away', () => {
  const { terminal, quits } = opened()
  terminal.emit('error', new Error('EIO'))
  expect(quits()).toBe(1)
})

it('takes keys without Enter while it is open, and leaves the terminal as it was', () => {
  const { terminal, close } = opened()
  expect(terminal.isRaw).toBe(true)
  close()
  expect(terminal).toMatchObject({ isRaw: false, isPaused: true })
  expect(terminal.eventNames()).toEqual([])
})

it('leaves a stdin that is no terminal alone', () => {
  const { terminal, close } = opened(false)
  close()
  expect(terminal).toMatchObject({ isRaw: false, isPaused: false })
  expect(terminal.eventNames()).toEqual([])
})
