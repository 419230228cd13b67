/**
 * What carries the batches of a store, and why it does. In a file of its own, so that the public types do not
 * lead into those of the npm client, which do not compile without `skipLibCheck`.
 */
export interface TransportChoice {
  /** `wire`: this library's own encoder straight to the nodes. `client`: the npm client. */
  readonly transport: 'wire' | 'client'
  readonly reason: string
}
