import fc from 'fast-check'
import type { SpendFlags } from '../../lib/store/operations/spending/record-groups.ts'
import type { BinValue } from '../../lib/transport/index.ts'
import type { RecordBins } from './both-paths.ts'
import { displayHex, hash, SENTINEL, spendingData } from './record-bins.ts'

export const HEIGHT = 100
export const RETENTION = 10

/** One claim on a record of a case; whose the output is, is told by its hash. */
export interface ClaimCase {
  readonly offset: number
  readonly output: string
  readonly data: Uint8Array
  readonly flags: SpendFlags
}

export interface SpendCase {
  /** On a page instead of the master. */
  readonly isPage: boolean
  readonly bins: RecordBins
  readonly claims: readonly ClaimCase[]
}

const OUTPUTS = ['a', 'b', 'c', 'd'] as const
const OURS = spendingData('ours', 1)
const OTHERS = spendingData('others', 2)

/** Mostly the first: one peculiarity at a time is what tells the paths apart. */
export function mostly<Value>(usual: Value, ...odd: readonly Value[]): fc.Arbitrary<Value> {
  return fc.oneof(
    { weight: 24, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(usual, ...odd) },
  )
}

/** True once in so many times. */
function mostlyNot(times: number): fc.Arbitrary<boolean> {
  return fc.nat(times - 1).map(drawn => drawn === times - 1)
}

const slotOf = (output: string): fc.Arbitrary<BinValue> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<BinValue>(hash(output)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<BinValue>(
        Buffer.concat([hash(output), OURS]),
        Buffer.concat([hash(output), OTHERS]),
        Buffer.concat([hash(output), SENTINEL]),
        null,
        Buffer.alloc(40),
        // Without a NUL, at which Lua would cut it.
        hash(output).toString('hex').slice(0, 32),
        5,
      ),
    },
  )

const utxos = fc
  .integer({ min: 1, max: OUTPUTS.length })
  .chain(count => fc.tuple(...OUTPUTS.slice(0, count).map(slotOf)))

const HEIGHT_MAPS: readonly BinValue[] = [0, 50, HEIGHT, HEIGHT + 1, 'x'].flatMap((height: BinValue) => [
  new Map([[0, height]]),
  new Map([[2, height]]),
])

/** Values of bins that are on few records; undefined leaves the bin out. */
const PECULIARITIES: Readonly<Record<string, readonly (BinValue | undefined)[]>> = {
  locked: [true, true, undefined, 1, 'true'],
  conflicting: [true, true, undefined, 1, 'true'],
  creating: [true, false, 1],
  external: [true, 1],
  spendingHeight: [-1, 0, HEIGHT - 1, HEIGHT, HEIGHT + 1],
  totalExtraRecs: [1, 2, undefined],
  spentExtraRecs: [0, 1, 1, 'x'],
  blockIDs: [[], [], [7, 8], undefined, 5, 'x', [1, 'a', null], new Map([[1, 7]])],
  unminedSince: [3, 3],
  deleteAtHeight: [5, HEIGHT + RETENTION, 1_000],
  preserveUntil: [5, 1_000],
  lastSpentState: ['NOTALLSPENT', 'ALLSPENT', 'ALLSPENT'],
  utxoFreezeFrom: HEIGHT_MAPS,
  utxoFreezeUntil: HEIGHT_MAPS,
  utxoFreezeExp: [new Map([[0, true]])],
  utxoSpendableIn: HEIGHT_MAPS,
  deletedChildren: [new Map([[displayHex('ours'), true]])],
  utxos: [undefined, 'x', new Map([[1, hash('a')]]), hash('a')],
}

const peculiarity = fc
  .constantFrom(...Object.entries(PECULIARITIES))
  .chain(([bin, values]) => fc.constantFrom(...values).map(value => [bin, value] as const))

/** How far the counters are from what the slots say; undefined is no counter. */
const drift = mostly<number | undefined>(0, 1, -1, undefined)

/** The bins of any record: plain ones with a few peculiarities, for each of these to be met alone. */
export const recordBins = fc
  .record({
    isPage: mostlyNot(3),
    slots: utxos,
    spentDrift: drift,
    recordDrift: drift,
    peculiarities: fc.array(peculiarity, { maxLength: 2 }),
  })
  .map(binsOf)

interface RecordParts {
  readonly isPage: boolean
  readonly slots: readonly BinValue[]
  readonly spentDrift: number | undefined
  readonly recordDrift: number | undefined
  readonly peculiarities: readonly (readonly [string, BinValue | undefined])[]
}

