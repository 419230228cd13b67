/** What all connections of a server together may hold of frames that have not arrived whole: four of the largest. */
const BYTES_MAX = 512 * 1024 * 1024

/** Who waits for the rest of a frame. */
export interface FrameHolder {
  /** Gives the frame up, and the connection with it: its memory is needed. */
  abandonFrame(): void
}

/**
 * Keeps the memory of unfinished frames within bounds, whatever number of connections it is spread over. When it is
 * used up the frame that was begun first is given up: clients that mean it send a frame without a pause, so it is
 * the one that stalls which has to go.
 */
export class UnfinishedFrames {
  readonly #bytesMax: number
  /** Bytes by holder, the one that has waited longest first. */
  readonly #held = new Map<FrameHolder, number>()
  #bytes = 0

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** How many bytes are held. */
  get bytes(): number {
    return this.#bytes
  }

  /** A holder has so many bytes of its frame by now. */
  hold(holder: FrameHolder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0)
    this.#held.set(holder, bytes)
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#bytesMax) return
      this.release(oldest)
      oldest.abandonFrame()
    }
  }

  /** The frame of a holder is whole, or it is not waited for any longer. */
  release(holder: FrameHolder): void {
    this.#bytes -= this.#held.get(holder) ?? 0
    this.#held.delete(holder)
  }
}
