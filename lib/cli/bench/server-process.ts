import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Reads what the kernel of this machine says of a process that serves. */
export class ServerProcess {
  readonly id: number

  constructor(id: number) {
    this.id = id
  }

  /** Processor time of all its threads so far; null once it has gone. */
  cpuMicroseconds(): number | null {
    try {
      let nanoseconds = 0
      for (const thread of readdirSync(`/proc/${this.id}/task`))
        nanoseconds += this.#threadNanoseconds(thread)
      return nanoseconds / 1_000
    } catch {
      return null
    }
  }

  /** A thread may end between the listing and the reading. */
  #threadNanoseconds(thread: string): number {
    try {
      const [running = '0'] = readFileSync(`/proc/${this.id}/task/${thread}/schedstat`, 'latin1').split(' ')
      return Number(running)
    } catch {
      return 0
    }
  }
}

/** The state of a socket that listens, in /proc/net/tcp. */
const LISTENING = '0A'

/**
 * The process of this machine that listens on a port. Undefined where there is none, where the host is another
 * machine, or where the kernel does not tell: on systems other than Linux, or of processes of other users.
 */
export function serverProcessOn(host: string, port: number): ServerProcess | undefined {
  if (!isThisMachine(host)) return undefined
  const inodes = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(table => listeningInodes(textOf(table), port)),
  )
  if (inodes.size === 0) return undefined
  const id = entriesOf('/proc').find(name => /^\d+$/.test(name) && holdsSocket(name, inodes))
  return id === undefined ? undefined : new ServerProcess(Number(id))
}

/** The inodes of sockets that listen on a port, from the text of /proc/net/tcp. */
export function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table.split('\n').flatMap(line => {
    const [, local = '', , state = '', , , , , , inode = ''] = line.trim().split(/\s+/)
    return local.endsWith(suffix) && state === LISTENING ? [inode] : []
  })
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

function holdsSocket(id: string, inodes: ReadonlySet<string>): boolean {
  return entriesOf(`/proc/${id}/fd`).some(descriptor => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${id}/fd/${descriptor}`))?.[1]
      return inode !== undefined && inodes.has(inode)
    } catch {
      return false
    }
  })
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
