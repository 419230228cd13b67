import { InvalidArgumentError, wholeNumber } from '../../errors/index.ts'
import { COMMAND_KINDS, type FaultRule, REQUEST_KINDS } from './fault-rule.ts'

/** Throws for a value that is not what it should be. */
type Check = (value: unknown, field: string) => void
/** The members that an object may have. */
type Checks = Readonly<Record<string, { readonly check: Check; readonly isOptional?: true }>>

const WHOLE_MAX = 0xffffffff
const DELAY_MS_MAX = 600_000

const between =
  (min: number, max: number): Check =>
  (value, field) => {
    wholeNumber(field, value, min, max)
  }

const number =
  (min: number, max: number): Check =>
  (value, field) => {
    if (!(typeof value === 'number' && value >= min && value <= max)) {
      throw new InvalidArgumentError(field, `a number from ${min} to ${max}`, value)
    }
  }

const oneOf =
  (choices: readonly string[]): Check =>
  (value, field) => {
    if (!choices.includes(value as string)) {
      throw new InvalidArgumentError(field, `one of ${choices.join(', ')}`, value)
    }
  }

const listOf =
  (check: Check): Check =>
  (value, field) => {
    if (!Array.isArray(value) || value.length === 0) {
      throw new InvalidArgumentError(field, 'a list that is not empty', value)
    }
    for (const [index, item] of value.entries()) check(item, `${field}[${index}]`)
  }

const objectOf =
  (checks: Checks): Check =>
  (value, field) => {
    if (typeof value !== 'object' || value === null) throw new InvalidArgumentError(field, 'an object', value)
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(checks, name)) throw new InvalidArgumentError(field, 'without unknown members', name)
    }
    for (const [name, { check, isOptional }] of Object.entries(checks)) {
      const member: unknown = Reflect.get(value, name)
      if (member !== undefined || isOptional !== true) check(member, `${field}.${name}`)
    }
  }

const optional = (check: Check) => ({ check, isOptional: true }) as const

const SELECTION: Checks = {
  only: optional(listOf(between(0, WHOLE_MAX))),
  every: optional(between(1, WHOLE_MAX)),
  probability: optional(number(0, 1)),
}
const ROWS = { check: objectOf({ ...SELECTION, commands: optional(listOf(oneOf(COMMAND_KINDS))) }) }
const WAIT = { check: number(0, DELAY_MS_MAX) }
const RESULT_CODE = { check: between(1, 255) }

/** The members of each fault besides `when` and `kind`. */
const FAULTS: Readonly<Record<'before' | 'after', Readonly<Record<string, Checks>>>> = {
  before: {
    delay: { ms: WAIT },
    capacity: {
      concurrency: { check: between(1, 65_536) },
      serviceMs: WAIT,
      serviceMsPerRow: optional(WAIT.check),
    },
    refuse: { resultCode: RESULT_CODE, rows: optional(ROWS.check) },
    drop: {},
    reset: {},
  },
  after: {
    delay: { ms: WAIT },
    drop: {},
    reset: {},
    truncate: { bytes: { check: between(0, WHOLE_MAX) } },
    duplicate: {},
    corrupt: { bytes: { check: between(1, WHOLE_MAX) }, from: optional(between(0, WHOLE_MAX)) },
    dropRows: { rows: ROWS },
    duplicateRows: { rows: ROWS },
    recodeRows: { rows: ROWS, resultCode: { check: between(0, 255) } },
    reorderRows: {},
  },
}

const fault: Check = (value, field) => {
  if (typeof value !== 'object' || value === null) throw new InvalidArgumentError(field, 'an object', value)
  const when: unknown = Reflect.get(value, 'when')
  oneOf(Object.keys(FAULTS))(when, `${field}.when`)
  const kinds = FAULTS[when as keyof typeof FAULTS]
  const kind: unknown = Reflect.get(value, 'kind')
  oneOf(Object.keys(kinds))(kind, `${field}.kind`)
  const tag = { check: () => {} }
  objectOf({ when: tag, kind: tag, ...kinds[kind as string] })(value, field)
}

const match = objectOf({
  kinds: optional(listOf(oneOf(REQUEST_KINDS))),
  commands: optional(listOf(oneOf(COMMAND_KINDS))),
  connections: optional(objectOf(SELECTION)),
  requests: optional(objectOf(SELECTION)),
})

/**
 * Checks a rule that comes from outside.
 *
 * @param nodeCount how many nodes the rule can be about
 * @throws InvalidArgumentError naming the member and the value
 */
export function checkFaultRule(rule: FaultRule, nodeCount: number): void {
  objectOf({
    nodes: optional(listOf(between(0, nodeCount - 1))),
    match: optional(match),
    fault: { check: fault },
    times: optional(between(1, WHOLE_MAX)),
  })(rule, 'rule')
  const kinds = rule.match?.kinds ?? []
  if (rule.fault.kind === 'refuse' && (kinds.includes('info') || kinds.includes('security'))) {
    throw new InvalidArgumentError(
      'rule.match.kinds',
      'without info and security, which have no result codes',
      kinds,
    )
  }
}
