import { describe, expect, it } from '@jest/globals'
import { txidToHex } from '../../../../lib/bitcoin/index.ts'
import { BINS } from '../../../../lib/record/index.ts'
import { alignPages } from '../../../../lib/store/operations/pages/delete-at-height-carrier.ts'
import { bytes32, contextWith, type Script, ScriptedTransport } from '../../support/store-fixture.ts'

const written = { txid: bytes32(1), pages: 2, deleteAtHeight: 1_288 }

/** A master that has these delete-at-heights, one after the other, and keeps the last; without any, another each time. */
function changing(heights: readonly number[]): Script {
  let looks = 0
  return row => {
    if (row.kind !== 'read') return {}
    const height = heights.length === 0 ? 2_000 + looks : heights[Math.min(looks, heights.length - 1)]
    looks++
    return { bins: height === 0 ? {} : { [BINS.deleteAtHeight]: height ?? 0 } }
  }
}

async function align(script: Script) {
  const transport = new ScriptedTransport(script)
  const failures = await alignPages(contextWith(transport), [written])
  const writes = transport.batches.flat().filter(row => row.kind === 'write')
  return { code: failures.get(txidToHex(written.txid))?.code, writes: writes.length }
}

describe('alignPages', () => {
  it.each<[string, Script, { code: string | undefined; writes: number }]>([
    [
      'a master with the same height',
      () => ({ bins: { [BINS.deleteAtHeight]: 1_288 } }),
      { code: undefined, writes: 0 },
    ],
    ['a master that lost it', () => ({ bins: {} }), { code: undefined, writes: 2 }],
    [
      'a master that changes again and again, until it rests',
      changing([0, 1_300, 0]),
      { code: undefined, writes: 6 },
    ],
    ['a master that never rests', changing([]), { code: 'STORAGE_ERROR', writes: 16 }],
    ['a master that is gone', () => ({ status: 2 }), { code: undefined, writes: 0 }],
    ['a timeout', () => ({ status: 9 }), { code: 'STORAGE_ERROR', writes: 0 }],
    ['no answer', () => undefined, { code: 'STORAGE_ERROR', writes: 0 }],
    [
      'a failed batch',
      () => {
        throw new Error('the batch failed')
      },
      { code: 'STORAGE_ERROR', writes: 0 },
    ],
  ])('%s', async (_, script, outcome) => {
    expect(await align(script)).toEqual(outcome)
  })
})
