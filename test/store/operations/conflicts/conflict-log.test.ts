import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import {
  beginIntent,
  completeIntent,
  forwardIntent,
  intentId,
  isPending,
  pendingIntents,
} from '../../../../lib/store/operations/conflicts/conflict-log.ts'
import type { QueryRequest, RowAnswer } from '../../../../lib/transport/index.ts'
import { codeOf } from '../../support/handled.ts'
import { bytes32, contextWith, ScriptedTransport, scriptedQueries } from '../../support/store-fixture.ts'

const BLOCK_HASH = bytes32(7)
const TXIDS = [bytes32(2), bytes32(1)]
const NO_DIGEST = new Uint8Array(20)

const outcomeOf = (promise: Promise<unknown>): Promise<string> => promise.then(codeOf, codeOf)

describe('the intent id (semantics 1.14)', () => {
  it('is the hash of kind, block hash, height big-endian and the txids in byte order', () => {
    const bytes = Buffer.concat([
      Buffer.from('forward'),
      BLOCK_HASH,
      Buffer.from([0, 1, 2, 3]),
      bytes32(1),
      bytes32(2),
    ])
    const expected = new Uint8Array(createHash('sha256').update(bytes).digest())
    const content = { kind: 'forward', blockHeight: 0x010203, blockHash: BLOCK_HASH, txids: TXIDS } as const
    expect(intentId(content)).toEqual(expected)
    expect(intentId({ ...content, txids: [...TXIDS].reverse() })).toEqual(expected)
    expect(TXIDS).toEqual([bytes32(2), bytes32(1)])
  })

  it.each([
    { kind: 'reverse' as const },
    { blockHeight: 1_001 },
    { blockHash: bytes32(8) },
    { txids: [bytes32(1)] },
  ])('differs with %j', change => {
    const content = { kind: 'forward' as const, blockHeight: 1_000, blockHash: BLOCK_HASH, txids: TXIDS }
    expect(intentId({ ...content, ...change })).not.toEqual(intentId(content))
  })
})

describe('the records of the log', () => {
  it('have the reference’s set, key and bins, and are never written over', async () => {
    const transport = new ScriptedTransport(() => ({}))
    const intent = forwardIntent(1_000, BLOCK_HASH, TXIDS)
    await beginIntent(contextWith(transport), intent)
    expect(transport.batches).toEqual([
      [
        {
          kind: 'write',
          key: { set: 'utxo_conflictwal', userKey: intent.id },
          operations: [
            { kind: 'put', bin: 'kind', value: 'forward' },
            { kind: 'put', bin: 'blockHeight', value: 1_000 },
            { kind: 'put', bin: 'blockHash', value: BLOCK_HASH },
            { kind: 'put', bin: 'txHashes', value: Buffer.concat(TXIDS) },
            { kind: 'put', bin: 'startedAt', value: intent.startedAt },
          ],
          exists: 'create-only',
        },
      ],
    ])
    // Nanoseconds since 1970: beyond what a number holds exactly.
    expect(intent.startedAt).toBeGreaterThan(1_600_000_000_000_000_000n)
  })

  it.each<[string, Partial<RowAnswer> | undefined, string, string, string]>([
    ['success', {}, 'ok', 'ok', 'true'],
    ['there already', { status: 5 }, 'ok', 'STORAGE_ERROR', 'STORAGE_ERROR'],
    ['not there', { status: 2 }, 'STORAGE_ERROR', 'ok', 'false'],
    ['an overload', { status: 18 }, 'STORAGE_ERROR', 'STORAGE_ERROR', 'STORAGE_ERROR'],
    ['no answer', undefined, 'STORAGE_ERROR', 'STORAGE_ERROR', 'STORAGE_ERROR'],
  ])('with %s: begin, complete, isPending', async (_, answer, begun, completed, pending) => {
    const context = contextWith(new ScriptedTransport(() => answer))
    const intent = forwardIntent(1_000, BLOCK_HASH, TXIDS)
    expect(await outcomeOf(beginIntent(context, intent))).toBe(begun)
    expect(await outcomeOf(completeIntent(context, intent.id))).toBe(completed)
    const isThere = isPending(context, intent.id, undefined)
    expect(await isThere.then(String, codeOf)).toBe(pending)
  })
})

describe('pendingIntents', () => {
  const BINS = {
    kind: 'reverse',
    blockHeight: 1_000,
    blockHash: Buffer.from(BLOCK_HASH),
    txHashes: Buffer.concat(TXIDS),
    startedAt: 1_700_000_000_000_000_001n,
  }

  it('reads them, integers of either type, and gives the oldest first', async () => {
    const requests: QueryRequest[] = []
    const newer = { ...BINS, kind: 'forward', startedAt: 1_800_000_000_000_000_000n }
    const older = { ...BINS, blockHeight: 1_000n, startedAt: 5 }
    const queries = scriptedQueries([newer, BINS, older].map(bins => ({ digest: NO_DIGEST, bins })))
    const intents = await pendingIntents(
      contextWith(
        new ScriptedTransport(() => ({})),
        {},
        {
          queries: {
            query: (request, options) => {
              requests.push(request)
              return queries.query(request, options)
            },
          },
        },
      ),
      undefined,
    )
    expect(intents.map(({ startedAt }) => startedAt)).toEqual([
      5n,
      1_700_000_000_000_000_001n,
      1_800_000_000_000_000_000n,
    ])
    expect(intents[1]).toEqual({
      id: intentId({ kind: 'reverse', blockHeight: 1_000, blockHash: BLOCK_HASH, txids: TXIDS }),
      kind: 'reverse',
      blockHeight: 1_000,
      blockHash: BLOCK_HASH,
      txids: TXIDS,
      startedAt: 1_700_000_000_000_000_001n,
    })
    expect(requests).toMatchObject([{ set: 'utxo_conflictwal' }])
  })

  it.each([
    { kind: 'sideways' },
    { blockHeight: 'high' },
    { blockHash: Buffer.alloc(31) },
    { txHashes: Buffer.alloc(33) },
    { txHashes: undefined },
    { startedAt: 1.5 },
  ])('fails for a damaged record instead of passing it over: %j', async damage => {
    const queries = scriptedQueries([{ digest: NO_DIGEST, bins: { ...BINS, ...damage } as never }])
    const context = contextWith(new ScriptedTransport(() => ({})), {}, { queries })
    expect(await outcomeOf(pendingIntents(context, undefined))).toBe('STORAGE_ERROR')
  })
})
