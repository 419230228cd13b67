import type { CommandKind } from '../storage/namespace-statistics.ts'

/** The kinds of requests that faults tell apart. */
export const REQUEST_KINDS = ['record', 'batch', 'query', 'info', 'security'] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

export const COMMAND_KINDS = ['read', 'write', 'delete', 'udf'] as const satisfies readonly CommandKind[]

/** Picks some of things that are counted from 0; what is left out picks all. All that is given has to hold. */
export interface Selection {
  /** These numbers. */
  readonly only?: readonly number[]
  /** Every nth: with 3 the numbers 2, 5, 8 and so on. */
  readonly every?: number
  /** Each with this probability, 0 to 1; decided by the seed of the server, and always the same for one number. */
  readonly probability?: number
}

/** Picks rows of a batch by their index, and by what they do. */
export interface RowSelection extends Selection {
  readonly commands?: readonly CommandKind[]
}

/** Which requests a rule is about; what is left out fits all. */
export interface RequestMatch {
  /** Default: `record`, `batch` and `query`. Without an answer to `info` a client soon gives a node up. */
  readonly kinds?: readonly RequestKind[]
  /** What a request on a single record does. With it, only such requests fit. */
  readonly commands?: readonly CommandKind[]
  /** Of the connections of a node, in the order in which they were opened. */
  readonly connections?: Selection
  /** Of the requests that fit everything else, in the order in which they arrived. */
  readonly requests?: Selection
}

/**
 * Something that goes wrong before a request is executed. Except with `delay` and `capacity` it never is: what
 * the client takes for "unknown" did not happen.
 */
export type FaultBefore =
  /** Executed later, also when the client has given up by then: a request that was long on its way. */
  | { readonly when: 'before'; readonly kind: 'delay'; readonly ms: number }
  /**
   * A node that serves so many requests at a time and takes so long for each; the others wait in a queue, and
   * who waited longer than its client's timeout is answered TIMEOUT (9) without being executed.
   */
  | {
      readonly when: 'before'
      readonly kind: 'capacity'
      readonly concurrency: number
      readonly serviceMs: number
      /** Added for each row of a batch; default 0. */
      readonly serviceMsPerRow?: number
    }
  /** Answered with a result code: the request, or with `rows` the chosen rows of a batch. */
  | {
      readonly when: 'before'
      readonly kind: 'refuse'
      /** For example 18, device overload. */
      readonly resultCode: number
      readonly rows?: RowSelection
    }
  /** Lost: no answer ever comes, and the connection stays open. */
  | { readonly when: 'before'; readonly kind: 'drop' }
  | { readonly when: 'before'; readonly kind: 'reset' }

/** Something that goes wrong with the answer of a request that was executed. */
export type FaultAfter =
  | { readonly when: 'after'; readonly kind: 'delay'; readonly ms: number }
  /** Lost: no answer ever comes, and the connection stays open. */
  | { readonly when: 'after'; readonly kind: 'drop' }
  | { readonly when: 'after'; readonly kind: 'reset' }
  /** Only the first bytes of the answer come, then the connection ends. */
  | { readonly when: 'after'; readonly kind: 'truncate'; readonly bytes: number }
  /** The whole answer comes twice. */
  | { readonly when: 'after'; readonly kind: 'duplicate' }
  /** So many bytes have other values, at places that the seed chooses behind the first `from` bytes; default 0. */
  | { readonly when: 'after'; readonly kind: 'corrupt'; readonly bytes: number; readonly from?: number }
  /** Rows of a batch that are not answered although they were executed. */
  | { readonly when: 'after'; readonly kind: 'dropRows'; readonly rows: RowSelection }
  | { readonly when: 'after'; readonly kind: 'duplicateRows'; readonly rows: RowSelection }
  /** Executed rows of a batch whose answer is a result code that does not tell so. */
  | {
      readonly when: 'after'
      readonly kind: 'recodeRows'
      readonly rows: RowSelection
      readonly resultCode: number
    }
  /** The rows of each frame come in an order that the seed chooses. */
  | { readonly when: 'after'; readonly kind: 'reorderRows' }

export type Fault = FaultBefore | FaultAfter

/**
 * What goes wrong, and when. Rules of one request take effect in the order in which they were added; chance is
 * decided by the seed, so that the same requests in the same order meet the same faults.
 */
export interface FaultRule {
  /** The positions of the nodes it is about; default all. */
  readonly nodes?: readonly number[]
  readonly match?: RequestMatch
  readonly fault: Fault
  /** How many requests it hits before it has no effect any longer; default no limit. */
  readonly times?: number
}
