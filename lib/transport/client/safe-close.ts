/** The part of the npm client's native side that this touches. Its typings do not tell of it. */
interface NativeClient {
  setupEventCb(callback: () => void): void
  close(): void
}

/** Well below 30 looks at the cluster, of which there is one in a second and a few at the beginning. */
const CLOSED_AGE_MS_MAX = 20_000

/**
 * Makes `close` of the npm client (6.7.1) safe. There are two ways in which it takes the whole process with it; the
 * histories under cluster faults met both.
 *
 * It frees the handle over which it tells JavaScript of nodes that come and go, and only then ends the thread that finds
 * out. A node that joined or left in between made that thread write to freed memory: a crash, or a wait for a lock that
 * no longer was one. Nobody here asks for these events, so the thread is not told of the handle: there is none when it is
 * made, and one of its own for `close` to free.
 *
 * And it makes the event loop wait for that thread, which with every thirtieth look at the cluster waits for the event
 * loop: both stand still for good. How far the thread is cannot be seen. So only a young client is closed; an older one
 * is left to the end of the process, with its connections and a request a second to each node, and does not keep the
 * process from ending.
 *
 * @param ageMsMax in milliseconds from now on, after which the client is left alone instead of closed
 */
export function withSafeClose<Client extends object>(client: Client, ageMsMax = CLOSED_AGE_MS_MAX): Client {
  const native = Reflect.get(client, 'as_client') as NativeClient | undefined
  // Another version of the client may have it elsewhere, and mended.
  if (typeof native?.setupEventCb !== 'function' || typeof native.close !== 'function') return client
  const madeAtMs = performance.now()
  const setUp = native.setupEventCb.bind(native)
  const close = native.close.bind(native)
  native.setupEventCb = () => {}
  native.close = () => {
    if (performance.now() - madeAtMs > ageMsMax) return
    setUp(() => {})
    close()
  }
  return client
}
