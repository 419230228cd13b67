import { describe, expect, it } from '@jest/globals'
import { StoreError } from '../../../lib/errors/index.ts'
import { ClientAdministration } from '../../../lib/transport/client/administration.ts'
import type { ClientConnection } from '../../../lib/transport/client/connection.ts'

/** As the npm client has it of a node that does not answer in time. */
const timedOut = Object.assign(new Error(' from 127.0.0.1:3000'), { code: 9 })

const administration = (client: object): ClientAdministration =>
  new ClientAdministration(client as ClientConnection, { namespace: 'ns', set: 's', timeoutMs: 100 })

describe('ClientAdministration', () => {
  it('has its own error for a node that does not answer, with what was asked and why', async () => {
    const asked = administration({ infoAll: () => Promise.reject(timedOut) })
    const error = await asked.infoOfNodes('namespaces').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    expect((error as Error).message).toMatch(/namespaces: TIMEOUT \(9\) from 127\.0\.0\.1:3000/)
  })

  it.each([
    ['is refused', { udfRegister: () => Promise.reject(timedOut) }],
    [
      'does not arrive at every node',
      { udfRegister: async () => ({ wait: () => Promise.reject(timedOut) }) },
    ],
  ])('has its own error for a module that %s', async (_, client) => {
    const registered = administration(client).registerUdf('module.lua', 'return 1')
    await expect(registered).rejects.toBeInstanceOf(StoreError)
    await expect(registered).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })
})
