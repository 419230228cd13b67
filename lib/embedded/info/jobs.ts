import { type InfoCommand, RESULT_CODES } from '../../protocol/index.ts'
import type { Job } from '../queries/job.ts'
import type { ServerNode } from '../server-node.ts'
import { formatPairs, type InfoPair, type InfoTable, parameter } from './info-command.ts'
import { badParameter, InfoError, missing } from './info-error.ts'

/** The id of the job that a command is about, if it names one. @throws InfoError */
function jobId(command: InfoCommand): bigint | undefined {
  const text = parameter(command, 'id', 'trid')
  if (text === undefined) return undefined
  if (text === '') throw badParameter("missing 'id' value")
  if (!/^\d{1,20}$/.test(text)) throw badParameter('bad id')
  return BigInt(text)
}

/** Some pairs are there for some types of jobs only, in the order of a real server. */
function jobText(job: Job): string {
  const { id, type, selection, recordsPerSecond, socketTimeoutMs, partitionsRequested, udf } = job.description
  const setName = selection.setName === '' ? [] : [['set', selection.setName] as const]
  const indexName = selection.byIndex?.index.definition.name
  const pairs: InfoPair[] = [
    ['trid', id],
    ['ns', selection.namespace.name],
    ...setName,
    ...(indexName === undefined ? [] : [['sindex-name', indexName] as const]),
    ...(partitionsRequested === undefined
      ? []
      : ([
          ['n-pids-requested', partitionsRequested.whole],
          ['n-keyds-requested', partitionsRequested.resumed],
        ] as const)),
    ['rps', recordsPerSecond],
    ['active-threads', job.isActive ? 1 : 0],
    ['status', `${job.isActive ? 'active' : 'done'}(${job.outcome})`],
    ['job-progress', (job.progress * 100).toFixed(2)],
    ['run-time', Math.round(job.runTimeMs)],
    ['time-since-done', Math.round(job.sinceDoneMs)],
    ['recs-throttled', job.recordsThrottled],
    ['recs-filtered-meta', 0],
    ['recs-filtered-bins', job.recordsFiltered],
    ['recs-succeeded', job.recordsSucceeded],
    ['recs-failed', job.recordsFailed],
    ['job-type', type],
    ['net-io-bytes', job.bytesSent],
    ...(job.isBackground ? [] : [['net-io-time', 0] as const]),
    ['socket-timeout', socketTimeoutMs],
    ...(udf === undefined ? [] : udfPairs(udf)),
    ...(type === 'background-ops' ? [['ops-active', 0] as const] : []),
  ]
  return formatPairs(pairs, ':')
}

function udfPairs(udf: { readonly moduleName: string; readonly functionName: string }): InfoPair[] {
  return [
    ['udf-filename', udf.moduleName],
    ['udf-function', udf.functionName],
    ['udf-active', 0],
  ]
}

/** Clients take the error for a job that is over: it was forgotten. */
function showJobs({ jobs }: ServerNode, command: InfoCommand): string {
  const id = jobId(command)
  if (id === undefined) return jobs.all().map(jobText).join(';')
  const job = jobs.find(id)
  if (job === undefined) throw new InfoError(RESULT_CODES.NOT_FOUND, 'job not found')
  return jobText(job)
}

function abortJob({ jobs }: ServerNode, command: InfoCommand): string {
  const id = jobId(command)
  if (id === undefined) throw missing('id')
  if (jobs.find(id)?.abort() !== true) throw new InfoError(RESULT_CODES.NOT_FOUND, 'id not active')
  return 'ok'
}

/** Queries and background jobs (protocol 2.7). */
export const jobCommands: InfoTable = {
  'query-show': showJobs,
  'query-abort': abortJob,
  'query-abort-all': ({ jobs }) => `number-of-queries-killed:${jobs.abortAll()}`,
}
