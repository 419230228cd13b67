import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { SubtreeDataOptions } from '../../lib/asset/service-options.ts'
import { SubtreeDataService } from '../../lib/asset/subtree-data-service.ts'
import type { SubtreeFiles } from '../../lib/asset/subtree-files.ts'
import { SubtreeFolder } from '../../lib/asset/subtree-folder.ts'
import { StoreError } from '../../lib/errors/index.ts'
import {
  DATA_MAGIC,
  HeldSource,
  type SampleSubtree,
  sampleSubtree,
  sampleTransaction,
  type TestFolder,
  testFolder,
  until,
} from './asset-kit.ts'

const subtrees = Array.from({ length: 6 }, (_, index) => sampleSubtree(300, { hasCoinbase: index === 0 }))
const [first, second, third] = subtrees as [SampleSubtree, SampleSubtree, SampleSubtree]

let folder: TestFolder
let files: SubtreeFolder
let source: HeldSource
const services: SubtreeDataService[] = []

beforeEach(async () => {
  folder = await testFolder(...subtrees)
  files = await SubtreeFolder.open(folder.path)
  source = new HeldSource().add(...subtrees)
})

afterEach(async () => {
  source.release()
  for (const service of services.splice(0)) await service.close()
  await folder[Symbol.asyncDispose]()
})

function serve(options: Partial<SubtreeDataOptions> = {}): SubtreeDataService {
  const service = new SubtreeDataService({ source, files, closeGraceMs: 0, ...options })
  services.push(service)
  return service
}

const publish = (subtree: SampleSubtree): Promise<void> =>
  folder.put(`${subtree.root}.subtreeData`, Buffer.concat([DATA_MAGIC, subtree.data]))

const dataFiles = async (): Promise<string[]> =>
  (await readdir(folder.path)).filter(name => name.includes('.subtreeData'))

async function read(service: SubtreeDataService, root: string): Promise<Buffer> {
  return buffer((await service.open(root)).stream)
}

const closed = (stream: NodeJS.EventEmitter & { closed: boolean }): Promise<void> =>
  until(() => stream.closed, 'the stream closes')

const IDLE = { creations: 0, readers: 0, waitingReaders: 0 }

