import { beforeAll, describe, expect, it } from '@jest/globals'
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { type CaseResult, ConformanceKit } from './conformance-kit.ts'

const RUN_MS_MAX = 300_000

const kit = ConformanceKit.find()

// What a real Aerospike answered, case by case: the embedded server has to answer the same.
if (kit === undefined) {
  describe('conformance with a real Aerospike', () => {
    it.skip('the conformance kit is not here: set UTXO_CONFORMANCE_KIT to its folder', () => {})
  })
} else {
  describe('conformance with a real Aerospike', () => {
    const names = kit.caseNames()
    let results: ReadonlyMap<string, CaseResult> = new Map()

    beforeAll(async () => {
      await using server = await startEmbeddedServer({ namespaces: ['test'] })
      results = await kit.run(server.host, server.port)
    }, RUN_MS_MAX)

    it('names its cases', () => {
      expect(names.length).toBeGreaterThan(0)
    })

    it.each(names)('%s', name => {
      const result = results.get(name)
      if (result === undefined) throw new Error('the kit did not run this case')
      if (!result.ok) throw new Error([...result.why, result.stack ?? ''].join('\n').trimEnd())
    })
  })
}
