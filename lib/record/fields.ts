import { InvalidArgumentError } from '../errors/index.ts'
import { BIN_TABLE, BINS } from './bins.ts'

type BinName = keyof typeof BIN_TABLE

/** Fields that take several bins, or another than their name says (semantics 3.2). */
const COMPOSED = {
  /** The transaction itself. */
  tx: ['version', 'locktime', 'inputs', 'outputs', 'external'],
  /** Parents with the outputs that are used of each. */
  txInpoints: ['inputs', 'external'],
  inputs: ['inputs', 'external'],
  outputs: ['outputs', 'external'],
  blockIds: ['blockIds', 'blockHeights', 'subtreeIdxs'],
  utxos: ['utxos', 'totalExtraRecs', 'totalUtxos', 'freezeFrom', 'freezeUntil', 'freezeExpires'],
  /** Freeze records of all outputs. */
  freezes: ['freezeFrom', 'freezeUntil', 'freezeExpires', 'freezeRecordNumbers'],
} as const satisfies Record<string, readonly BinName[]>

/** Bins of the outputs of one record: by themselves they say nothing of a transaction. */
const NO_FIELDS = [
  'deletedChildren',
  'spendableIn',
  'freezeFrom',
  'freezeUntil',
  'freezeExpires',
  'freezeRecordNumbers',
] as const satisfies readonly BinName[]

/** What a caller can ask for. */
export type Field = Exclude<BinName, (typeof NO_FIELDS)[number]> | keyof typeof COMPOSED

export const FIELDS = [...new Set([...Object.keys(BIN_TABLE), ...Object.keys(COMPOSED)])].filter(
  name => !(NO_FIELDS as readonly string[]).includes(name),
) as readonly Field[]

const FIELD_NAMES: ReadonlySet<string> = new Set(FIELDS)

/** The reference system's spelling, where it differs, is accepted for the same field. */
const SYNONYMS = new Map<string, Field>([
  ...Object.entries(BIN_TABLE).flatMap(([name, { bin }]): [string, Field][] =>
    isField(name) ? [[bin, name]] : [],
  ),
  ['frozen', 'freezes'],
])

export const META_FIELDS = Object.freeze([
  'locktime',
  'fee',
  'sizeInBytes',
  'txInpoints',
  'blockIds',
  'isCoinbase',
  'conflicting',
  'locked',
  'creating',
] as const satisfies readonly Field[])

export const GET_FIELDS = Object.freeze([...META_FIELDS, 'tx'] as const satisfies readonly Field[])

export const DECORATE_FIELDS = Object.freeze([
  'fee',
  'sizeInBytes',
  'txInpoints',
  'blockIds',
  'isCoinbase',
] as const satisfies readonly Field[])

/** They cannot change, so that nothing of them need be checked. */
const USUAL_LISTS: ReadonlySet<unknown> = new Set([META_FIELDS, GET_FIELDS, DECORATE_FIELDS])

/** Checks field names as callers give them. Throws `INVALID_ARGUMENT` naming an unknown one. */
export function checkFields(fields: readonly (Field | string)[]): readonly Field[] {
  if (USUAL_LISTS.has(fields)) return fields as readonly Field[]
  if (!Array.isArray(fields) || fields.length === 0)
    throw new InvalidArgumentError('fields', 'a list of at least one field', fields)
  let areNames = true
  // `every` would pass over holes.
  for (const name of fields) areNames &&= isField(name)
  // The usual lists come back as they are, so that a batch of equal lists is recognised as one.
  if (areNames) return fields
  return Array.from(fields, (name, index) => {
    if (isField(name)) return name
    const field = SYNONYMS.get(name)
    if (field === undefined) throw new InvalidArgumentError(`fields[${index}]`, 'a known field', name)
    return field
  })
}

function isField(name: string): name is Field {
  return FIELD_NAMES.has(name)
}

/** The bins to read for fields, each once. */
export function binsForFields(fields: readonly Field[]): string[] {
  const names = fields.flatMap((field): readonly BinName[] => (isComposed(field) ? COMPOSED[field] : [field]))
  return [...new Set(names.map(name => BINS[name]))]
}

/** Fields that an external transaction keeps in its body. */
const BODY_FIELDS: readonly Field[] = ['tx', 'txInpoints', 'inputs', 'outputs']

export function wantsBody(fields: readonly Field[]): boolean {
  return fields.some(field => BODY_FIELDS.includes(field))
}

function isComposed(field: Field): field is keyof typeof COMPOSED {
  return Object.hasOwn(COMPOSED, field)
}
