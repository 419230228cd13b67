import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { encodeSpendingData } from '../../../../lib/record/index.ts'
import {
  conflictingChildren,
  WalkLimitError,
  walkDescendants,
} from '../../../../lib/store/operations/conflicts/conflicting-children.ts'
import type { Bins, RowAnswer } from '../../../../lib/transport/index.ts'
import { contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

/** A txid that is a number. */
function txid(node: number): Uint8Array {
  const bytes = Buffer.alloc(32)
  bytes.writeUInt32LE(node)
  return new Uint8Array(bytes)
}

const nodeOf = (bytes: Uint8Array): number => Buffer.from(bytes).readUInt32LE()

interface GraphNode {
  readonly spenders?: readonly number[]
  readonly conflicting?: readonly number[]
  readonly bins?: Bins
}

/** Answers reads of masters from a graph; a node that is not in it has no record. */
function graph(nodes: ReadonlyMap<number, GraphNode>): ScriptedTransport {
  return new ScriptedTransport((row): Partial<RowAnswer> => {
    const node = nodes.get(nodeOf(row.key.userKey as Uint8Array))
    if (node === undefined) return { status: 2 }
    const utxos = (node.spenders ?? []).map(spender =>
      Buffer.concat([Buffer.alloc(32), encodeSpendingData({ txid: txid(spender), vin: 0 })]),
    )
    return {
      bins: {
        utxos,
        totalUtxos: utxos.length,
        totalExtraRecs: 0,
        conflictingCs: (node.conflicting ?? []).map(txid),
        blockIDs: [],
        blockHeights: [],
        subtreeIdxs: [],
        unminedSince: 900,
        ...node.bins,
      } as Bins,
    }
  })
}

const rowsOf = ({ batches }: ScriptedTransport): number => batches.reduce((sum, rows) => sum + rows.length, 0)

describe('lesson 73: the walk over conflicting children', () => {
  it.each([
    ['a chain of 1,000', (n: number) => (n < 1_000 ? [n + 1] : []), 1_001],
    [
      '1,000 children of one',
      (n: number) => (n === 0 ? Array.from({ length: 1_000 }, (_, i) => i + 1) : []),
      2,
    ],
    ['a binary tree of 1,023', (n: number) => (n < 511 ? [2 * n + 1, 2 * n + 2] : []), 10],
  ])('reads each once, with one batch for each level: %s', async (_, spendersOf, levels) => {
    const nodes = new Map(Array.from({ length: 1_023 }, (_, n) => [n, { spenders: spendersOf(n) }]))
    const transport = graph(nodes)
    const children = await conflictingChildren(contextWith(transport), txid(0), undefined)
    expect(rowsOf(transport)).toBe(children.length + 1)
    expect(transport.batches).toHaveLength(levels)
  })

  it('finds exactly what can be reached, each once, for any graph with circles', async () => {
    const edges = fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.boolean()), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(edges, async pairs => {
        const nodes = new Map(
          Array.from({ length: 12 }, (_, n) => [
            n,
            {
              spenders: pairs.filter(([from, , spends]) => from === n && spends).map(([, to]) => to),
              conflicting: pairs.filter(([from, , spends]) => from === n && !spends).map(([, to]) => to),
            },
          ]),
        )
        const reached = new Set([0])
        for (let size = 0; size !== reached.size; ) {
          size = reached.size
          for (const [from, to] of pairs) if (reached.has(from)) reached.add(to)
        }
        reached.delete(0)
        const transport = graph(nodes)
        const children = await conflictingChildren(contextWith(transport), txid(0), undefined)
        expect(children.map(nodeOf).sort()).toEqual([...reached].sort())
        expect(rowsOf(transport)).toBe(reached.size + 1)
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    [5, 'ok'],
    [4, 'WalkLimitError'],
    [0, 'ok'],
  ])('of five transactions with a limit of %i: %s', async (limit, expected) => {
    const nodes = new Map([0, 1, 2, 3, 4].map(n => [n, { spenders: n < 4 ? [n + 1] : [] }]))
    const context = contextWith(graph(nodes), { conflictingChildrenMaxNodes: limit })
    const outcome = await conflictingChildren(context, txid(0), undefined).catch((error: unknown) => error)
    expect(outcome instanceof WalkLimitError ? outcome.name : 'ok').toBe(expected)
    if (outcome instanceof WalkLimitError) expect(outcome).toMatchObject({ code: 'PROCESSING', limit })
  })
})

describe('a descendant without a record', () => {
  const mined = (...heights: number[]): Bins => ({ unminedSince: null, blockHeights: heights })
  const EXPLAINED = [{ mayBeMissing: true }]
  const UNEXPLAINED = [{ mayBeMissing: false }]

  it.each<[string, GraphNode[], object[]]>([
    ['of an unmined transaction', [{ spenders: [9] }], EXPLAINED],
    ['of one mined 287 blocks ago', [{ spenders: [9], bins: mined(713) }], EXPLAINED],
    ['of one mined 288 blocks ago', [{ spenders: [9], bins: mined(712) }], UNEXPLAINED],
    ['of one in two blocks', [{ spenders: [9], bins: mined(999, 712) }], UNEXPLAINED],
    ['of one of unknown age', [{ spenders: [9], bins: mined() }], UNEXPLAINED],
    ['that is only listed', [{ conflicting: [9], bins: mined(1) }], EXPLAINED],
    ['of two, one of them old', [{ spenders: [9, 1] }, { spenders: [9], bins: mined(1) }], UNEXPLAINED],
  ])('%s', async (_, nodes, expected) => {
    const context = contextWith(graph(new Map(nodes.entries())))
    const roots = [{ txid: txid(0), mayBeMissing: false }]
    const { missing } = await walkDescendants(context, roots, { nodesMax: 0 })
    expect(missing).toMatchObject(expected)
    expect(missing).toHaveLength(1)
  })

  it('is never explained where nothing is pruned', async () => {
    const context = contextWith(graph(new Map([[0, { spenders: [9] }]])), { blockHeightRetention: 0 })
    const { missing } = await walkDescendants(context, [{ txid: txid(0), mayBeMissing: false }], {
      nodesMax: 0,
    })
    expect(missing).toMatchObject(UNEXPLAINED)
  })
})
