// The thread of an embedded server. It runs until it is terminated.
import { parentPort, workerData } from 'node:worker_threads'
import { type Log, silentLog } from './log.ts'
import { startInThread } from './start-in-thread.ts'
import type { WorkerInput, WorkerMessage } from './worker-messages.ts'

const { settings, logs }: WorkerInput = workerData

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message)
}

const log: Log = logs ? (level, text) => tell({ kind: 'log', level, text }) : silentLog

try {
  const server = await startInThread(settings, log)
  tell({ kind: 'ready', port: server.port })
} catch (error) {
  tell({ kind: 'failed', error })
}
