/** By the error that released a caller. Nothing of it is part of the error that callers see. */
const ends = new WeakMap<object, Promise<void>>()

/** Notes that what the call does goes on behind the error that has released its caller. */
export function noteWorkBehind(error: Error, ended: Promise<void>): void {
  ends.set(error, ended)
}

/**
 * Resolves when the work has ended whose caller was released with this error; undefined where none goes on. What it
 * sent last may be without an answer, and take effect still later.
 */
export function workBehind(error: unknown): Promise<void> | undefined {
  return error instanceof Error ? ends.get(error) : undefined
}
