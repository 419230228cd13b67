import type { TransactionOutput } from '../../bitcoin/index.ts'

const SATOSHIS_BYTES = 8

/**
 * A transaction's outputs in two blocks of memory: a million outputs as objects would take ten times as much. What
 * it gives out are copies.
 */
export class PackedOutputs {
  /** How many outputs hold a value: those that spenders will ask for. */
  readonly liveCount: number
  readonly #bytes: Buffer
  /** Where each output begins; an output that is not known begins where the next one does. */
  readonly #starts: Float64Array

  constructor(outputs: readonly (TransactionOutput | null)[]) {
    this.#starts = new Float64Array(outputs.length + 1)
    let length = 0
    for (const [vout, output] of outputs.entries()) {
      if (output !== null) length += SATOSHIS_BYTES + output.lockingScript.length
      this.#starts[vout + 1] = length
    }
    this.#bytes = Buffer.allocUnsafeSlow(length)
    let liveCount = 0
    for (const [vout, output] of outputs.entries()) {
      if (output === null) continue
      const start = this.#starts[vout] ?? 0
      this.#bytes.writeBigUInt64LE(output.satoshis, start)
      this.#bytes.set(output.lockingScript, start + SATOSHIS_BYTES)
      if (output.satoshis > 0n) liveCount += 1
    }
    this.liveCount = liveCount
  }

  get sizeBytes(): number {
    return this.#bytes.byteLength + this.#starts.byteLength
  }

  /** Undefined where there is no such output, or it is not known. */
  at(vout: number): TransactionOutput | undefined {
    const start = this.#starts[vout]
    const end = this.#starts[vout + 1]
    if (start === undefined || end === undefined || start === end) return undefined
    return {
      satoshis: this.#bytes.readBigUInt64LE(start),
      lockingScript: new Uint8Array(this.#bytes.subarray(start + SATOSHIS_BYTES, end)),
    }
  }
}
