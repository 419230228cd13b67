import type { Excuses, Outcome } from './rules.ts'
import type { Script } from './schedule.ts'
import type { Stage } from './stage.ts'

/** What some stores do at the same time, on ground that was laid before. */
export interface Scenario {
  readonly scripts: readonly Script[]
  readonly excuses?: Excuses
  /** What must hold beside the rules for all scenarios; texts of what does not. */
  readonly check?: (outcome: Outcome) => string[] | Promise<string[]>
}

/** Lays the ground. */
export type Preparation = (stage: Stage) => Promise<Scenario>
