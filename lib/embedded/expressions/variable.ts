/** A name that a `let` gave a value. */
export interface Variable {
  /** Where its value is while the body is evaluated. */
  readonly slot: number
  /** One of EXPRESSION_TYPES; `undefined` while the value itself is parsed, which may not use it. */
  readonly type: number | undefined
}
