import { StoreError } from '../errors/index.ts'

/** A running embedded server. */
export interface EmbeddedServerHandle extends AsyncDisposable {
  readonly host: string
  /** The port it listens on, also when it was chosen by the system. */
  readonly port: number
  /** `aerospike://HOST:PORT/NAMESPACE`, with the first namespace. */
  readonly url: string
  /**
   * Settles when the server has stopped: resolves after `close`, rejects with a StoreError
   * (SERVICE_UNAVAILABLE) when its thread ended by itself. Nobody has to listen to it.
   */
  readonly exited: Promise<void>
  /** Stops the server; its records are gone. Resolves when nothing of it is left. May be called again. */
  close(): Promise<void>
}

/** The address of a server as a store takes it. */
export function serverUrl(host: string, port: number, namespace: string): string {
  const hostText = host.includes(':') ? `[${host}]` : host
  return `aerospike://${hostText}:${port}/${namespace}`
}

/** Says that a server could not start, with what the system said as cause. */
export function cannotStart(host: string, port: number, cause: unknown): StoreError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `embedded server cannot start on ${host}:${port}: ${reason}`
  return new StoreError('SERVICE_UNAVAILABLE', message, { cause })
}
