// Loaded into every thread of the program beside it: the thread of the server ends with an error when it is told to.
import { isMainThread } from 'node:worker_threads'

if (!isMainThread) {
  const channel = new BroadcastChannel('crash')
  channel.onmessage = () => {
    throw new RangeError('out of luck')
  }
  channel.unref()
}
