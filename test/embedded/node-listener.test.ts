import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { NodeListener } from '../../lib/embedded/node-listener.ts'
import { UnfinishedFrames } from '../../lib/embedded/unfinished-frames.ts'
import { encodeFrame, FRAME_TYPES } from '../../lib/protocol/index.ts'
import { RawConnection } from './support/raw-connection.ts'

const request = encodeFrame(FRAME_TYPES.INFO, Buffer.from('status\n'))

describe('who connects before a node is served', () => {
  let listener: NodeListener
  let connections: RawConnection[]

  beforeEach(async () => {
    listener = await NodeListener.listen('127.0.0.1', 0)
    connections = await Promise.all([RawConnection.open(listener.port), RawConnection.open(listener.port)])
  })

  // Whatever is left open keeps Jest from its end.
  afterEach(async () => {
    for (const connection of connections) connection.close()
    await listener.close()
  })

  it('is served afterwards', async () => {
    for (const connection of connections) connection.send(request)
    let opened = 0
    const bothClosed = new Promise<void>(resolve => {
      let closed = 0
      listener.serve({
        replyTo: frame => encodeFrame(frame.type, frame.body),
        onOpen: () => {
          opened++
        },
        onClose: () => {
          if (++closed === 2) resolve()
        },
        onProtocolError: () => {},
        onDefect: () => {},
        unfinishedFrames: new UnfinishedFrames(),
      })
    })
    for (const connection of connections) {
      expect((await connection.frame())?.body.toString()).toBe('status\n')
    }
    await listener.close()
    await bothClosed
    expect(opened).toBe(2)
  })

  it.each(['close', 'reset'] as const)('is no obstacle to the %s of the port', async end => {
    await listener[end]()
    for (const connection of connections) expect(await connection.frame()).toBeUndefined()
    await expect(RawConnection.open(listener.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
