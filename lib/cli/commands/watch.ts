import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../errors/index.ts'
import { endpointUrl, readMetrics } from '../watch/endpoint.ts'
import type { Readings } from '../watch/exposition.ts'
import { openKeyboard } from '../watch/keyboard.ts'
import { type Sample, takeSample } from '../watch/sample.ts'
import { openScreen } from '../watch/screen.ts'
import { renderLine, renderView } from '../watch/view.ts'

export interface WatchOptions {
  interval: number
  samples?: number
  json?: boolean
}

/** Samples that the curve of a wide terminal can show. */
const HISTORY_MAX = 200
// SIGHUP: the terminal's window was closed.
const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const COLUMNS_WITHOUT_SIZE = 100
const ROWS_WITHOUT_SIZE = 40

/** What is shown of a sample, or of a reading that failed. */
interface Display {
  sample(sample: Sample): void
  failed(error: unknown): void
  close(): void
}

/**
 * Shows what a store does, from its metrics endpoint, until it is interrupted, or q is pressed. The first reading has to succeed;
 * later ones that fail are told, and tried again: the store may be starting anew.
 */
export async function watch(address: string, options: WatchOptions): Promise<void> {
  const url = endpointUrl(address)
  const ended = new AbortController()
  const end = (): void => ended.abort()
  for (const signal of END_SIGNALS) process.once(signal, end)
  // A reader that went away, such as head, is no failure.
  process.stdout.once('error', end)
  try {
    const before = await readMetrics(url, ended.signal)
    const display = displayFor(url, options, end)
    try {
      await showSamples(url, before, options, display, ended.signal)
    } finally {
      display.close()
    }
  } catch (error) {
    if (!ended.signal.aborted) throw error
  } finally {
    for (const signal of END_SIGNALS) process.off(signal, end)
  }
}

async function showSamples(
  url: URL,
  first: Readings,
  { interval, samples = Number.POSITIVE_INFINITY }: WatchOptions,
  display: Display,
  signal: AbortSignal,
): Promise<void> {
  let before = first
  let readAtMs = performance.now()
  for (let shown = 0; shown < samples; ) {
    await pause(interval, undefined, { signal })
    try {
      const after = await readMetrics(url, signal)
      const now = performance.now()
      display.sample(takeSample({ before, after, seconds: (now - readAtMs) / 1000 }, new Date()))
      before = after
      readAtMs = now
      shown += 1
    } catch (error) {
      if (signal.aborted) return
      display.failed(error)
    }
  }
}

function displayFor(url: URL, options: WatchOptions, quit: () => void): Display {
  if (options.json === true) return lines(sample => JSON.stringify(sample))
  return process.stdout.isTTY ? liveView(url, options, quit) : lines(renderLine)
}

function lines(render: (sample: Sample) => string): Display {
  return {
    sample: sample => void process.stdout.write(`${render(sample)}\n`),
    failed: error => void process.stderr.write(`${messageOf(error)}\n`),
    close: () => {},
  }
}

function liveView(url: URL, { interval }: WatchOptions, quit: () => void): Display {
  const { stdout, stdin } = process
  const keyboard = openKeyboard(stdin, quit)
  const screen = openScreen(stdout)
  const history: number[] = []
  let latest: Sample | undefined
  let trouble: string | undefined
  const draw = (): void =>
    screen.show(
      renderView(latest, {
        url: url.href,
        intervalMs: interval,
        history,
        columns: stdout.columns ?? COLUMNS_WITHOUT_SIZE,
        rows: stdout.rows ?? ROWS_WITHOUT_SIZE,
        colour: stdout.hasColors?.() ?? false,
        trouble,
      }),
    )
  stdout.on('resize', draw)
  draw()
  return {
    sample(sample) {
      latest = sample
      trouble = undefined
      history.push(sample.callsPerSecond)
      if (history.length > HISTORY_MAX) history.shift()
      draw()
    },
    failed(error) {
      trouble = messageOf(error)
      draw()
    },
    close() {
      stdout.off('resize', draw)
      screen.close()
      keyboard.close()
    },
  }
}
