/** A terminal whose keys come one by one. */
export interface Keyboard {
  /** Gives the keys back to the shell. */
  close(): void
}

const CTRL_C = '\x03'
const CTRL_D = '\x04'
const QUIT: ReadonlySet<string> = new Set(['q', 'Q', CTRL_C, CTRL_D])

/**
 * Calls `quit` for q, Ctrl-C and Ctrl-D. Without the raw mode a key would wait for Enter, and be echoed into the
 * view; in it Ctrl-C is a key and no signal. Where stdin is no terminal, signals alone end the view.
 */
export function openKeyboard(stdin: NodeJS.ReadStream, quit: () => void): Keyboard {
  if (!stdin.isTTY) return { close: () => {} }
  const onKeys = (keys: Buffer): void => {
    if ([...keys.toString('latin1')].some(key => QUIT.has(key))) quit()
  }
  stdin.setRawMode(true)
  stdin.on('data', onKeys)
  // A terminal that is gone ends the view, as the shell's SIGHUP does.
  stdin.once('end', quit)
  stdin.once('error', quit)
  return {
    close() {
      stdin.off('data', onKeys)
      stdin.off('end', quit)
      stdin.off('error', quit)
      stdin.setRawMode(false)
      stdin.pause()
    },
  }
}
