/** The part of the npm client's native side that this touches. Its typings do not tell of it. */
interface NativeClient {
  setupEventCb(callback: () => void): void
  close(): void
}

/**
 * Keeps the npm client (6.7.1) from telling JavaScript of nodes that come and go, which nobody here asks for.
 *
 * Its `close` frees the handle over which it tells that, and only then ends the thread that finds out: a node that
 * joined or left in between made that thread write to freed memory. The process crashed, or its event loop stood still
 * for good, waiting for a thread that waited for a lock which no longer was one (found by the histories under cluster
 * faults: one process in forty). Without the callback at the time of connecting the thread never touches the handle;
 * `close` needs one to free, so it gets one of its own then.
 */
export function withoutNodeEvents<Client extends object>(client: Client): Client {
  const native = Reflect.get(client, 'as_client') as NativeClient | undefined
  // Another version of the client may have it elsewhere, and mended.
  if (typeof native?.setupEventCb !== 'function' || typeof native.close !== 'function') return client
  const setUp = native.setupEventCb.bind(native)
  const close = native.close.bind(native)
  native.setupEventCb = () => {}
  native.close = () => {
    setUp(() => {})
    close()
  }
  return client
}
