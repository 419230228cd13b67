import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Has an app's connections end when it closes, which a server alone would wait for: those without an answer in
 * progress at once, be it that they have sent nothing or half a request, and all of them after the grace. To be
 * called before the app listens.
 *
 * @param graceMs what answers in progress have to reach their clients, in milliseconds
 */
export function closeConnections(app: FastifyInstance, graceMs: number): void {
  const answering = new Map<Socket, Set<FastifyRequest>>()
  app.server.on('connection', socket => {
    answering.set(socket, new Set())
    socket.once('close', () => answering.delete(socket))
  })
  // The first hook for which the whole request has to be there.
  app.addHook('preHandler', async request => {
    answering.get(request.raw.socket)?.add(request)
  })
  app.addHook('onResponse', async request => {
    answering.get(request.raw.socket)?.delete(request)
  })
  // Called when the server closes, and by the plugin after each answer from then on. The server's own would spare
  // those that have not sent a request, and end those whose answer is still on its way in buffers.
  app.server.closeIdleConnections = () => {
    for (const [socket, requests] of answering) if (requests.size === 0) socket.destroy()
  }
  app.addHook('preClose', async () => {
    setTimeout(() => app.server.closeAllConnections(), graceMs).unref()
  })
}
