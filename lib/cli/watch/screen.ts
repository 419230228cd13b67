/** Where samples are shown as they come. */
export interface Screen {
  show(lines: readonly string[]): void
  /** Leaves the terminal as it was, with the last view above the prompt. */
  close(): void
}

const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const ERASE_LINE = '\x1b[K'
const ERASE_BELOW = '\x1b[J'

/** Redraws in place, without flicker, on the terminal's second screen. */
export function openScreen(stream: NodeJS.WriteStream): Screen {
  let last: readonly string[] = []
  stream.write(ENTER)
  return {
    show(lines) {
      last = lines
      stream.write(`${HOME}${lines.map(line => `${line}${ERASE_LINE}\n`).join('')}${ERASE_BELOW}`)
    },
    close: () => void stream.write(`${LEAVE}${last.map(line => `${line}\n`).join('')}`),
  }
}
