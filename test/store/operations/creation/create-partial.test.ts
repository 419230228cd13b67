import { describe, expect, it } from '@jest/globals'
import { promised } from '../../../../lib/batching/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import { createPartial, partialOutputs } from '../../../../lib/store/operations/creation/create-partial.ts'
import { bytes32, contextWith, type Script, ScriptedTransport } from '../../support/store-fixture.ts'

function create(script: Script): Promise<void> {
  const outputs = new Map([[0, { satoshis: 5n, lockingScript: new Uint8Array([0x51]) }]])
  const partial = partialOutputs(bytes32(1), outputs, 1_000, false)
  const context = contextWith(new ScriptedTransport(script), { storeBatcherDurationMillis: 0 })
  return promised<void>(end =>
    createPartial(context, createBatchers(context).store, partial, {}, end, undefined),
  )
}

describe('createPartial', () => {
  it('resolves where the record was written', async () => {
    await expect(create(() => ({ status: 0 }))).resolves.toBeUndefined()
  })

  it.each<[string, Script, string]>([
    ['a record that exists', () => ({ status: 5 }), 'TX_EXISTS'],
    ['a timeout', () => ({ status: 9 }), 'STORAGE_ERROR'],
    ['no answer', () => undefined, 'STORAGE_ERROR'],
  ])('%s is no success', async (_, script, code) => {
    await expect(create(script)).rejects.toMatchObject({ code })
  })
})