describe('a missing file', () => {
  it('is built while it is streamed, and kept', async () => {
    const service = serve({ chunkTransactionsMax: 70 })
    const { stream, sizeBytes } = await service.open(first.root)
    expect(sizeBytes).toBeUndefined()
    expect(service.load.creations).toBe(1)
    expect((await buffer(stream)).equals(first.data)).toBe(true)
    await closed(stream)
    expect(service.load).toEqual(IDLE)
    expect(await dataFiles()).toEqual([`${first.root}.subtreeData`])
    const kept = await readFile(join(folder.path, `${first.root}.subtreeData`))
    expect(kept.equals(Buffer.concat([DATA_MAGIC, first.data]))).toBe(true)
    const batches = source.batches.length
    const again = await service.open(first.root.toUpperCase())
    expect(again.sizeBytes).toBe(first.data.byteLength)
    expect((await buffer(again.stream)).equals(first.data)).toBe(true)
    expect(source.batches).toHaveLength(batches)
  })

  it('is there before its first reader sees the end', async () => {
    const service = serve()
    const { stream } = await service.open(first.root)
    stream.resume()
    let found: string[] = []
    await new Promise(resolve => stream.once('end', resolve)).then(async () => {
      found = await dataFiles()
    })
    expect(found).toEqual([`${first.root}.subtreeData`])
  })

  it('of a subtree that nobody has is not found, also when all permits are taken', async () => {
    const service = serve({ creationsMax: 1 })
    await service.open(first.root)
    await expect(service.open('ab'.repeat(32))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(service.open('ab')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('lesson 90: expensive creations are few, and existing files are served meanwhile', () => {
  it('refuses one more than may be, at once, and takes the next when one has ended', async () => {
    const service = serve({ creationsMax: 2 })
    const running = await Promise.all([service.open(first.root), service.open(second.root)])
    source.isHeld = true
    await expect(service.open(third.root)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect(service.load).toEqual({ creations: 2, readers: 0, waitingReaders: 0 })
    await publish(third)
    expect((await read(service, third.root)).equals(third.data)).toBe(true)
    source.release()
    for (const { stream } of running) await buffer(stream).then(() => closed(stream))
    expect(service.load).toEqual(IDLE)
  })

  it('builds any number at a time where the limit is 0', async () => {
    const service = serve({ creationsMax: 0 })
    await Promise.all(subtrees.map(({ root }) => service.open(root)))
    expect(service.load.creations).toBe(subtrees.length)
  })
})

describe('lesson 91: nobody waits for a permit to create', () => {
  it('answers in the turn of its looks at the folder, not when a permit comes back', async () => {
    source.isHeld = true
    const service = serve({ creationsMax: 1 })
    const building = service.open(first.root)
    await until(() => source.held > 0, 'the creation reads')
    await expect(service.open(second.root)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    source.release()
    await building
  })

  it('but for a permit to read, and leaves the line when its client goes', async () => {
    await Promise.all([first, second].map(publish))
    const service = serve({ readersMax: 1 })
    const { stream } = await service.open(first.root)
    const gone = new AbortController()
    const leaving = service.open(second.root, { signal: gone.signal })
    const patient = service.open(second.root)
    await until(() => service.load.waitingReaders === 2, 'both wait')
    gone.abort(new Error('gone'))
    await expect(leaving).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(service.load).toEqual({ creations: 0, readers: 1, waitingReaders: 1 })
    stream.destroy()
    expect((await buffer((await patient).stream)).equals(second.data)).toBe(true)
  })
})

/** A folder in which a file appears right after it was looked for so many times. */
function appearing(afterLooks: number): SubtreeFiles {
  let looks = 0
  const watched: SubtreeFiles = {
    hasData: async root => {
      const found = await files.hasData(root)
      looks += 1
      if (looks === afterLooks) await publish(first)
      return found
    },
    openData: root => files.openData(root),
    hasSubtree: root => files.hasSubtree(root),
    openSubtree: root => files.openSubtree(root),
    createData: root => files.createData(root),
  }
  return watched
}

describe('a file that another has built meanwhile is read', () => {
  it.each([
    ['before the permit was there', 1],
    ['before the new file is begun', 2],
  ])('%s', async (_when, looks) => {
    const service = serve({ files: appearing(looks), creationsMax: 1 })
    const { stream, sizeBytes } = await service.open(first.root)
    expect(sizeBytes).toBe(first.data.byteLength)
    expect(service.load).toEqual({ creations: 0, readers: 1, waitingReaders: 0 })
    expect((await buffer(stream)).equals(first.data)).toBe(true)
    expect(source.batches).toEqual([])
  })
})

it('builds a file that was there, and is gone when it is opened', async () => {
  const removed: SubtreeFiles = {
    hasData: async root => root === first.root || files.hasData(root),
    openData: async root => files.openData(root),
    hasSubtree: root => files.hasSubtree(root),
    openSubtree: root => files.openSubtree(root),
    createData: root => files.createData(root),
  }
  const service = serve({ files: removed })
  await expect(service.open(first.root)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  let looks = 0
  const once = serve({ files: { ...removed, hasData: async () => looks++ === 0 } })
  expect((await read(once, first.root)).equals(first.data)).toBe(true)
  expect([service.load, once.load]).toEqual([IDLE, IDLE])
})

describe('lesson 92: a client that goes is noticed', () => {
  it('while the store is read: nothing remains, and the permit comes back when the reads have ended', async () => {
    const service = serve({ chunkTransactionsMax: 20, fetchConcurrency: 2 })
    const gone = new AbortController()
    const { stream } = await service.open(first.root, { signal: gone.signal })
    source.isHeld = true
    stream.resume()
    await until(() => source.held === 2, 'it reads on')
    const asked = source.batches.length
    gone.abort(new Error('gone'))
    await until(async () => (await dataFiles()).length === 0, 'the partial file is removed')
    expect(service.load.creations).toBe(1)
    source.release()
    await closed(stream)
    expect(service.load).toEqual(IDLE)
    expect(source.batches).toHaveLength(asked)
  })

  it('before the first transaction is there', async () => {
    source.isHeld = true
    const service = serve()
    const gone = new AbortController()
    const opening = service.open(first.root, { signal: gone.signal })
    await until(() => source.held > 0, 'it reads')
    gone.abort(new Error('gone'))
    source.release()
    await expect(opening).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(service.load).toEqual(IDLE)
    expect(await dataFiles()).toEqual([])
  })

  it('also when it only stops taking', async () => {
    const large = sampleSubtree(400, { scriptBytes: 5_000 })
    source.add(large)
    await folder.put(`${large.root}.subtree`, large.file)
    const service = serve({ stallTimeoutMs: 50 })
    const { stream } = await service.open(large.root)
    const error = await new Promise(resolve => stream.once('error', resolve))
    expect(error).toMatchObject({ code: 'CONTEXT_CANCELED' })
    await closed(stream)
    expect(service.load).toEqual(IDLE)
    expect(await dataFiles()).toEqual([])
  })

  it('and a reader of an existing file too', async () => {
    await publish(first)
    const service = serve()
    const gone = new AbortController()
    const { stream } = await service.open(first.root, { signal: gone.signal })
    gone.abort(new Error('gone'))
    await closed(stream)
    expect(service.load).toEqual(IDLE)
  })
})

describe('permits come back once', () => {
  it('when a transaction is missing, wherever', async () => {
    const service = serve({ creationsMax: 1, chunkTransactionsMax: 50, fetchConcurrency: 1 })
    for (const index of [0, 130, 299]) {
      const subtree = sampleSubtree(300, { scriptBytes: 10_000 })
      source.add(subtree)
      source.remove(subtree.txs[index]?.txid as Uint8Array)
      await folder.put(`${subtree.root}.subtree`, subtree.file)
      await expect(read(service, subtree.root)).rejects.toMatchObject({ code: 'PROCESSING' })
      await until(() => service.load.creations === 0, 'the permit comes back')
      expect(await dataFiles()).toEqual([])
    }
    expect((await read(service, first.root)).equals(first.data)).toBe(true)
  })

  it('when the store has another transaction by that name', async () => {
    const service = serve()
    source.replace(first.txs[7]?.txid as Uint8Array, sampleTransaction())
    await expect(read(service, first.root)).rejects.toMatchObject({ code: 'PROCESSING' })
    expect(service.load).toEqual(IDLE)
  })

  it('when the disk fails', async () => {
    const failing: SubtreeFiles = {
      hasData: root => files.hasData(root),
      openData: root => files.openData(root),
      hasSubtree: root => files.hasSubtree(root),
      openSubtree: root => files.openSubtree(root),
      createData: async root => {
        const partial = await files.createData(root)
        return {
          write: piece => partial.write(piece),
          publish: async () => {
            throw new StoreError('STORAGE_ERROR', 'the disk is full')
          },
          discard: () => partial.discard(),
        }
      },
    }
    const service = serve({ files: failing })
    await expect(read(service, first.root)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await until(() => service.load.creations === 0, 'the permit comes back')
    expect(await dataFiles()).toEqual([])
    const unreadable = serve({ files: { ...failing, createData: () => Promise.reject(new Error('EMFILE')) } })
    await expect(unreadable.open(first.root)).rejects.toThrow('EMFILE')
    expect(unreadable.load).toEqual(IDLE)
  })

  it('when a file is damaged', async () => {
    const service = serve()
    await writeFile(join(folder.path, `${first.root}.subtreeData`), 'no magic here')
    await expect(service.open(first.root)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await writeFile(join(folder.path, `${second.root}.subtree`), first.file)
    await expect(service.open(second.root)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(service.load).toEqual(IDLE)
  })
})

it('closes every file that it opens, however it ends', async () => {
  const open = new Set<object>()
  const watched = <File extends { close(): Promise<void> }>(file: File | undefined): File | undefined => {
    if (file === undefined) return undefined
    const close = file.close.bind(file)
    open.add(file)
    file.close = async () => {
      open.delete(file)
      await close()
    }
    return file
  }
  const service = serve({
    files: {
      hasData: root => files.hasData(root),
      openData: async root => watched(await files.openData(root)),
      hasSubtree: root => files.hasSubtree(root),
      openSubtree: async root => watched(await files.openSubtree(root)),
      createData: root => files.createData(root),
    },
  })
  await read(service, first.root)
  await read(service, first.root)
  source.remove(second.txs[0]?.txid as Uint8Array)
  await expect(service.open(second.root)).rejects.toMatchObject({ code: 'PROCESSING' })
  const { stream } = await service.open(third.root)
  expect(open.size).toBe(1)
  stream.destroy()
  await closed(stream)
  expect(open.size).toBe(0)
})

describe('close', () => {
  it('lets an answer in progress end', async () => {
    const service = serve({ closeGraceMs: 20_000 })
    const { stream } = await service.open(first.root)
    const closing = service.close()
    await expect(service.open(second.root)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect((await buffer(stream)).equals(first.data)).toBe(true)
    await closing
  })

  it('cuts off after the grace what does not, and waits until it has cleaned up', async () => {
    const service = serve({ closeGraceMs: 10, readersMax: 1 })
    await publish(second)
    const { stream } = await service.open(first.root)
    const reading = await service.open(second.root)
    const waiting = service.open(second.root)
    const refused = expect(waiting).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    await service.close()
    await refused
    expect([stream.closed, reading.stream.closed]).toEqual([true, true])
    expect(service.load).toEqual(IDLE)
    expect(await dataFiles()).toEqual([`${second.root}.subtreeData`])
  })
})

it('tells of what it built and of what failed, and of nothing that its logger throws', async () => {
  const lines: [string, unknown][] = []
  const log = (level: string) => (fields: object) => {
    lines.push([level, (fields as { event: string }).event])
    throw new Error('the log is full')
  }
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn') }
  const service = serve({ logger })
  await read(service, first.root)
  source.remove(second.txs[0]?.txid as Uint8Array)
  await expect(service.open(second.root)).rejects.toThrow(StoreError)
  await expect(service.open('ab'.repeat(32))).rejects.toThrow(StoreError)
  expect(lines).toEqual([
    ['info', 'subtree_data_created'],
    ['warn', 'subtree_data_failed'],
    ['debug', 'subtree_data_refused'],
  ])
})

it.each([
  ['creationsMax', -1],
  ['readersMax', 0],
  ['fetchConcurrency', 1.5],
  ['stallTimeoutMs', 2 ** 31],
])('refuses %s = %p', (name, value) => {
  expect(() => serve({ [name]: value })).toThrow(name)
})
