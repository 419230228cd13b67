import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { CreationLock } from '../../../../lib/store/operations/creation/creation-lock.ts'
import { lockTtlSeconds } from '../../../../lib/store/operations/creation/lock-rows.ts'
import type { BatchRow, WriteRow } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, type Script, ScriptedTransport } from '../../support/store-fixture.ts'

afterEach(() => {
  jest.restoreAllMocks()
})

const TXID = bytes32(1)

function acquire(script: Script): { lock: Promise<CreationLock | undefined>; sent: () => BatchRow[] } {
  const transport = new ScriptedTransport(script)
  const lock = CreationLock.acquire(contextWith(transport), TXID, 10)
  return { lock, sent: () => transport.batches.flat() }
}

function tokenOf(row: BatchRow | undefined): unknown {
  const put = (row as WriteRow).operations.find(({ bin }) => bin === 'lock_token')
  return put?.kind === 'put' ? put.value : undefined
}

/** Moves the clock that locks are prolonged by. */
const passSeconds = (seconds: number): void => {
  const now = performance.now()
  jest.spyOn(performance, 'now').mockReturnValue(now + seconds * 1_000)
}

describe('a creation lock', () => {
  it.each([
    [1, 32],
    [10, 50],
    [135, 300],
    [7_813, 300],
  ])('lesson 48: of %i records ends after %i seconds', (records, seconds) => {
    expect(lockTtlSeconds(records)).toBe(seconds)
  })

  it('is a record of its own that only one can create, with a random token', async () => {
    const tokens = new Set<unknown>()
    for (let n = 0; n < 3; n++) {
      const { lock, sent } = acquire(() => ({}))
      await lock
      const [row] = sent()
      expect(row).toMatchObject({ kind: 'write', exists: 'create-only', ttlSeconds: 50 })
      expect(Buffer.from(row?.key.userKey as Uint8Array).toString('hex')).toBe(`${'01'.repeat(32)}feffffff`)
      tokens.add(tokenOf(row))
    }
    expect(tokens.size).toBe(3)
    for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{32}$/)
  })

  it('is not had where another has it, and that one keeps it', async () => {
    const { lock, sent } = acquire(row =>
      row.kind === 'read' ? { bins: { lock_token: 'another' } } : { status: 5 },
    )
    expect(await lock).toBeUndefined()
    expect(sent().map(({ kind }) => kind)).toEqual(['write', 'read'])
  })

  it('is had by the one whose first attempt took it, though the answer was lost', async () => {
    let token: unknown
    const { lock } = acquire(row => {
      if (row.kind === 'read') return { bins: { lock_token: token as string } }
      token = tokenOf(row)
      return { status: 5, inDoubt: true }
    })
    expect(await lock).toBeInstanceOf(CreationLock)
  })

  it.each<[string, number, RegExp]>([
    ['a timeout', 9, /TIMEOUT/],
    ['a namespace without expiry', 22, /nsup-period/],
  ])('%s is an error, and what may have been taken is released', async (_, status, text) => {
    const { lock, sent } = acquire(row => ({ status: row.kind === 'write' ? status : 2 }))
    await expect(lock).rejects.toMatchObject({ code: 'STORAGE_ERROR', message: expect.stringMatching(text) })
    expect(sent().map(({ kind }) => kind)).toEqual(['write', 'remove'])
  })

  it('lesson 49: is prolonged and released by its token only', async () => {
    const { lock, sent } = acquire(() => ({}))
    const held = await lock
    await held?.hold()
    expect(sent().length).toBe(1)
    passSeconds(17)
    await held?.hold()
    await held?.hold()
    await held?.release()
    const [taken, prolonged, removed, ...rest] = sent()
    expect(rest).toEqual([])
    expect(prolonged).toMatchObject({ kind: 'write', exists: 'update-only', ttlSeconds: 50 })
    expect(removed).toMatchObject({ kind: 'remove' })
    for (const row of [prolonged, removed]) {
      expect(row?.filter).toEqual({
        compare: 'eq',
        left: { stringBin: 'lock_token' },
        right: tokenOf(taken),
      })
    }
  })

  it.each([
    ['expired', 2],
    ['of a successor', 27],
  ])('that is %s ends the work of who had it', async (_, status) => {
    const { lock } = acquire(row => ({ status: row.filter === undefined ? 0 : status }))
    const held = await lock
    passSeconds(60)
    await expect(held?.hold()).rejects.toMatchObject({ code: 'TX_CREATING' })
    await expect(held?.release()).resolves.toBeUndefined()
  })

  it('that cannot be released is no failure', async () => {
    const { lock } = acquire(row => (row.kind === 'remove' ? { status: 9 } : {}))
    await expect((await lock)?.release()).resolves.toBeUndefined()
  })
})
