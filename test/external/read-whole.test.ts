import { describe, expect, it } from '@jest/globals'
import { readWhole } from '../../lib/external/read-whole.ts'

const CONTENT = Buffer.from('0123456789')

/** A file that gives no more at a time than a system does. */
function fileOf(content: Buffer, mostBytes: number) {
  const reads: [number, number][] = []
  const read = async (buffer: Buffer, offset: number, length: number, position: number) => {
    reads.push([position, length])
    const bytesRead = content.copy(buffer, offset, position, position + Math.min(length, mostBytes))
    return { bytesRead, buffer }
  }
  return { file: { read } as never, reads }
}

describe('readWhole', () => {
  it('reads a file that is longer than one read in parts', async () => {
    const { file, reads } = fileOf(CONTENT, 100)
    expect(await readWhole(file, 10, { partBytes: 4 })).toEqual(CONTENT)
    expect(reads).toEqual([
      [0, 4],
      [4, 4],
      [8, 2],
    ])
  })

  it('goes on where a read gave less than it was asked for, and ends where the file does', async () => {
    expect(await readWhole(fileOf(CONTENT, 3).file, 10)).toEqual(CONTENT)
    expect(await readWhole(fileOf(CONTENT, 3).file, 20)).toEqual(CONTENT)
  })

  it('ends between two parts when nobody waits for it any more', async () => {
    const caller = new AbortController()
    const { file, reads } = fileOf(CONTENT, 100)
    const reading = readWhole(file, 10, { partBytes: 4, signal: caller.signal })
    caller.abort()
    await expect(reading).rejects.toThrow('aborted')
    expect(reads).toHaveLength(1)
  })
})
