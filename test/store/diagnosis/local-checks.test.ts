import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseStoreUrl } from '../../../lib/settings/index.ts'
import { checkExternalStore } from '../../../lib/store/diagnosis/local-checks.ts'

describe('an external store that answers nothing at all', () => {
  const sockets: Socket[] = []
  const silent = createServer(socket => sockets.push(socket))
  const before = { ...process.env }

  beforeAll(async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' })
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  })

  afterAll(() => {
    process.env = before
    for (const socket of sockets) socket.destroy()
    silent.close()
  })

  const url = () => {
    const { port } = silent.address() as AddressInfo
    const bodies = `s3://bucket/bodies?region=eu-central-1&endpoint=http://127.0.0.1:${port}&forcePathStyle=true`
    return parseStoreUrl(`aerospike://127.0.0.1:3000/utxo?externalStore=${encodeURIComponent(bodies)}`)
  }

  it('is a failure when the bound has passed', async () => {
    expect(await checkExternalStore(url(), { boundMs: 100 })).toMatchObject({
      level: 'failure',
      message: expect.stringMatching(/cannot be used: .*no answer within 100 ms/),
    })
  })

  it('is given up when the signal fires', async () => {
    const finding = checkExternalStore(url(), { signal: AbortSignal.timeout(50) })
    expect(await finding).toMatchObject({ level: 'failure', message: expect.stringMatching(/signal/) })
  })
})
