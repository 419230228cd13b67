/** `failure`: the store cannot work, or not safely. `warning`: it works, but something is not as it should be. */
export type FindingLevel = 'ok' | 'warning' | 'failure'

/** What one check of a diagnosis found. */
export interface Finding {
  /** Stable name of the check, for machines: `namespace default-ttl`. */
  readonly check: string
  readonly level: FindingLevel
  /** What was found, with the figures. */
  readonly message: string
  /** What to do about it: a command or a line of configuration. Absent where all is well. */
  readonly mend?: string
}

export function ok(check: string, message: string): Finding {
  return { check, level: 'ok', message }
}

export function warning(check: string, message: string, mend: string): Finding {
  return { check, level: 'warning', message, mend }
}

export function failure(check: string, message: string, mend: string): Finding {
  return { check, level: 'failure', message, mend }
}
