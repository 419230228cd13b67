const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * The signal of a command that ends early: fires at the first SIGINT or SIGTERM, after which either kills as usual.
 * Disposing of it gives the signals of the process back.
 */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal
}

/** Begins to listen; a supervisor's SIGTERM and Ctrl-C mean the same. */
export function interruption(): Interruption {
  const controller = new AbortController()
  const stopListening = (): void => {
    for (const name of SIGNALS) process.off(name, onSignal)
  }
  const onSignal = (): void => {
    stopListening()
    controller.abort(new Error('interrupted'))
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return { signal: controller.signal, [Symbol.dispose]: stopListening }
}
