import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { masterKey } from '../../../record/index.ts'
import { type BinValue, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError, rowError } from '../../store-errors.ts'

/** How pages follow their master in one bin. */
export interface Alignment<Entry> {
  readonly bin: string
  /** The bin, in errors. */
  readonly name: string
  /** What the pages of a master with this value have to get; undefined where they have it. */
  follow(entry: Entry, value: BinValue | undefined): Entry | undefined
  /** Returns the failures by display-hex txid. */
  write(entries: readonly Entry[]): Promise<ReadonlyMap<string, StoreError>>
}

/** Whoever changes a master writes to its pages in turn, and looks again as well; so often one does. */
const LOOKS_MAX = 8

/**
 * Looks at masters once more after their pages were written, and writes these again, until both agree: of two that change
 * a master at the same time one may be the later there and the earlier at the pages. A master that is gone has no pages to
 * follow it. Returns the failures by display-hex txid; never throws.
 */
export async function alignWithMasters<Entry extends { readonly txid: Uint8Array }>(
  context: StoreContext,
  written: readonly Entry[],
  { bin, name, follow, write }: Alignment<Entry>,
): Promise<Map<string, StoreError>> {
  const readingOf = ({ txid }: Entry): string => `reading the ${name} of ${txidToHex(txid)}`
  const failures = new Map<string, StoreError>()
  let latest = [...new Map(written.map(entry => [txidKey(entry.txid), entry])).values()]
  const judge = (entry: Entry, answer: RowAnswer | StoreError): Entry[] => {
    if (!(answer instanceof StoreError)) {
      if (answer.status === RESULT_CODES.NOT_FOUND) return []
      if (answer.status === RESULT_CODES.OK) {
        const next = follow(entry, answer.bins?.[bin])
        return next === undefined ? [] : [next]
      }
    }
    const failure = answer instanceof StoreError ? answer : rowError(readingOf(entry), answer.status, false)
    failures.set(txidToHex(entry.txid), failure)
    return []
  }
  try {
    for (let look = 1; latest.length > 0 && look <= LOOKS_MAX; look++) {
      const others = await mapRows(context, latest, undefined, {
        toRow: ({ txid }) => ({
          kind: 'read',
          key: { set: context.set, userKey: masterKey(txid) },
          bins: [bin],
        }),
        describe: readingOf,
        read: judge,
      })
      latest = others.flat()
      if (latest.length === 0) break
      for (const [txid, error] of await write(latest)) failures.set(txid, error)
    }
    const restless = `a master had another ${name} at each of ${LOOKS_MAX} looks, and its pages may have an older one`
    for (const { txid } of latest) failures.set(txidToHex(txid), new StoreError('STORAGE_ERROR', restless))
  } catch (error) {
    const failure = asStoreError(error, `aligning the ${name} of pages`, { code: 'STORAGE_ERROR' })
    for (const { txid } of latest) failures.set(txidToHex(txid), failure)
  }
  return failures
}
