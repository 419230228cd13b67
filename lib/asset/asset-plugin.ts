import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, messageOf, StoreError } from '../errors/index.ts'
import type { SubtreeDataService } from './subtree-data-service.ts'

export interface AssetPluginOptions {
  /** Closed when the Fastify instance closes. */
  readonly service: SubtreeDataService
}

/** Every other error is 500 (semantics 9.2). */
const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  SERVICE_UNAVAILABLE: 503,
  // Either nobody hears it, or it waited for a permit when the service closed.
  CONTEXT_CANCELED: 503,
}

const RETRY_AFTER_SECONDS = 1

/**
 * A Fastify 5 plugin: `GET /subtree_data/<root>` answers with the data of a subtree, whose root is 64 hex characters
 * in display order. A failure after the headers ends the connection, so that no client takes a part for the whole.
 * Errors are `{ code, message }`; 503 says `Retry-After`.
 *
 *     await app.register(assetPlugin, { service, prefix: '/api/v1' })
 */
export const assetPlugin: FastifyPluginAsync<AssetPluginOptions> = async (
  app: FastifyInstance,
  { service }: AssetPluginOptions,
) => {
  app.setErrorHandler(answerError)
  // Begun before the server waits for its connections, so that it ends them; Fastify gives this hook no more time
  // than plugins have to start, which is less than answers in progress may take.
  app.addHook('preClose', async () => {
    service.close().catch(() => {})
  })
  app.addHook('onClose', () => service.close())
  // A connection whose answer ends while the server closes would keep it open for another request.
  app.addHook('onResponse', async () => {
    if (service.isClosed) setImmediate(() => app.server.closeIdleConnections())
  })
  app.get<{ Params: { root: string } }>(
    '/subtree_data/:root',
    // HEAD would have to build the file to tell its length.
    { exposeHeadRoute: false },
    async (request, reply) => {
      const { stream, sizeBytes } = await service.open(request.params.root, {
        signal: disconnect(request, reply),
      })
      reply.header('content-type', 'application/octet-stream')
      if (sizeBytes !== undefined) reply.header('content-length', sizeBytes)
      // For a client or proxy that speaks HTTP/1.0 the end of the connection is the end of the body: only a reset tells.
      else stream.once('error', () => reset(request.raw.socket))
      return reply.send(stream)
    },
  )
}

/** Only plain TCP can be reset: on TLS or a Unix socket nothing tells a client of HTTP/1.0 that a body was cut short. */
function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy()
  } catch {
    socket.destroy()
  }
}

/** What each unanswered request of a connection does when it closes. */
const unanswered = new WeakMap<Socket, Set<() => void>>()

/** Fires when the client goes before it has everything. */
function disconnect({ raw: { socket } }: FastifyRequest, { raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const others = unansweredOn(socket)
  const onClose = (): void => {
    others.delete(onClose)
    if (!raw.writableFinished) gone.abort(new StoreError('CONTEXT_CANCELED', 'the client has disconnected'))
  }
  // It may have gone while hooks ran before the handler.
  if (raw.destroyed || socket.destroyed) onClose()
  else {
    raw.once('close', onClose)
    // An answer that stands in line behind others of its connection is not told of the connection's end.
    others.add(onClose)
  }
  return gone.signal
}

/** One listener serves all requests of a connection: a client may send many before it has the first answer. */
function unansweredOn(socket: Socket): Set<() => void> {
  const known = unanswered.get(socket)
  if (known !== undefined) return known
  const requests = new Set<() => void>()
  unanswered.set(socket, requests)
  socket.once('close', () => {
    for (const onClose of requests) onClose()
  })
  return requests
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const code = error instanceof StoreError ? error.code : 'UNKNOWN'
  const status = STATUS_OF_CODE[code] ?? 500
  if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS)
  if (status === 500) request.log.error({ err: error }, messageOf(error))
  // What went wrong inside is for the log, not for a peer.
  const message = status === 500 ? 'the data of the subtree cannot be served' : messageOf(error)
  reply.status(status).send({ code, message })
}
