import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
export const FIXTURES = fileURLToPath(new URL('../../test/fixtures/blocks/', import.meta.url))
export const BLOCK_357238 = `${FIXTURES}00000000000000000f3db04d442e92c172691170ca47dfea5be2b9613cf0343d.block`
export const BLOCK_364292 = `${FIXTURES}000000000000000003dd2fdbb484d6d9c349d644d8bbb3cbfa5e67f639a465fe.block`

export interface CliRun {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of the built CLI to its end. */
export async function runCli(args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> {
  const inherited = { ...process.env }
  delete inherited.UTXO_STORE_URL
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...inherited, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { exitCode, stdout, stderr }
}

/** Runs a command whose reader is gone before it writes. */
export async function runCliUnread(args: readonly string[]): Promise<Omit<CliRun, 'stdout'>> {
  const child = spawn(process.execPath, [MAIN, ...args])
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const [exitCode] = await once(child, 'close')
  return { exitCode, stderr }
}

/** Runs a command that nobody listens to any more once it has said something on stderr. */
export async function runCliUnheard(args: readonly string[]): Promise<Omit<CliRun, 'stderr'>> {
  const child = spawn(process.execPath, [MAIN, ...args])
  child.stderr.once('data', () => child.stderr.destroy())
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  const [exitCode] = await once(child, 'close')
  return { exitCode, stdout }
}

/** Starts a command, sends it a signal as soon as its stderr says something, and runs it to its end. */
export async function interruptCli(
  args: readonly string[],
  says: string,
  signal: 'SIGTERM' | 'SIGINT',
): Promise<CliRun> {
  const child = spawn(process.execPath, [MAIN, ...args])
  let [stdout, stderr, isSent] = ['', '', false]
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
    if (isSent || !stderr.includes(says)) return
    isSent = true
    child.kill(signal)
  })
  const exitCode = await new Promise<number | null>(resolve => child.once('close', resolve))
  return { exitCode, stdout, stderr }
}

export interface WatchingCli {
  readonly child: ChildProcess
  /** What it prints on stdout, as it comes. */
  readonly lines: Interface
  readonly ended: Promise<{ exitCode: number | null; stderr: string }>
}

/** Starts a command whose lines are read while it runs. */
export function startWatch(args: readonly string[]): WatchingCli {
  const child = spawn(process.execPath, [MAIN, ...args])
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const ended = new Promise<{ exitCode: number | null; stderr: string }>(resolve =>
    child.once('close', exitCode => resolve({ exitCode, stderr })),
  )
  return { child, lines: createInterface(child.stdout), ended }
}

export interface ServedCli {
  /** The first line on stdout. */
  readonly ready: string
  /** Sends the signal and tells the exit code. */
  stop(signal: 'SIGTERM' | 'SIGINT'): Promise<number | null>
}

/** Starts `serve` and waits until it says that it is ready. */
export function startServe(args: readonly string[]): Promise<ServedCli> {
  return startCli(['serve', ...args])
}

/** Starts a command that serves, and waits until it says that it is ready. */
export async function startCli(args: readonly string[]): Promise<ServedCli> {
  const child = spawn(process.execPath, [MAIN, ...args])
  const closed = new Promise<number | null>(resolve => child.once('close', resolve))
  let stdout = ''
  const ready = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
      if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')))
    })
    child.once('close', code => reject(new Error(`${args[0]} ended with ${code} before it was ready`)))
  })
  return {
    ready,
    stop: async signal => {
      child.kill(signal)
      return closed
    },
  }
}
