import { expect, it } from '@jest/globals'
import { safeLogger } from '../../../lib/store/logging/logger.ts'
import { ensureRegistered } from '../../../lib/store/udf/udf-module.ts'
import { scriptedAdministration } from '../support/store-fixture.ts'

it('registers the source under every name that is missing, and under no other', async () => {
  const registered: [string, string][] = []
  const administration = {
    ...scriptedAdministration(),
    listUdfFiles: async () => ['m.lua', 'm_1.lua', 'other.lua'],
    registerUdf: async (fileName: string, source: string) => {
      registered.push([fileName, source])
    },
  }
  const module = { name: 'm', source: 'return 1' }
  await ensureRegistered(module, ['m', 'm_mined', 'm_0', 'm_1'], administration, safeLogger(undefined))
  expect(registered).toEqual([
    ['m_mined.lua', 'return 1'],
    ['m_0.lua', 'return 1'],
  ])
})
