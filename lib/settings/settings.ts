import { checkObject, InvalidArgumentError } from '../errors/index.ts'
import { SETTINGS, type SettingKind, type SettingName, type SettingRow } from './settings-table.ts'

type ValueOf<Row extends SettingRow> = Row['kind'] extends { type: 'choice'; of: readonly (infer Choice)[] }
  ? Choice
  : Row['kind'] extends { type: 'boolean' }
    ? boolean
    : Row['kind'] extends { type: 'text' }
      ? string
      : number

/** All settings with their values; durations in milliseconds, heights in blocks. */
export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> }

type InputOf<Row extends SettingRow> =
  | ValueOf<Row>
  | (Row['kind'] extends { readonly takesBoolean: true } ? boolean : never)

/** Settings as a caller gives them: any of them, under its own or the reference system's name. */
export type SettingsInput = {
  readonly [Name in SettingName]?: InputOf<(typeof SETTINGS)[Name]>
} & {
  readonly [referenceName: `${string}_${string}`]: number | string | boolean
}

const BY_NAME = new Map<string, SettingName>()
for (const [name, row] of Object.entries(SETTINGS) as [SettingName, SettingRow][]) {
  BY_NAME.set(name, name)
  if (row.reference !== null) BY_NAME.set(row.reference, name)
}

/**
 * Fills in the defaults and checks every value. Throws `INVALID_ARGUMENT` naming the setting and the value
 * for an unknown name, a value outside its range, or a setting given under both of its names.
 */
export function resolveSettings(input: SettingsInput = {}): Settings {
  checkObject('settings', input)
  const given = new Map<SettingName, number | string | boolean>()
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined) continue
    const name = BY_NAME.get(key)
    if (name === undefined)
      throw new InvalidArgumentError(`settings.${key}`, `a known setting (${suggest(key)})`, value)
    if (given.has(name))
      throw new InvalidArgumentError(`settings.${key}`, `given once, it is the same as ${name}`, value)
    given.set(name, checked(key, SETTINGS[name].kind, value))
  }
  const entries = Object.entries(SETTINGS).map(([name, row]) => [
    name,
    given.get(name as SettingName) ?? row.default,
  ])
  const settings = Object.freeze(Object.fromEntries(entries)) as Settings
  checkTicks(settings)
  return settings
}

function checked(key: string, kind: SettingKind, value: unknown): number | string | boolean {
  if (kind.type === 'choice') {
    if (typeof value === 'string' && kind.of.includes(value)) return value
    if (typeof value === 'boolean' && kind.takesBoolean === true) return value ? 'on' : 'off'
    throw new InvalidArgumentError(`settings.${key}`, `one of ${kind.of.join(', ')}`, value)
  }
  if (kind.type === 'boolean') {
    if (typeof value === 'boolean') return value
    throw new InvalidArgumentError(`settings.${key}`, 'true or false', value)
  }
  if (kind.type === 'text') {
    const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0
    if (typeof value === 'string' && bytes > 0 && bytes <= kind.bytesMax && /^[\w.-]+$/.test(value))
      return value
    const expected = `text of 1 to ${kind.bytesMax} letters, digits, underscores, dots and hyphens`
    throw new InvalidArgumentError(`settings.${key}`, expected, value)
  }
  const { type, minimum, maximum } = kind
  if (type === 'number' && kind.takesNaN === true && Number.isNaN(value)) return Number.NaN
  const isOfType = type === 'number' ? typeof value === 'number' : Number.isSafeInteger(value)
  if (isOfType && (value as number) >= minimum && (value as number) <= maximum) return value as number
  const unit = UNITS[type]
  throw new InvalidArgumentError(`settings.${key}`, `${unit} from ${minimum} to ${maximum}`, value)
}

const UNITS = {
  integer: 'a whole number',
  milliseconds: 'a whole number of milliseconds',
  number: 'a number',
} as const

/** A batcher cannot both send at the end of each turn and wait for ticks (semantics 4.1). */
function checkTicks(settings: Settings): void {
  for (const [name, value] of Object.entries(settings)) {
    const tick = name.replace(/DrainMode$/, 'TickerIntervalMillis') as SettingName
    if (tick !== name && value === true && settings[tick] !== 0)
      throw new InvalidArgumentError(`settings.${tick}`, `0 where ${name} is on`, settings[tick])
  }
}

function suggest(key: string): string {
  const wanted = key.slice(key.indexOf('_') + 1).toLowerCase()
  const near = Object.keys(SETTINGS).filter(name => {
    const candidate = name.toLowerCase()
    return (
      candidate.includes(wanted) || wanted.includes(candidate) || candidate.slice(0, 6) === wanted.slice(0, 6)
    )
  })
  return near.length > 0 ? `did you mean ${near.slice(0, 3).join(' or ')}?` : 'docs/settings.md lists them'
}
