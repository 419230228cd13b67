import { describe, expect, it } from '@jest/globals'
import { Indexes } from '../../../lib/store/context/indexes.ts'
import type { Administration } from '../../../lib/transport/index.ts'
import { scriptedAdministration } from '../support/store-fixture.ts'

type Ensure = Administration['ensureIndex']

function indexesWith(ensureIndex: Ensure): Indexes {
  return new Indexes(
    { ...scriptedAdministration(), ensureIndex },
    { deleteAtHeight: 'pruner_dah_index', pruneIntentSet: 'utxo_pruneintent' },
  )
}

describe('Indexes', () => {
  it('creates each index once, under the names of the reference (semantics 1.13)', async () => {
    const asked: unknown[] = []
    const indexes = indexesWith(async index => void asked.push(index))
    await Promise.all([
      indexes.ready('unminedSince', undefined),
      indexes.ready('unminedSince', undefined),
      indexes.ready('preserveUntil', undefined),
    ])
    await indexes.ready('preserveUntil', undefined)
    await indexes.ready('deleteAtHeight', undefined)
    await indexes.ready('pruneIntent', undefined)
    expect(asked).toEqual([
      { name: 'unminedSinceIndex', bin: 'unminedSince', type: 'numeric' },
      { name: 'preserveUntilIndex', bin: 'preserveUntil', type: 'numeric' },
      { name: 'pruner_dah_index', bin: 'deleteAtHeight', type: 'numeric' },
      { name: 'pruneIntentIndex', bin: 'prunedAt', set: 'utxo_pruneintent', type: 'numeric' },
    ])
  })

  it('tries again after a failure', async () => {
    let calls = 0
    const indexes = indexesWith(async () => {
      calls += 1
      if (calls === 1) throw new Error('no node')
    })
    await expect(indexes.ready('unminedSince', undefined)).rejects.toThrow('no node')
    await indexes.ready('unminedSince', undefined)
    expect(calls).toBe(2)
  })

  it('a caller who leaves takes nobody with him; the closing takes all', async () => {
    const indexes = indexesWith(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
    )
    const leaving = new AbortController()
    const left = indexes.ready('unminedSince', leaving.signal)
    const staying = indexes.ready('unminedSince', undefined)
    leaving.abort()
    await expect(left).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    indexes.close()
    await expect(staying).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  })
})