function binsOf({ isPage, slots, spentDrift, recordDrift, peculiarities }: RecordParts) {
  const spent = slots.filter(slot => slot instanceof Uint8Array && slot.length === 68).length
  const record = slots.filter(slot => slot !== null).length
  const all: Record<string, BinValue | undefined> = {
    txID: hash('tx'),
    spentUtxos: spentDrift === undefined ? undefined : spent + spentDrift,
    recordUtxos: recordDrift === undefined ? undefined : record + recordDrift,
    utxos: slots,
    locked: false,
    conflicting: false,
    totalExtraRecs: 0,
    blockIDs: [7],
    ...Object.fromEntries(peculiarities),
  }
  if (isPage) for (const bin of ['totalExtraRecs', 'blockIDs', 'external']) all[bin] = undefined
  const entries = Object.entries(all).filter((entry): entry is [string, BinValue] => entry[1] !== undefined)
  return { isPage, bins: Object.fromEntries(entries) }
}

const rarely = mostly(false, true)
const claim: fc.Arbitrary<ClaimCase> = fc
  .record({
    offset: fc.nat(OUTPUTS.length),
    wrongHash: rarely,
    data: mostly<Uint8Array>(OURS, OTHERS, SENTINEL, Buffer.alloc(36)),
    flags: fc.record({
      ignoreConflicting: rarely,
      ignoreLocked: rarely,
      ignorePolicyFreeze: rarely,
      ignoreConsensusFreeze: rarely,
    }),
  })
  .map(({ offset, wrongHash, data, flags }) => ({
    offset,
    output: wrongHash ? 'another' : (OUTPUTS[offset] ?? 'beyond'),
    data,
    flags,
  }))

/** The claims that spend every output there may be, for the delete-at-height to be judged. */
const ALL_OUTPUTS: readonly ClaimCase[] = OUTPUTS.map((output, offset) => ({
  offset,
  output,
  data: OURS,
  flags: {
    ignoreConflicting: false,
    ignoreLocked: false,
    ignorePolicyFreeze: false,
    ignoreConsensusFreeze: false,
  },
}))

/**
 * Any record and any claims on it. Also one good claim alone, and one on each output: a claim that is left to Lua
 * has it judge the record as a whole, and hides what the others have done wrong.
 */
export const spendCase: fc.Arbitrary<SpendCase> = recordBins.chain(record => {
  const { utxos } = record.bins
  const outputs = Array.isArray(utxos) ? utxos.length : 0
  const claims = fc.oneof(
    fc.array(claim, { minLength: 1, maxLength: 6 }),
    fc.constant(ALL_OUTPUTS.slice(0, 1)),
    fc.constant(ALL_OUTPUTS.slice(0, Math.max(1, outputs))),
  )
  return claims.map(claims => ({ ...record, claims }))
})

/**
 * Cases of one batch. Mostly none of its claims passes over locks, or all do: the wire transport then sends one filter
 * for all of them, and one for each where they differ.
 */
export function spendBatch(casesMax: number): fc.Arbitrary<readonly SpendCase[]> {
  const cases = fc.array(spendCase, { minLength: casesMax / 2, maxLength: casesMax, size: 'max' })
  const ignoreLocked = fc.constantFrom(false, false, true, undefined)
  return fc
    .tuple(cases, ignoreLocked)
    .map(([batch, same]) =>
      same === undefined
        ? batch
        : batch.map(each => ({ ...each, claims: withIgnoreLocked(each.claims, same) })),
    )
}

function withIgnoreLocked(claims: readonly ClaimCase[], ignoreLocked: boolean): readonly ClaimCase[] {
  return claims.map(claim => ({ ...claim, flags: { ...claim.flags, ignoreLocked } }))
}

/** On a record of two outputs against which nothing stands but what is given: spends of the first of them, or of both. */
export function plainCase({
  isPage = false,
  bins = {},
  claims = 1,
  ignoreLocked = false,
}: PlainCase): SpendCase {
  const slots = OUTPUTS.slice(0, 2).map(hash)
  const parts = { isPage, slots, spentDrift: 0, recordDrift: 0, peculiarities: Object.entries(bins) }
  return { ...binsOf(parts), claims: withIgnoreLocked(ALL_OUTPUTS.slice(0, claims), ignoreLocked) }
}

interface PlainCase {
  readonly isPage?: boolean
  /** Undefined leaves a bin out. */
  readonly bins?: Readonly<Record<string, BinValue | undefined>>
  readonly claims?: number
  readonly ignoreLocked?: boolean
}

/** Every peculiarity alone, on a master and on a page, with a spend of one output and of both. */
export const eachPeculiarity: readonly SpendCase[] = Object.entries(PECULIARITIES).flatMap(([bin, values]) =>
  values.flatMap(value =>
    [false, true].flatMap(isPage =>
      [1, 2].map(claims => plainCase({ isPage, bins: { [bin]: value }, claims })),
    ),
  ),
)
