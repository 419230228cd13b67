// The process that measures one subject: `WorkerProcess` starts it, asks, and ends it by closing the channel.
import { messageOf, StoreError } from '../../../errors/index.ts'
import { UsageError } from '../../failure.ts'
import type { FromWorker, Request, ToWorker, WorkerFailure } from '../messages.ts'
import { workerHandlers } from './worker.ts'

const stopping = new AbortController()
const handlers = workerHandlers(stopping.signal)

// Whatever ends the parent: nobody is left to measure for.
process.once('disconnect', () => process.exit())
process.on('message', (message: ToWorker) => {
  if (message.name === 'stop') stopping.abort()
  else void answerTo(message).then(answer => process.send?.(answer))
})

async function answerTo({ name, body }: Request): Promise<FromWorker> {
  try {
    // The table pairs each name with its body, which a union of both does not tell the compiler.
    const handler = handlers[name] as (body: unknown) => Promise<unknown>
    return { answer: await handler(body) }
  } catch (error) {
    return { failure: failureOf(error) }
  }
}

function failureOf(error: unknown): WorkerFailure {
  if (error instanceof UsageError) return { code: 'INVALID_ARGUMENT', message: error.message }
  return { code: error instanceof StoreError ? error.code : null, message: messageOf(error) }
}
