import { describe, expect, it } from '@jest/globals'
import { promised } from '../../../../lib/batching/index.ts'
import { StoreError } from '../../../../lib/errors/index.ts'
import { MemoryStore } from '../../../../lib/external/index.ts'
import type { TransactionMetadata } from '../../../../lib/record/index.ts'
import { createBatchers } from '../../../../lib/store/calls/batchers.ts'
import { create } from '../../../../lib/store/operations/creation/create.ts'
import {
  type WholeTransaction,
  wholeTransaction,
} from '../../../../lib/store/operations/creation/whole-transaction.ts'
import {
  BatchError,
  type BatchRow,
  CLIENT_STATUS,
  NothingSentError,
  RESULT_CODES,
} from '../../../../lib/transport/index.ts'
import { sampleTransaction } from '../../support/sample-transaction.ts'
import { contextWith, type Script, ScriptedTransport } from '../../support/store-fixture.ts'

const MASTER_KEY_BYTES = 32
const PAGES = 2
const OUTPUTS = PAGES * 2 + 1

const isMaster = (row: BatchRow): boolean =>
  row.kind === 'write' && row.exists === 'create-only' && row.key.userKey.length === MASTER_KEY_BYTES
const isLock = (row: BatchRow): boolean => row.kind === 'write' && row.ttlSeconds !== undefined
const isPage = (row: BatchRow): boolean =>
  row.kind === 'write' && row.exists === 'create-only' && !isMaster(row) && !isLock(row)
const isClearing = (row: BatchRow): boolean => row.kind === 'write' && row.filter !== undefined

/** What rows of one kind answer; everything else goes well, and nothing is there yet. */
function where(isIt: (row: BatchRow) => boolean, answer: ReturnType<Script> | (() => never)): Script {
  return row => {
    if (isIt(row)) return typeof answer === 'function' ? answer() : answer
    return { status: row.kind === 'read' ? RESULT_CODES.NOT_FOUND : RESULT_CODES.OK }
  }
}

function thrown(error: Error): () => never {
  return () => {
    throw error
  }
}

interface Surroundings {
  readonly outputs?: number
  readonly settings?: Record<string, unknown>
  readonly external?: MemoryStore
  readonly signal?: AbortSignal
}

/** Creates a transaction that fails; tells whether its record may be there after that. */
async function mayExist(
  script: Script,
  { outputs = 1, settings = {}, external = new MemoryStore(), signal }: Surroundings = {},
): Promise<{ mayExist: boolean; code: string }> {
  const context = contextWith(
    new ScriptedTransport(script),
    { storeBatcherDurationMillis: 0, utxoBatchSize: 2, ...settings },
    { external },
  )
  const creation: WholeTransaction = wholeTransaction(context, sampleTransaction({ outputs }), 100, {})
  const created = promised<TransactionMetadata>(end =>
    create(context, createBatchers(context).store, creation, end, signal),
  )
  const code = await created.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )
  return { mayExist: creation.mayExist, code }
}

class BrokenStore extends MemoryStore {
  override async set(): Promise<void> {
    throw new StoreError('STORAGE_ERROR', 'the external body cannot be written')
  }
}

const FORMS: [string, Surroundings][] = [
  ['a single record', {}],
  ['a single record with its body outside', { settings: { externalizeAllTransactions: true } }],
  ['several records', { outputs: OUTPUTS }],
]

describe.each(FORMS)('%s', (_, form) => {
  it.each<[string, ReturnType<Script> | (() => never)]>([
    ['is out of space', { status: RESULT_CODES.OUT_OF_SPACE }],
    ['is overloaded', { status: RESULT_CODES.DEVICE_OVERLOAD }],
    ['forbids it', { status: RESULT_CODES.FORBIDDEN }],
    ['finds it too big', { status: RESULT_CODES.RECORD_TOO_BIG }],
    ['is not known', { status: CLIENT_STATUS.INVALID_NODE }],
    ['refuses the batch for load', thrown(new BatchError('no', RESULT_CODES.DEVICE_OVERLOAD, false))],
    ['is not reached for want of a connection', thrown(new NothingSentError('SERVICE_UNAVAILABLE', 'none'))],
  ])('is not there, and never will be, where the server of its master %s', async (_, answer) => {
    const settings = { overloadRetryMaxElapsed: 0, ...form.settings }
    const outcome = await mayExist(where(isMaster, answer), { ...form, settings })
    expect(outcome.mayExist).toBe(false)
    expect(outcome.code).not.toBe('ok')
  })

  it.each<[string, ReturnType<Script> | (() => never)]>([
    ['is there already', { status: RESULT_CODES.RECORD_EXISTS }],
    ['timed out', { status: RESULT_CODES.TIMEOUT }],
    ['is in doubt', { status: RESULT_CODES.OUT_OF_SPACE, inDoubt: true }],
    ['has no answer', undefined],
    ['was in a batch in doubt', thrown(new BatchError('lost', CLIENT_STATUS.CONNECTION_ERROR, true))],
    ['was in a batch that broke', thrown(new Error('torn'))],
  ])('may be there where its master %s', async (_, answer) => {
    const outcome = await mayExist(where(isMaster, answer), form)
    expect(outcome.mayExist).toBe(true)
    if (form.outputs === undefined) expect(outcome.code).not.toBe('ok')
  })
})

describe('what fails before the master leaves', () => {
  it.each(FORMS.slice(1))('%s: the body', async (_, form) => {
    const outcome = await mayExist(where(isMaster, { status: 0 }), { ...form, external: new BrokenStore() })
    expect(outcome).toEqual({ mayExist: false, code: 'STORAGE_ERROR' })
  })

  it.each(FORMS.slice(1))('%s: the lock', async (_, form) => {
    const outcome = await mayExist(where(isLock, { status: RESULT_CODES.TIMEOUT, inDoubt: true }), form)
    expect(outcome).toEqual({ mayExist: false, code: 'STORAGE_ERROR' })
  })

  it('a page, even where that is in doubt', async () => {
    const outcome = await mayExist(where(isPage, { status: RESULT_CODES.TIMEOUT, inDoubt: true }), {
      outputs: OUTPUTS,
    })
    expect(outcome).toEqual({ mayExist: false, code: 'STORAGE_ERROR' })
  })

  it('a row whose caller has gone before its batch left', async () => {
    const caller = new AbortController()
    const left = mayExist(where(isMaster, { status: 0 }), {
      settings: { storeBatcherDurationMillis: 1_000 },
      signal: caller.signal,
    })
    caller.abort()
    expect(await left).toEqual({ mayExist: false, code: 'CONTEXT_CANCELED' })
  })
})

it('a record of which only the marks are left is there', async () => {
  const { sizeBytes } = sampleTransaction({ outputs: OUTPUTS })
  const bins = { creating: true, totalExtraRecs: PAGES, totalUtxos: OUTPUTS, sizeInBytes: sizeBytes }
  const outcome = await mayExist(
    row => {
      if (row.kind === 'read') return { bins }
      if (isClearing(row)) return { status: RESULT_CODES.TIMEOUT, inDoubt: true }
      return { status: isLock(row) || row.kind === 'remove' ? RESULT_CODES.OK : RESULT_CODES.RECORD_EXISTS }
    },
    { outputs: OUTPUTS },
  )
  expect(outcome).toEqual({ mayExist: true, code: 'STORAGE_ERROR' })
})
