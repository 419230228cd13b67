import type { InfoCommand } from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import type { InfoTable } from './info-command.ts'

/** Errors of these commands are `error=<reason>`, unlike all others (protocol 2.1). */
const INVALID_FILENAME = 'error=invalid_filename'

/** A base name with an extension, both non-empty, that is safe in the texts it appears in. */
const FILENAME = /^[^/\\;=\s\0]+\.[^./\\;=\s\0]+$/

function putModule(node: ServerNode, { parameters }: InfoCommand): string {
  const filename = parameters.get('filename') ?? ''
  if (!FILENAME.test(filename)) return INVALID_FILENAME
  const content = parameters.get('content') ?? ''
  if (Number(parameters.get('content-len') ?? Number.NaN) !== content.length) {
    return 'error=invalid_content_len'
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(content)) return 'error=invalid_base64_content'
  const registration = node.udf.register(filename, Buffer.from(content, 'base64'))
  if (registration.ok) return 'ok'
  const { line } = registration
  const message = Buffer.from(registration.message, 'utf8').toString('base64')
  // Without a line the server does not know the file either.
  return `error=compile_error;file=${line === 0 ? '' : filename};line=${line};message=${message}`
}

function getModule(node: ServerNode, { parameters }: InfoCommand): string {
  const filename = parameters.get('filename')
  if (filename === undefined) return INVALID_FILENAME
  for (const module of node.udf.files()) {
    if (module.filename === filename) {
      return `type=LUA;content=${Buffer.from(module.source).toString('base64')};`
    }
  }
  return 'error=not_found'
}

function removeModule(node: ServerNode, { parameters }: InfoCommand): string {
  const filename = parameters.get('filename')
  if (filename === undefined) return INVALID_FILENAME
  node.udf.remove(filename)
  return 'ok'
}

function listModules(node: ServerNode): string {
  return Array.from(
    node.udf.files(),
    ({ filename, sha1 }) => `filename=${filename},hash=${sha1},type=LUA;`,
  ).join('')
}

/** Registration of user-defined functions (protocol 7.1). */
export const udfCommands: InfoTable = {
  'udf-put': putModule,
  'udf-get': getModule,
  'udf-remove': removeModule,
  'udf-list': listModules,
}
