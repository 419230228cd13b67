import { describe, expect, it } from '@jest/globals'
import type { Slot } from '../final-state.ts'
import { type Action, History, type Operation } from '../history.ts'
import { Random } from '../random.ts'
import { outpointOf } from '../universe.ts'
import { pageViolations } from './page-checks.ts'
import type { FinalMaster, FinalPage, FinalTransaction } from './page-records.ts'
import { createPageUniverse } from './page-universe.ts'

/** Of each rule: does it see what it is there for? A parent of which every output was spent and a block was set. */

const { parents, children } = createPageUniverse(new Random(7), 1)
const [parent] = parents
if (parent === undefined) throw new Error('no parent')
const { hex, tx, singles } = parent
const OK = { kind: 'ok' } as const

function told(history: History, action: Action, store = 1): Operation {
  const operation = history.begin(action, store)
  history.end(operation, OK)
  return operation
}

/** Created, mined, and all but the last output spent. */
function lived(): History {
  const history = new History()
  told(history, { name: 'create', txid: hex, locked: false })
  told(history, { name: 'setMined', txid: hex, blockId: 1, unset: false })
  for (const { hex: spender, inputs } of singles.slice(0, -1))
    told(history, { name: 'spend', txid: spender, outpoints: inputs.map(outpointOf) })
  return history
}

function slots(from: number): Slot[] {
  return singles
    .slice(from, from + 2)
    .map(({ hex: spender }, index) => (from + index === singles.length - 1 ? 'unspent' : { spender, vin: 0 }))
}

function page(from: number): FinalPage {
  const own = slots(from)
  const spentUtxos = own.filter(slot => slot !== 'unspent').length
  return { slots: own, creating: false, spentUtxos, recordUtxos: own.length, deletedChildren: [] }
}

function whole(change: Partial<FinalMaster> = {}): FinalTransaction {
  const pages = Array.from({ length: Math.ceil(tx.outputs.length / 2) - 1 }, (_, index) =>
    page(2 * (index + 1)),
  )
  const spentPages = pages.filter(({ slots: own }) => !own?.includes('unspent')).length
  const master: FinalMaster = {
    ...page(0),
    pages: pages.length,
    spentPages,
    isExternal: true,
    conflicting: false,
    isUnmined: false,
    deleteAtHeight: undefined,
    ...change,
  }
  return { master, pages, isLocked: false, bodies: 1 }
}

function broken(record: FinalTransaction, history = lived()): string[] {
  const found = pageViolations({
    transactions: parents,
    history,
    records: new Map([[hex, record]]),
    onExcused: () => {},
  })
  return [...new Set(found.map(({ rule }) => rule))]
}

const gone: FinalTransaction = {
  ...whole(),
  master: undefined,
  pages: whole().pages.map(() => undefined),
  bodies: 0,
}

describe('the rules of transactions of several records', () => {
  it('say nothing of one that is whole', () => {
    expect(broken(whole())).toEqual([])
  })

  it.each<[string, FinalTransaction]>([
    ['a master has all of its pages', { ...whole(), pages: [undefined, ...whole().pages.slice(1)] }],
    [
      'a whole transaction has no mark',
      { ...whole(), pages: whole().pages.map(entry => ({ ...(entry as FinalPage), creating: true })) },
    ],
    ['a whole transaction has its body', { ...whole(), bodies: 0 }],
    [
      'nothing of half a transaction is spent',
      { ...whole({ creating: true }), pages: [undefined, ...whole().pages.slice(1)] },
    ],
    ['no page without a master', { ...whole(), master: undefined }],
    ['no body without a record', { ...gone, bodies: 1 }],
    ['no lock is left', { ...whole(), isLocked: true }],
    ['no record is made by an update', whole({ slots: undefined })],
    ['counters equal the slots', whole({ spentUtxos: 1 })],
    ['the master counts its spent pages', whole({ spentPages: 99 })],
    ['only what is done is due', whole({ deleteAtHeight: 510 })],
    ['an acknowledged spend stays', whole({ slots: ['unspent', 'unspent'], spentUtxos: 0 })],
    ['only a spend fills a slot', whole({ slots: [{ spender: hex, vin: 0 }, 'unspent'], spentUtxos: 1 })],
    // Its last output was never spent.
    ['only what was due is gone', gone],
  ])('%s', (rule, record) => {
    expect(broken(record)).toContain(rule)
  })

  it('let what is done go, but not what was preserved', () => {
    const history = lived()
    const last = singles.at(-1)
    if (last === undefined) throw new Error('no output')
    told(history, { name: 'spend', txid: last.hex, outpoints: last.inputs.map(outpointOf) })
    expect(broken(gone, history)).toEqual([])
    told(history, { name: 'preserve', txid: hex })
    expect(broken(gone, history)).toEqual(['only what was due is gone'])
  })

  it('want a parent to know its pruned child', () => {
    const [child] = children
    const input = child?.spender?.inputs.find(({ parent: spent }) => spent === tx)
    if (child === undefined || input === undefined) throw new Error('no child')
    const history = lived()
    told(history, { name: 'create', txid: child.hex, locked: false })
    const holds = (entry: FinalPage, from: number, deletedChildren: readonly string[]): FinalPage => ({
      ...entry,
      slots: slots(from).map((slot, index) =>
        from + index === input.vout ? { spender: child.hex, vin: 0 } : slot,
      ),
      deletedChildren,
    })
    const rules = (deletedChildren: readonly string[]): string[] => {
      const { master, ...rest } = whole()
      const record: FinalTransaction = {
        ...rest,
        master: master && { ...master, ...holds(master, 0, deletedChildren) },
        pages: rest.pages.map((entry, index) => entry && holds(entry, 2 * (index + 1), deletedChildren)),
      }
      const records = new Map([
        [hex, record],
        [child.hex, gone],
      ])
      const found = pageViolations({ transactions: [child], history, records, onExcused: () => {} })
      return found.map(({ rule }) => rule)
    }
    expect(rules([])).toContain('parents know their pruned children')
    expect(rules([child.hex])).not.toContain('parents know their pruned children')
  })

  it('excuse a count whose writer died, and no other', () => {
    const history = lived()
    const last = singles.at(-1)
    if (last === undefined) throw new Error('no output')
    const action = { name: 'spend', txid: last.hex, outpoints: last.inputs.map(outpointOf) } as const
    const dying = history.begin(action, 2)
    expect(broken(whole({ spentPages: 99 }), history)).toContain('the master counts its spent pages')
    history.died(2)
    history.end(dying, { kind: 'unknown', code: 'STORAGE_ERROR' })
    expect(broken(whole({ spentPages: 99 }), history)).toEqual([])
  })
})
