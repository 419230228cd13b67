import { binsAfter } from '../../../lib/embedded/commands/udf-commit.ts'
import {
  LuaRuntime,
  type LuaRuntimeOptions,
  type Particle,
  type UdfOutcome,
  type UdfRecord,
} from '../../../lib/embedded/lua/index.ts'
import { BinList } from '../../../lib/embedded/storage/bin-list.ts'
import {
  binNameFromText,
  Double,
  decodeMsgpack,
  encodeMsgpack,
  type Value,
} from '../../../lib/protocol/index.ts'
import { encoded } from '../support/encoded.ts'

/** Where modules seem to lie, so that error texts are short. */
export const USER_PATH = '/udf'

export const NO_ARGUMENTS = Buffer.from([0x90])

export async function startRuntime(options: LuaRuntimeOptions = {}): Promise<LuaRuntime> {
  return LuaRuntime.create({ userPath: USER_PATH, ...options })
}

export function int(value: number | bigint): Particle {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return { type: 1, value: bytes }
}

export function double(value: number): Particle {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return { type: 2, value: bytes }
}

export const text = (value: string): Particle => ({ type: 3, value: Buffer.from(value) })
export const blob = (hex: string): Particle => ({ type: 4, value: Buffer.from(hex, 'hex') })
export const list = (hex: string): Particle => ({ type: 20, value: Buffer.from(hex, 'hex') })
export const map = (hex: string): Particle => ({ type: 19, value: Buffer.from(hex, 'hex') })

export function existing(
  bins: Record<string, Particle> = { x: int(1) },
  rest: Partial<UdfRecord> = {},
): UdfRecord {
  const stored = BinList.of(
    Object.entries(bins).map(([name, { type, value }]) => ({
      name: binNameFromText(name),
      type,
      value: Buffer.from(value),
    })),
  )
  return {
    exists: true,
    digest: Buffer.alloc(20, 0xab),
    setName: 'demo',
    userKey: undefined,
    generation: 3,
    voidTimeSeconds: 0,
    ttlSeconds: 0,
    lastUpdateMs: 500_000_000_000,
    sizeBytes: 160,
    bins: encoded(stored),
    binCount: stored.count,
    ...rest,
  }
}

export function missing(): UdfRecord {
  return existing({}, { exists: false, generation: 0, lastUpdateMs: 0, sizeBytes: 0 })
}

/** A particle as a JavaScript value; doubles stay apart from integers, and blobs are hex. */
export function decoded({ type, value }: Particle): unknown {
  const bytes = Buffer.from(value)
  switch (type) {
    case 0:
      return null
    case 1:
      return Number(bytes.readBigInt64BE())
    case 2:
      return new Double(bytes.readDoubleBE())
    case 3:
      return bytes.toString()
    case 4:
      return { hex: bytes.toString('hex') }
    case 17:
      return bytes[0] === 1
    default:
      return bytes.toString('hex')
  }
}

/** What a test looks at: the value of a success, the text of a failure, the code of a refusal. */
export function answerOf(outcome: UdfOutcome): unknown {
  if (outcome.kind === 'success') return decoded(outcome.value)
  if (outcome.kind === 'failure') return { failure: outcome.message }
  return { refused: outcome.resultCode }
}

/** The bins that a call left of those of a record, or what else became of it. */
export function changeOf(outcome: UdfOutcome, record: UdfRecord): unknown {
  if (outcome.kind !== 'success') return outcome.kind
  if (outcome.change.kind !== 'write') return outcome.change.kind
  const left = binsAfter(record, outcome.change)
  const bins = [...BinList.decode(encoded(left), left.count)]
  return Object.fromEntries(bins.map(bin => [bin.name, decoded(bin)]))
}

/** What a call made of one bin, as it goes to the storage; undefined when it left it alone. */
export function changedBin(outcome: UdfOutcome | undefined, name: string): Particle | undefined {
  if (outcome?.kind !== 'success' || outcome.change.kind !== 'write') return undefined
  return outcome.change.changed.find(bin => bin.name === name)
}

export const argumentsOf = (...values: Value[]): Buffer => encodeMsgpack(values)

export { Double, decodeMsgpack, encodeMsgpack, type Value }

/**
 * Registers a module in which each body is a function `f<index>(rec, a, b)` on a line of its own, and calls them in turn.
 * A body that begins with no keyword is an expression.
 */
export function evaluateAll(
  runtime: LuaRuntime,
  bodies: readonly string[],
  record: UdfRecord,
  args: Uint8Array = NO_ARGUMENTS,
): UdfOutcome[] {
  const lines = bodies.map((body, i) => {
    const statements = /^(local|for|while|do|if|repeat|return)\b/.test(body) ? body : `return ${body}`
    return `function f${i}(rec, a, b) ${statements} end`
  })
  const registration = runtime.register('lab.lua', Buffer.from(lines.join('\n')))
  if (!registration.ok) throw new Error(`line ${registration.line}: ${registration.message}`)
  return bodies.map((_, i) => runtime.apply('lab', `f${i}`, record, args, 1000))
}

/**
 * The answers of `evaluateAll`. A failure that names the line of its own body has `@` in place of the position, so a
 * table says by it that the position is right.
 */
export function answersTo(
  runtime: LuaRuntime,
  bodies: readonly string[],
  record: UdfRecord = existing(),
  args: Uint8Array = NO_ARGUMENTS,
): unknown[] {
  return evaluateAll(runtime, bodies, record, args).map((outcome, i) => {
    if (outcome.kind !== 'failure') return answerOf(outcome)
    return { failure: outcome.message.replace(`${USER_PATH}/lab.lua:${i + 1}:`, '@') }
  })
}

/** Expressions and what they answer. */
export type Expectations = readonly (readonly [expression: string, answer: unknown])[]

export const failure = (message: string): { failure: string } => ({ failure: message })
