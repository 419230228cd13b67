import { SETTINGS, type SettingsInput } from '../../index.ts'
import { UsageError } from '../failure.ts'
import { OPERATION_NAMES, type OperationName } from './report.ts'

export const TRANSPORTS = ['client', 'wire'] as const

export type TransportName = (typeof TRANSPORTS)[number]

/** As the command line gives them. */
export interface BenchOptions {
  readonly store: string
  readonly transactions: number
  readonly rounds: number
  /** Rounds before those that count. */
  readonly warmUp: number
  readonly concurrency: number
  readonly batchSize: number
  readonly linger: number
  readonly operations?: string
  readonly transport: string
  readonly setting?: readonly string[]
  readonly defaultSettings?: boolean
  readonly yardsticks?: string
  readonly nodeOptions: string
  readonly loneCalls: number
  readonly halfLoad: boolean
  readonly soak?: number
  readonly duration?: number
  readonly html?: string
}

export function operationsOf({ operations }: BenchOptions): readonly OperationName[] {
  if (operations === undefined) return OPERATION_NAMES
  const wanted = namesOf(operations, OPERATION_NAMES, '--operations')
  return OPERATION_NAMES.filter(name => wanted.includes(name))
}

export function transportsOf({ transport }: BenchOptions): readonly TransportName[] {
  return namesOf(transport, TRANSPORTS, '--transport')
}

/** Of the processes that measure. */
export function nodeOptionsOf({ nodeOptions }: Pick<BenchOptions, 'nodeOptions'>): readonly string[] {
  return nodeOptions.split(/\s+/).filter(option => option !== '')
}

function namesOf<Name extends string>(text: string, known: readonly Name[], option: string): Name[] {
  const names = text.split(',').map(name => name.trim())
  const unknown = names.find(name => !(known as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new UsageError(`${option} ${unknown || 'with an empty name'} is not one of ${known.join(', ')}.`)
  return [...new Set(names)] as Name[]
}

/**
 * The store's settings for a run: batches of one size for every operation, so that all subjects send the same, and
 * calls that wait where a queue is full. `--setting` overrides, and `--default-settings` takes those the store ships.
 */
export function settingsOf(options: BenchOptions): SettingsInput {
  const { batchSize, linger, defaultSettings = false, setting = [] } = options
  const sized = {
    storeBatcherSize: batchSize,
    storeBatcherDurationMillis: linger,
    getBatcherSize: batchSize,
    getBatcherDurationMillis: linger,
    spendBatcherSize: batchSize,
    spendBatcherDurationMillis: linger,
    outpointBatcherSize: batchSize,
    outpointBatcherDurationMillis: linger,
    maxMinedBatchSize: batchSize,
  } as const
  return {
    batcherWhenFull: 'wait',
    ...(defaultSettings ? {} : sized),
    ...Object.fromEntries(setting.map(settingOf)),
  }
}

function settingOf(text: string): [string, number | boolean | string] {
  const [, name = '', value = ''] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (!Object.hasOwn(SETTINGS, name))
    throw new UsageError(`--setting ${text} has to be name=value with the name of a setting of the store.`)
  const { type } = SETTINGS[name as keyof typeof SETTINGS].kind
  if (type === 'boolean') return [name, value === 'true' || (value === 'false' ? false : value)]
  return [
    name,
    type === 'choice' || value.trim() === '' || Number.isNaN(Number(value)) ? value : Number(value),
  ]
}
