import { setTimeout as delay } from 'node:timers/promises'
import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, masterKey } from '../../../record/index.ts'
import { RESULT_CODES, type WriteOperation } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { rowError, throwFailures } from '../../store-errors.ts'

/** A conflicting transaction and one whose output it tried to spend. */
export interface ConflictLink {
  /** 32 bytes, internal order. */
  readonly parentTxid: Uint8Array
  /** 32 bytes, internal order. */
  readonly childTxid: Uint8Array
}

/**
 * Enters children in the lists of their parents, each once however often it is done. A parent without a record
 * was pruned, and has no list; any other failure is thrown after all were tried (semantics 3.4, step 2).
 */
export function linkToParents(
  context: StoreContext,
  links: readonly ConflictLink[],
  signal: AbortSignal | undefined,
): Promise<void> {
  return changeLists(context, links, 'list-append-unique', signal)
}

/** Takes children out of the lists of their parents; neither a missing entry nor a missing parent is a failure. */
export function unlinkFromParents(
  context: StoreContext,
  links: readonly ConflictLink[],
  signal: AbortSignal | undefined,
): Promise<void> {
  return changeLists(context, links, 'list-remove-value', signal)
}

/** The most changes of one list in one row; a row with all children of a wide parent would be a row of megabytes. */
const CHANGES_PER_ROW_MAX = 1_000

interface ListChange {
  readonly parentTxid: Uint8Array
  readonly operations: readonly WriteOperation[]
}

async function changeLists(
  context: StoreContext,
  links: readonly ConflictLink[],
  kind: 'list-append-unique' | 'list-remove-value',
  signal: AbortSignal | undefined,
): Promise<void> {
  const failures: StoreError[][] = []
  // One row for each parent in a batch: a server refuses many that wait for one record.
  for (const wave of wavesByParent(links, kind)) failures.push(await changeWave(context, wave, signal))
  throwFailures(failures.flat(), links.length, 'lists of conflicting children could not be changed')
}

/** Pauses before another attempt, in milliseconds. */
const BUSY_PAUSES_MS = [5, 20, 80, 320]

/**
 * Many conflicting children of one parent come at once, each with its own row for the parent's list, and a server
 * lets twenty of them wait. What it refuses for that is sent again: it was not applied, and could be twice.
 */
async function changeWave(
  context: StoreContext,
  wave: readonly ListChange[],
  signal: AbortSignal | undefined,
): Promise<StoreError[]> {
  const failures: StoreError[] = []
  let left = wave
  for (const pauseMs of [...BUSY_PAUSES_MS, undefined]) {
    const outcomes = await changeOnce(context, left, signal)
    const isBusy = (index: number): boolean => outcomes[index]?.isBusy === true && pauseMs !== undefined
    for (const [index, { failure }] of outcomes.entries())
      if (failure !== undefined && !isBusy(index)) failures.push(failure)
    left = left.filter((_, index) => isBusy(index))
    if (left.length === 0 || pauseMs === undefined) break
    // Spread, or all would come back together.
    await delay(pauseMs * (1 + Math.random()))
  }
  return failures
}

function changeOnce(
  context: StoreContext,
  changes: readonly ListChange[],
  signal: AbortSignal | undefined,
): Promise<{ isBusy: boolean; failure: StoreError | undefined }[]> {
  return mapRows(context, changes, signal, {
    toRow: ({ parentTxid, operations }) => ({
      kind: 'write',
      key: { set: context.set, userKey: masterKey(parentTxid) },
      operations,
      exists: 'update-only',
    }),
    describe: ({ parentTxid }) => what(parentTxid),
    read: ({ parentTxid }, answer) => {
      if (answer instanceof StoreError) return { isBusy: false, failure: answer }
      const { status, inDoubt } = answer
      if (status === RESULT_CODES.OK || status === RESULT_CODES.NOT_FOUND)
        return { isBusy: false, failure: undefined }
      return {
        isBusy: status === RESULT_CODES.KEY_BUSY,
        failure: rowError(what(parentTxid), status, inDoubt),
      }
    },
  })
}

function wavesByParent(
  links: readonly ConflictLink[],
  kind: 'list-append-unique' | 'list-remove-value',
): ListChange[][] {
  const children = new Map<string, { parentTxid: Uint8Array; operations: WriteOperation[] }>()
  for (const { parentTxid, childTxid } of links) {
    const operation = { kind, bin: BINS.conflictingChildren, value: childTxid }
    const entry = children.get(txidKey(parentTxid))
    if (entry === undefined) children.set(txidKey(parentTxid), { parentTxid, operations: [operation] })
    else entry.operations.push(operation)
  }
  const waves: ListChange[][] = []
  for (const { parentTxid, operations } of children.values()) {
    for (let from = 0; from < operations.length; from += CHANGES_PER_ROW_MAX) {
      const wave = from / CHANGES_PER_ROW_MAX
      waves[wave] ??= []
      waves[wave]?.push({ parentTxid, operations: operations.slice(from, from + CHANGES_PER_ROW_MAX) })
    }
  }
  return waves
}

function what(parentTxid: Uint8Array): string {
  return `changing the conflicting children of ${txidToHex(parentTxid)}`
}
