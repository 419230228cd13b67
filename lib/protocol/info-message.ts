import { ProtocolError } from './protocol-error.ts'

// The body of a frame of type 1 (protocol 2.1), text.
//
//   request:  commands, each ended by a newline:  name | name/argument[/argument] | name:key=value;key=value
//   reply:    for each command, in order:         command exactly as sent · tab · value · newline

export interface InfoCommand {
  /** As sent, without the newline; the reply repeats it. */
  readonly text: string
  /** The part before the first `:` or `/`. */
  readonly name: string
  /** What follows a `:`, by key. Keys without `=` have an empty value. */
  readonly parameters: ReadonlyMap<string, string>
  /** What follows a `/`, split at each further `/`. */
  readonly path: readonly string[]
}

/** More than any client sends at once; the largest are registrations of functions. */
const REQUEST_BYTES_MAX = 8 * 1024 * 1024
const COMMANDS_MAX = 1024

/**
 * The commands of a request. Text behind the last newline is no command: it is not executed.
 *
 * @throws ProtocolError for more than 8 MiB or 1,024 commands: an answer may be thousands of times as long as
 *   its command.
 */
export function decodeInfoRequest(body: Buffer): InfoCommand[] {
  if (body.length > REQUEST_BYTES_MAX) throw new ProtocolError(`info request of ${body.length} bytes`)
  const lines = body.toString('latin1').split('\n', COMMANDS_MAX + 2)
  if (lines.length > COMMANDS_MAX + 1)
    throw new ProtocolError(`info request of over ${COMMANDS_MAX} commands`)
  lines.pop()
  return lines.map(parseInfoCommand)
}

/** Parses one command, without its newline. */
export function parseInfoCommand(text: string): InfoCommand {
  const at = text.search(/[:/]/)
  if (at < 0) return { text, name: text, parameters: new Map(), path: [] }
  const rest = text.slice(at + 1)
  const name = text.slice(0, at)
  if (text[at] === '/') return { text, name, parameters: new Map(), path: rest.split('/') }
  return { text, name, parameters: parsePairs(rest), path: [] }
}

function parsePairs(text: string): Map<string, string> {
  const pairs = new Map<string, string>()
  for (const pair of text.split(';')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals < 0) pairs.set(pair, '')
    else pairs.set(pair.slice(0, equals), pair.slice(equals + 1))
  }
  return pairs
}

/** The body of a request. */
export function encodeInfoRequest(commands: readonly string[]): Buffer {
  return Buffer.from(commands.map(command => `${command}\n`).join(''), 'latin1')
}

/** The body of a reply. Values must hold neither tabs nor newlines. */
export function encodeInfoReply(
  answers: readonly { readonly text: string; readonly value: string }[],
): Buffer {
  return Buffer.from(answers.map(({ text, value }) => `${text}\t${value}\n`).join(''), 'latin1')
}

/** The answers of a reply, in order. A line without a tab has an empty value. */
export function decodeInfoReply(body: Buffer): { text: string; value: string }[] {
  const lines = body.toString('latin1').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map(line => {
    const tab = line.indexOf('\t')
    return tab < 0 ? { text: line, value: '' } : { text: line.slice(0, tab), value: line.slice(tab + 1) }
  })
}
