import { checkCallOptions, InvalidArgumentError } from '../../errors/index.ts'
import type { MetricsRegistry } from '../../metrics/index.ts'
import type { SettingsInput } from '../../settings/index.ts'
import { checkLogger, type Logger } from '../logging/logger.ts'

export interface OpenOptions {
  /** pino, or anything with its shape. Nothing is logged without one. */
  logger?: Logger | undefined
  /** A prom-client Registry, or anything with its shape, that the store’s metrics are registered in. */
  metrics?: MetricsRegistry | undefined
  /** Any of the settings of docs/settings.md; unknown names are refused. */
  settings?: SettingsInput | undefined
  /** Gives up opening. */
  signal?: AbortSignal | undefined
}

const OPTION_NAMES: ReadonlySet<string> = new Set([
  'logger',
  'metrics',
  'settings',
  'signal',
] satisfies (keyof OpenOptions)[])

/** Refuses what is no option, instead of ignoring it; settings and metrics are checked by who takes them. */
export function checkOpenOptions(options: OpenOptions): void {
  checkCallOptions(options)
  checkLogger(options.logger)
  for (const name of Object.keys(options)) {
    if (OPTION_NAMES.has(name)) continue
    throw new InvalidArgumentError(
      `options.${name}`,
      `absent; there are ${[...OPTION_NAMES].join(', ')}`,
      name,
    )
  }
}
