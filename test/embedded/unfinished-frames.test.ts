import { describe, expect, it } from '@jest/globals'
import { type FrameHolder, UnfinishedFrames } from '../../lib/embedded/unfinished-frames.ts'

function setUp(bytesMax: number) {
  const frames = new UnfinishedFrames(bytesMax)
  const given: string[] = []
  const holder = (name: string): FrameHolder => ({ abandonFrame: () => given.push(name) })
  return { frames, given, holder }
}

describe('UnfinishedFrames', () => {
  it('gives up the frames that were begun first, and no more of them than it has to', () => {
    const { frames, given, holder } = setUp(10)
    const [a, b, c] = [holder('a'), holder('b'), holder('c')]
    frames.hold(a, 1)
    frames.hold(b, 4)
    frames.hold(a, 3)
    frames.hold(c, 3)
    expect([given, frames.bytes]).toEqual([[], 10])
    frames.hold(c, 6)
    expect([given, frames.bytes]).toEqual([['a'], 10])
    frames.hold(c, 11)
    expect([given, frames.bytes]).toEqual([['a', 'b', 'c'], 0])
  })

  it('takes a frame behind one that was finished for a new one', () => {
    const { frames, given, holder } = setUp(10)
    const [busy, stalled] = [holder('busy'), holder('stalled')]
    frames.hold(busy, 5)
    frames.hold(stalled, 5)
    frames.release(busy)
    expect(frames.bytes).toBe(5)
    frames.hold(busy, 6)
    expect(given).toEqual(['stalled'])
    frames.release(stalled)
    expect(frames.bytes).toBe(6)
  })
})
