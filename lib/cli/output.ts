/** What a command writes: its result to stdout, everything else to stderr. */
export interface Output {
  readonly json: boolean
  /** The result, once: as one JSON document, or as text for people. */
  result(document: object, text: string): void
  /** A line for people, never on stdout. */
  note(text: string): void
}

export function createOutput(json: boolean): Output {
  return {
    json,
    result: (document, text) =>
      process.stdout.write(`${json ? JSON.stringify(document, jsonValue, 2) : text}\n`),
    note: text => process.stderr.write(`${text}\n`),
  }
}

/** Hex for bytes, digits for what JSON's numbers cannot hold. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return value
}

/** Lines of `label  value`, labels padded to one width. */
export function table(rows: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length))
  const values = rows.map(([, value]) => (typeof value === 'number' ? formatCount(value) : value))
  return rows.map(([label], index) => `  ${label.padEnd(width)}  ${values[index]}`).join('\n')
}

export function formatCount(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : value.toFixed(2)
}
