// The thread of an embedded server. It runs until it is terminated.
import { parentPort, workerData } from 'node:worker_threads'
import type { Log } from './log.ts'
import { callFailure, callServer } from './server-control.ts'
import { startInThread } from './start-in-thread.ts'
import type { WorkerInput, WorkerMessage, WorkerRequest } from './worker-messages.ts'

const { settings, logs }: WorkerInput = workerData

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message)
}

const log: Log = (level, text) => tell({ kind: 'log', level, text })

try {
  const server = await startInThread(settings, {
    log: logs ? log : undefined,
    onState: (position, state) => tell({ kind: 'state', position, state }),
  })
  parentPort?.on('message', ({ id, call }: WorkerRequest) => {
    callServer(server, call).then(
      value => tell({ kind: 'answer', id, value }),
      error => tell({ kind: 'refusal', id, failure: callFailure(error) }),
    )
  })
  tell({ kind: 'ready', nodes: server.nodes.map(({ name, host, port }) => ({ name, host, port })) })
} catch (error) {
  tell({ kind: 'failed', error })
}
