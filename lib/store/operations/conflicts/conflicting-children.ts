import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { RecordNotFoundError } from '../../store-errors.ts'
import { isPlaceholderTxid, PLACEHOLDER_TXID } from '../../txids.ts'
import { isRecent, readNodes } from '../reading/transaction-nodes.ts'

/** A walk met more transactions than the setting `conflictingChildrenMaxNodes` allows; it answers nothing then. */
export class WalkLimitError extends StoreError {
  override readonly name = 'WalkLimitError'
  readonly limit: number

  constructor(root: Uint8Array, limit: number) {
    super(
      'PROCESSING',
      `the walk over the descendants of ${txidToHex(root)} met more than ${limit} transactions (conflictingChildrenMaxNodes)`,
    )
    this.limit = limit
  }
}

/** A transaction that a walk begins with. */
export interface WalkRoot {
  readonly txid: Uint8Array
  /** Whether its lack of a record would be no surprise (see `isRecent`). */
  readonly mayBeMissing: boolean
}

export interface Descendants {
  /** Transactions with a record, roots included, in the order of the walk. */
  readonly found: readonly Uint8Array[]
  /** Transactions that are named, but have no record. */
  readonly missing: readonly WalkRoot[]
  readonly hasFrozenOutput: boolean
  /** Of the transactions not to visit, those that a visited one names, by `txidKey`. */
  readonly met: ReadonlySet<string>
}

export interface WalkOptions {
  /** The most transactions to visit, roots included; 0 is unlimited. */
  readonly nodesMax: number
  /** Transactions not to visit, by `txidKey`. */
  readonly except?: ReadonlySet<string>
  readonly signal?: AbortSignal | undefined
}

interface Visited {
  readonly txid: Uint8Array
  mayBeMissing: boolean
  hasRecord: boolean
}

/**
 * Visits all descendants, breadth-first: whoever spends an output or tried to. Each is read once, a level with
 * one batch, so that the work is linear in what is visited (semantics 3.10, incident #1391).
 */
export async function walkDescendants(
  context: StoreContext,
  roots: readonly WalkRoot[],
  { nodesMax, except, signal }: WalkOptions,
): Promise<Descendants> {
  const visited = new Map<string, Visited>()
  const met = new Set<string>()
  let hasFrozenOutput = false
  let level: Visited[] = []
  const visit = (txid: Uint8Array, mayBeMissing: boolean, into: Visited[]): void => {
    const key = txidKey(txid)
    if (except?.has(key)) {
      met.add(key)
      return
    }
    const before = visited.get(key)
    if (before !== undefined) {
      // Every spend that names it has to be recent; one that is not leaves its absence unexplained.
      before.mayBeMissing &&= mayBeMissing
      return
    }
    if (nodesMax > 0 && visited.size >= nodesMax) throw new WalkLimitError(roots[0]?.txid ?? txid, nodesMax)
    const entry = { txid, mayBeMissing, hasRecord: true }
    visited.set(key, entry)
    into.push(entry)
  }
  for (const { txid, mayBeMissing } of roots) visit(txid, mayBeMissing, level)
  while (level.length > 0) {
    const nodes = await readNodes(
      context,
      level.map(({ txid }) => txid),
      signal,
    )
    const next: Visited[] = []
    for (const [index, entry] of level.entries()) {
      const node = nodes[index]
      if (node === undefined) {
        entry.hasRecord = false
        continue
      }
      hasFrozenOutput ||= node.hasFrozenOutput
      const recent = isRecent(node.age, context)
      for (const spender of node.spenders) visit(spender, recent, next)
      // A conflicting child holds nothing of its parent, and is pruned before it.
      for (const child of node.conflictingChildren) visit(child, true, next)
    }
    level = next
  }
  const all = [...visited.values()]
  return {
    found: all.filter(({ hasRecord }) => hasRecord).map(({ txid }) => txid),
    missing: all.filter(({ hasRecord }) => !hasRecord),
    hasFrozenOutput,
    met,
  }
}

/**
 * Every descendant of a transaction, itself excluded: who spends an output of it or tried to, and so on. A
 * frozen output is reported as a spender of 32 × FF; a descendant without a record is reported, too.
 */
export async function conflictingChildren(
  context: StoreContext,
  txid: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array[]> {
  if (isPlaceholderTxid(txid)) return []
  const root = txidKey(txid)
  const { found, missing, hasFrozenOutput } = await walkDescendants(
    context,
    [{ txid, mayBeMissing: false }],
    {
      nodesMax: context.settings.conflictingChildrenMaxNodes,
      signal,
    },
  )
  if (missing.some(({ txid: absent }) => txidKey(absent) === root)) throw new RecordNotFoundError(txid)
  const children = [...found, ...missing.map(({ txid: absent }) => absent)]
  return [
    ...children.filter(child => txidKey(child) !== root),
    ...(hasFrozenOutput ? [PLACEHOLDER_TXID.slice()] : []),
  ]
}
