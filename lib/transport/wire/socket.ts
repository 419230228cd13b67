import { connect, type Socket } from 'node:net'
import { Deadline } from './deadline.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const READ_BUFFER_BYTES = 64 * 1024
const KEEP_ALIVE_MS = 60_000

export interface SocketOptions {
  /** Time in milliseconds for opening it. */
  readonly timeoutMs: number
  /** Ends it, also while it is being opened. */
  readonly closing: AbortSignal | undefined
}

export interface SocketEvents {
  /** The bytes are valid during the call only. */
  onBytes(bytes: Buffer): void
  /** The socket ended, for whatever reason; called once, also where it never connected. */
  onEnd(reason: string): void
}

/**
 * Opens a socket that reads into one buffer, over and over: without it every read costs an allocation of its own.
 *
 * @returns the socket at once; `connected` settles when it is open or failed to open within the time
 */
export function openSocket(
  address: Address,
  { timeoutMs, closing }: SocketOptions,
  events: SocketEvents,
): { socket: Socket; connected: Promise<void> } {
  const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
  const socket = connect({
    host: address.host,
    port: address.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    onread: {
      buffer,
      callback: bytes => {
        events.onBytes(buffer.subarray(0, bytes))
        return true
      },
    },
  })
  let reason = 'the connection was closed by the server'
  const connected = new Promise<void>((resolve, reject) => {
    const end = (why: string): void => {
      reason = why
      socket.destroy()
    }
    const onClosing = (): void => end('the transport was closed')
    const deadline = new Deadline(timeoutMs, () => end(`no connection within ${timeoutMs} ms`))
    socket.once('connect', () => {
      deadline.clear()
      resolve()
    })
    socket.once('close', () => {
      deadline.clear()
      closing?.removeEventListener('abort', onClosing)
      reject(new Error(`${addressText(address)}: ${reason}`))
      events.onEnd(reason)
    })
    closing?.addEventListener('abort', onClosing)
    if (closing?.aborted) onClosing()
  })
  socket.on('error', error => {
    reason = error.message
  })
  // A server that closes its side cannot answer any more.
  socket.once('end', () => socket.destroy())
  return { socket, connected }
}
