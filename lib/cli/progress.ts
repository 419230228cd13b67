const BAR_WIDTH = 28
const REDRAW_MS = 80
const LINE_MS = 2_000

/** Progress of long work on stderr: a bar on a terminal, a line every two seconds elsewhere. */
export class Progress {
  readonly #label: string
  readonly #total: number
  readonly #stream: NodeJS.WriteStream
  readonly #startedAtMs = performance.now()
  #done = 0
  #drawnAtMs = 0

  constructor(label: string, total: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#label = label
    this.#total = total
    this.#stream = stream
  }

  advance(count = 1): void {
    this.#done += count
    const now = performance.now()
    const pauseMs = this.#stream.isTTY ? REDRAW_MS : LINE_MS
    if (now - this.#drawnAtMs < pauseMs && this.#done < this.#total) return
    this.#drawnAtMs = now
    if (this.#stream.isTTY) this.#stream.write(`\r${this.#line(now)}`)
    else if (this.#done < this.#total) this.#stream.write(`${this.#line(now)}\n`)
  }

  /** Ends the bar with what came of it. */
  end(): void {
    const line = this.#line(performance.now())
    this.#stream.write(this.#stream.isTTY ? `\r${line}\n` : `${line}\n`)
  }

  #line(now: number): string {
    const share = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total)
    const filled = Math.round(share * BAR_WIDTH)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
    const seconds = (now - this.#startedAtMs) / 1000
    const rate = seconds > 0 ? Math.round(this.#done / seconds) : 0
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    const counts = `${this.#done.toLocaleString('en-US')}/${this.#total.toLocaleString('en-US')}`
    return `${this.#label.padEnd(26)} ${bar} ${percent}  ${counts}  ${rate.toLocaleString('en-US')}/s   `
  }
}
