import { BINS, masterKey } from '../../../record/index.ts'
import type { Bins, Filter, WriteStatement } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import type { FilteredFirst } from '../../dispatch/filtered-first.ts'

/** Only a transaction that could be pruned needs to be kept from it (semantics 3.14). */
export const AT_RISK: Filter = {
  or: [{ binExists: BINS.deleteAtHeight }, { binExists: BINS.preserveUntil }],
}

/** What is frozen is for Lua alone (semantics 2.10). */
const IS_WITHOUT_FREEZE: Filter = {
  noneExists: [BINS.freezeFrom, BINS.freezeUntil, BINS.freezeExpires, BINS.freezeRecordNumbers],
}

/** The same as lua/utxo/preserve.lua. */
const STATEMENT: WriteStatement = {
  name: 'preserve',
  parameters: [{ type: 'int' }],
  exists: 'update-only',
  filter: { and: [AT_RISK, IS_WITHOUT_FREEZE] },
  operations: [
    { kind: 'unset', bin: BINS.deleteAtHeight },
    { kind: 'put', bin: BINS.preserveUntil, value: { parameter: 0 } },
    { kind: 'read', bin: BINS.external },
  ],
}

/** The filtered write to try before `preserveUntil`; none where the settings have Lua asked at once. */
export function preserveFiltered(
  { set, settings }: StoreContext,
  height: number,
): readonly FilteredFirst<Uint8Array>[] {
  if (!settings.enablePreserveFilterExpressions) return []
  return [
    {
      toRow: txid => ({
        kind: 'execute',
        key: { set, userKey: masterKey(txid) },
        statement: STATEMENT,
        args: [height],
      }),
      udfBins: preservedBins,
    },
  ]
}

function preservedBins(bins: Bins | undefined): Bins {
  const signal = bins?.[BINS.external] === true ? { signal: 'PRESERVE' } : {}
  return { SUCCESS: { status: 'OK', ...signal } }
}
