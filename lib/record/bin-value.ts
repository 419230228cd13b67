/** A value of a bin as the store reads and writes it; blobs are byte arrays, integers number or bigint. */
export type BinValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | null
  | readonly BinValue[]
  | ReadonlyMap<string | number | bigint, BinValue>
  | { readonly [key: string]: BinValue }

export type Bins = Readonly<Record<string, BinValue>>
