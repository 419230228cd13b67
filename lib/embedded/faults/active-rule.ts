import { Capacity } from './capacity.ts'
import type { FaultRule, RequestKind, RowSelection } from './fault-rule.ts'
import type { RequestFacts, RowFacts } from './request-facts.ts'
import { picks } from './selection.ts'

/** Kinds of requests that a rule is about when it names none. */
const DEFAULT_KINDS: readonly RequestKind[] = ['record', 'batch', 'query']

/** What chance decides about: keeps the decisions apart. */
const CONNECTION = 0
const REQUEST = 1
const ROW = 2
const REPLY = 3

/** What a rule does to one request. */
export interface Hit {
  readonly rule: ActiveRule
  /** The index of each row that it is about. */
  readonly rows: ReadonlySet<number>
  /** What further decisions of chance about this request are made of. */
  readonly chanceOf: readonly number[]
}

/** A rule with what it remembers. */
export class ActiveRule {
  readonly rule: FaultRule
  /** How many requests it hit. */
  hits = 0
  readonly #seed: number
  /** How many requests fitted it, but for the selection of requests. */
  #fitting = 0
  readonly #capacities = new Map<number, Capacity>()

  constructor(rule: FaultRule, seed: number) {
    this.rule = rule
    this.#seed = seed
  }

  /** What it does to a request; undefined = nothing. */
  hit(position: number, connection: number, facts: RequestFacts): Hit | undefined {
    if (!this.#fits(position, connection, facts)) return undefined
    const number = this.#fitting++
    if (this.hits >= (this.rule.times ?? Number.POSITIVE_INFINITY)) return undefined
    if (!picks(this.rule.match?.requests, number, this.#seed, REQUEST)) return undefined
    const selection = rowSelection(this.rule)
    const rows = new Set<number>()
    if (selection !== undefined) {
      for (const row of facts.rows) if (this.#picksRow(selection, row, number)) rows.add(row.index)
      if (rows.size === 0) return undefined
    }
    this.hits++
    return { rule: this, rows, chanceOf: [this.#seed, REPLY, number] }
  }

  /** The places of a node that the rule limits. */
  capacity(position: number, concurrency: number): Capacity {
    let capacity = this.#capacities.get(position)
    if (capacity === undefined) {
      capacity = new Capacity(concurrency)
      this.#capacities.set(position, capacity)
    }
    return capacity
  }

  #fits(position: number, connection: number, facts: RequestFacts): boolean {
    const { nodes, match = {} } = this.rule
    if (nodes !== undefined && !nodes.includes(position)) return false
    if (!(match.kinds ?? DEFAULT_KINDS).includes(facts.kind)) return false
    const { commands } = match
    if (commands !== undefined && !(facts.command !== undefined && commands.includes(facts.command)))
      return false
    if (concernsRows(this.rule) && facts.kind !== 'batch') return false
    return picks(match.connections, connection, this.#seed, CONNECTION, position)
  }

  #picksRow(selection: RowSelection, row: RowFacts, request: number): boolean {
    const { commands } = selection
    if (commands !== undefined && !(row.command !== undefined && commands.includes(row.command))) return false
    return picks(selection, row.index, this.#seed, ROW, request)
  }
}

function rowSelection({ fault }: FaultRule): RowSelection | undefined {
  return 'rows' in fault ? fault.rows : undefined
}

function concernsRows({ fault }: FaultRule): boolean {
  return fault.kind === 'reorderRows' || rowSelection({ fault }) !== undefined
}
