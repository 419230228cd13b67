import { ARITHMETIC } from './arithmetic.ts'
import { BINS } from './bins.ts'
import { CALLS } from './calls.ts'
import { COMPARISONS } from './comparisons.ts'
import { CONTAINER_OPERATORS } from './containers.ts'
import { CONTROL } from './control.ts'
import { GEO } from './geo.ts'
import { INTEGER_BITS } from './integer-bits.ts'
import { LOGIC } from './logic.ts'
import { METADATA } from './metadata.ts'
import type { Operator } from './parser.ts'
import { PATH_OPERATORS } from './path-operators.ts'
import { REGULAR_EXPRESSIONS } from './regular-expressions.ts'

/** Every operator by its code (protocol 9.2). */
export const OPERATORS: ReadonlyMap<number, Operator> = new Map([
  ...LOGIC,
  ...COMPARISONS,
  ...REGULAR_EXPRESSIONS,
  ...GEO,
  ...CONTAINER_OPERATORS,
  ...ARITHMETIC,
  ...INTEGER_BITS,
  ...METADATA,
  ...BINS,
  ...CONTROL,
  ...CALLS,
  ...PATH_OPERATORS,
])
