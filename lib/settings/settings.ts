import { InvalidArgumentError } from '../errors/index.ts'
import { SETTINGS, type SettingKind, type SettingName, type SettingRow } from './settings-table.ts'

type ValueOf<Row extends SettingRow> = Row['kind'] extends { type: 'choice'; of: readonly (infer Choice)[] }
  ? Choice
  : number

/** All settings with their values; durations in milliseconds, heights in blocks. */
export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> }

/** Settings as a caller gives them: any of them, under its own or the reference system's name. */
export type SettingsInput = Partial<Settings> & {
  readonly [referenceName: `${string}_${string}`]: number | string
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
  const given = new Map<SettingName, number | string>()
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
  return Object.freeze(Object.fromEntries(entries)) as Settings
}

function checked(key: string, kind: SettingKind, value: unknown): number | string {
  if (kind.type === 'choice') {
    if (typeof value === 'string' && kind.of.includes(value)) return value
    throw new InvalidArgumentError(`settings.${key}`, `one of ${kind.of.join(', ')}`, value)
  }
  const { minimum, maximum } = kind
  if (Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum)
    return value as number
  const unit = kind.type === 'milliseconds' ? 'a whole number of milliseconds' : 'a whole number'
  throw new InvalidArgumentError(`settings.${key}`, `${unit} from ${minimum} to ${maximum}`, value)
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
