import { expect, it } from '@jest/globals'
import { setBeside } from '../../../lib/store/context/set-beside.ts'

it('is the set with a suffix, or where that is too long for a server a hash with it', () => {
  expect(setBeside('utxo', '_conflictwal')).toBe('utxo_conflictwal')
  expect(setBeside('s'.repeat(51), '_conflictwal')).toBe(`${'s'.repeat(51)}_conflictwal`)
  const names = ['s'.repeat(52), 's'.repeat(63), 'é'.repeat(26)].map(set => setBeside(set, '_conflictwal'))
  expect(new Set(names).size).toBe(3)
  for (const name of names) expect(name).toMatch(/^[0-9a-f]{32}_conflictwal$/)
})
