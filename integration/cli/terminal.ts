import { execFileSync, spawn } from 'node:child_process'
import { MAIN } from './run-cli.ts'

const WAIT_MS_MAX = 30_000
const ENTERED = '\x1b[?1049h\x1b[?25l'
const LEFT = '\x1b[?25h\x1b[?1049l'
// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours, and the erasing, of a terminal
const SEQUENCES = /\x1b\[[\d;?]*[A-Za-z]/g

/** Why there is no terminal to be had; undefined where there is: util-linux' `script` is on every Debian. */
export function whyNoTerminal(): string | undefined {
  try {
    const version = execFileSync('script', ['--version'], { encoding: 'utf8', stdio: 'pipe' })
    return /util-linux/.test(version) ? undefined : 'script is not that of util-linux'
  } catch {
    return 'util-linux’ script is not installed'
  }
}

/** How a program left its terminal. */
export interface AfterTheEnd {
  readonly exitCode: number
  readonly isScreenLeft: boolean
  readonly isCursorShown: boolean
  /** Lines by line, with echo and with Ctrl-C as a signal, as a shell wants it. */
  readonly isLineMode: boolean
}

/** A command of the CLI on a real pseudo-terminal. */
export class Terminal {
  readonly #script
  #output = ''
  #wake = (): void => {}
  #isClosed = false

  /** Starts the command on a terminal of that size. */
  constructor(args: readonly string[], columns: number, rows: number) {
    const command = [process.execPath, MAIN, ...args].map(word => `'${word}'`).join(' ')
    const inTerminal = [
      `stty cols ${columns} rows ${rows}`,
      'echo "tty=$(tty)="',
      `sh -c "echo pid=\\$\\$=; exec ${command}"`,
      'echo "code=$?="',
      'stty -a',
    ].join('; ')
    this.#script = spawn('script', ['--quiet', '--flush', '--command', inTerminal, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh' },
      // The end of script's stdin would end the terminal.
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#script.stdout.setEncoding('utf8').on('data', text => {
      this.#output += text
      this.#wake()
    })
    this.#script.once('close', () => {
      this.#isClosed = true
      this.#wake()
    })
    this.#script.stdin.on('error', () => {})
  }

  /** The lines of the latest whole view, without colours. */
  get view(): readonly string[] {
    const frames = this.#output.slice(this.#output.lastIndexOf(ENTERED)).split('\x1b[H').slice(1)
    const whole = frames.filter(frame => frame.includes('\x1b[J')).at(-1) ?? ''
    return whole.slice(0, whole.indexOf('\x1b[J')).replace(SEQUENCES, '').split(/\r?\n/).slice(0, -1)
  }

  /** Waits for a view of which that is true. */
  async shows(isSo: (view: readonly string[]) => boolean): Promise<readonly string[]> {
    await this.#until(() => isSo(this.view))
    return this.view
  }

  /** Types keys. */
  type(keys: string): void {
    this.#script.stdin.write(keys)
  }

  /** As a window that is dragged: the program gets a SIGWINCH. */
  async resize(columns: number, rows: number): Promise<void> {
    const tty = await this.#says('tty')
    execFileSync('stty', ['-F', tty, 'cols', String(columns), 'rows', String(rows)])
  }

  /** Sends the command a signal. */
  async kill(signal: 'SIGTERM' | 'SIGHUP'): Promise<void> {
    process.kill(Number(await this.#says('pid')), signal)
  }

  /** Waits for the end of the command, and tells how it left the terminal. */
  async ended(): Promise<AfterTheEnd> {
    await this.#until(() => this.#isClosed)
    const state = this.#output.slice(this.#output.lastIndexOf('code='))
    const afterwards = this.#output.slice(this.#output.lastIndexOf(ENTERED))
    return {
      exitCode: Number(await this.#says('code')),
      isScreenLeft: afterwards.lastIndexOf('\x1b[?1049l') > 0 && afterwards.includes(LEFT),
      isCursorShown: afterwards.lastIndexOf('\x1b[?25h') > afterwards.lastIndexOf('\x1b[?25l'),
      isLineMode: ['icanon', 'echo', 'isig'].every(flag => new RegExp(`[^-]\\b${flag}\\b`).test(state)),
    }
  }

  /** Ends whatever still runs. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#script.kill('SIGKILL')
    await this.#until(() => this.#isClosed)
  }

  async #says(name: 'tty' | 'pid' | 'code'): Promise<string> {
    const said = new RegExp(`${name}=([^=\\s]+)=`)
    await this.#until(() => said.test(this.#output))
    return said.exec(this.#output)?.[1] ?? ''
  }

  async #until(isSo: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + WAIT_MS_MAX
    while (!isSo()) {
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0 || this.#isClosed)
        throw new Error(`it never came; the terminal shows:\n${this.#output}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}
