import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { encodeFrame, FRAME_TYPES } from '../../lib/protocol/frame.ts'
import { type Frame, FrameReader } from '../../lib/protocol/frame-reader.ts'
import { ProtocolError } from '../../lib/protocol/protocol-error.ts'

function readAll(reader: FrameReader): Frame[] {
  const frames: Frame[] = []
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame)
  return frames
}

const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 })

describe('FrameReader', () => {
  it('gives the same frames wherever the stream is cut', () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(body => encodeFrame(FRAME_TYPES.MESSAGE, body)))
        const reader = new FrameReader()
        const got: Frame[] = []
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const end = Math.min(stream.length, at + (cuts[cut % cuts.length] ?? 1))
          reader.push(Buffer.from(stream.subarray(at, end)))
          got.push(...readAll(reader))
          at = end
        }
        expect(got.map(frame => frame.body.toString('hex'))).toEqual(
          sent.map(body => Buffer.from(body).toString('hex')),
        )
        expect(reader.heldBytes).toBe(0)
      }),
    )
  })

  it('keeps frames it has handed out while later bytes arrive', () => {
    const reader = new FrameReader()
    const first = encodeFrame(FRAME_TYPES.INFO, Buffer.alloc(100, 1))
    const second = encodeFrame(FRAME_TYPES.INFO, Buffer.alloc(100, 2))
    reader.push(first.subarray(0, 50))
    reader.push(Buffer.concat([first.subarray(50), second.subarray(0, 10)]))
    const frame = reader.next()
    reader.push(second.subarray(10))
    expect(reader.next()?.body).toEqual(Buffer.alloc(100, 2))
    expect(frame?.body).toEqual(Buffer.alloc(100, 1))
  })

  it('takes a frame of many megabytes in small chunks in linear time', () => {
    const frame = encodeFrame(FRAME_TYPES.MESSAGE, Buffer.alloc(24 * 1024 * 1024, 7))
    const reader = new FrameReader()
    const startMs = performance.now()
    for (let at = 0; at < frame.length; at += 4096) reader.push(frame.subarray(at, at + 4096))
    expect(reader.next()?.body.length).toBe(24 * 1024 * 1024)
    // Copying all that is pending for every chunk would move 72 GiB.
    expect(performance.now() - startMs).toBeLessThan(3_000)
  })

  it.each([
    ['a wrong version', Buffer.from('0301000000000000', 'hex')],
    ['text', Buffer.from('GET / HTTP/1.1')],
    ['the first byte of a TLS hello alone', Buffer.from([0x16])],
    ['type 0', Buffer.from('0200000000000000', 'hex')],
    ['type 5', Buffer.from('0205000000000000', 'hex')],
    ['type 6', Buffer.from('0206000000000000', 'hex')],
    ['version 0 on anything but a security frame', Buffer.from('0001000000000000', 'hex')],
    ['one byte more than the cap', Buffer.from('0203000008000001', 'hex')],
    ['the largest size', Buffer.from('0203ffffffffffff', 'hex')],
  ])('refuses %s', (_what, bytes) => {
    const reader = new FrameReader()
    reader.push(bytes)
    expect(() => reader.next()).toThrow(ProtocolError)
  })

  it('accepts version 0 on a security frame, and a body of exactly the cap', () => {
    const reader = new FrameReader({ bodyBytesMax: 4 })
    reader.push(Buffer.from('000200000000000401020304', 'hex'))
    expect(reader.next()).toEqual({ type: FRAME_TYPES.SECURITY, body: Buffer.from('01020304', 'hex') })
  })

  it('reserves memory for what has arrived, not for what was announced', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 50 }, () => {
      const reader = new FrameReader()
      reader.push(Buffer.from('0203000008000000', 'hex'))
      reader.push(Buffer.from([1]))
      expect(reader.next()).toBeUndefined()
      return reader
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(readers.length * 200_000)
  })
})
