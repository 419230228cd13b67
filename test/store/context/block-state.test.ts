import { expect, it } from '@jest/globals'
import { BlockStateHolder } from '../../../lib/store/context/block-state.ts'

it('lesson 69: a reader has height and median time of one block, whatever is set meanwhile', () => {
  const holder = new BlockStateHolder()
  holder.set(100, 1_000)
  const read = holder.current
  holder.set(101, 1_600)
  expect(read).toEqual({ height: 100, medianTime: 1_000 })
  expect(holder.current).toEqual({ height: 101, medianTime: 1_600 })
  expect(() => Object.assign(read, { height: 101 })).toThrow(TypeError)
})

it('lesson 69: a pair that is half wrong changes nothing', () => {
  const holder = new BlockStateHolder()
  holder.set(100, 1_000)
  for (const [height, medianTime] of [
    [0, 1_600],
    [101, -1],
    [101, 0.5],
  ] as const)
    expect(() => holder.set(height, medianTime)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  expect(holder.current).toEqual({ height: 100, medianTime: 1_000 })
})
