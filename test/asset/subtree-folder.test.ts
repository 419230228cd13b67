import { readdir, readFile, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { SubtreeFolder } from '../../lib/asset/subtree-folder.ts'
import { DATA_MAGIC, PLACEHOLDER, sampleSubtree, type TestFolder, testFolder } from './asset-kit.ts'

const subtree = sampleSubtree(5, { hasCoinbase: true })
const { root } = subtree

let folder: TestFolder
let files: SubtreeFolder

beforeEach(async () => {
  folder = await testFolder(subtree)
  files = await SubtreeFolder.open(folder.path)
})
afterEach(async () => {
  await folder[Symbol.asyncDispose]()
})

const names = async (): Promise<string[]> => (await readdir(folder.path)).sort()

describe('a data file', () => {
  it('is seen by nobody before it is published', async () => {
    const partial = await files.createData(root)
    await partial.write(Buffer.from('one '))
    expect([await files.hasData(root), await files.openData(root)]).toEqual([false, undefined])
    await partial.write(Buffer.from('two'))
    await partial.publish()
    await partial.discard()
    const file = await files.openData(root)
    expect(file?.sizeBytes).toBe(7)
    expect(String(await buffer(Readable.from(file?.read() ?? [])))).toBe('one two')
    await file?.close()
    expect(await names()).toEqual([`${root}.subtree`, `${root}.subtreeData`])
    expect(await readFile(join(folder.path, `${root}.subtreeData`), 'latin1')).toBe('SD-1.0  one two')
  })

  it('leaves nothing when it is discarded, twice too', async () => {
    const partial = await files.createData(root)
    await partial.write(Buffer.from('one'))
    await partial.discard()
    await partial.discard()
    expect(await names()).toEqual([`${root}.subtree`])
    await expect(partial.write(Buffer.from('late'))).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await expect(partial.publish()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(await files.hasData(root)).toBe(false)
  })

  it('can be written by two at a time; there is one in the end, and no third is begun', async () => {
    const [one, two] = await Promise.all([files.createData(root), files.createData(root)])
    for (const partial of [one, two]) await partial.write(Buffer.from('same'))
    await one.publish()
    await expect(files.createData(root)).rejects.toMatchObject({ code: 'BLOB_ALREADY_EXISTS' })
    const reading = await files.openData(root)
    await two.publish()
    expect(String(await buffer(Readable.from(reading?.read() ?? [])))).toBe('same')
    await reading?.close()
    expect(await names()).toEqual([`${root}.subtree`, `${root}.subtreeData`])
  })

  it.each([
    ['with another magic', Buffer.from('XX-1.0  abc')],
    ['that is cut short', Buffer.from('SD-1')],
  ])('%s is refused', async (_what, bytes) => {
    await folder.put(`${root}.subtreeData`, bytes)
    await expect(files.openData(root)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it('that shrinks while it is read fails', async () => {
    await folder.put(`${root}.subtreeData`, Buffer.concat([DATA_MAGIC, Buffer.alloc(1_000_000)]))
    const file = await files.openData(root)
    const pieces = file?.read()
    await pieces?.next()
    await folder.put(`${root}.subtreeData`, DATA_MAGIC)
    await expect(pieces?.next()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await file?.close()
  })
})

describe('partial files of a process that crashed', () => {
  const stale = `${root}.subtreeData.01234567-89ab-cdef-0123-456789abcdef.tmp`
  const age = async (name: string): Promise<void> => {
    const longAgo = new Date(Date.now() - 3_600_000)
    await utimes(join(folder.path, name), longAgo, longAgo)
  }

  it('hold nobody up, and are removed when they are old; others stay', async () => {
    const [fresh, foreign] = [stale.replace('01234567', '11234567'), 'notes.tmp']
    for (const name of [stale, fresh, foreign]) await folder.put(name, Buffer.from('part'))
    for (const name of [stale, foreign]) await age(name)
    const partial = await files.createData(root)
    await partial.discard()
    await SubtreeFolder.open(folder.path)
    expect(await names()).toEqual([fresh, foreign, `${root}.subtree`].sort())
  })

  it('are removed while the service runs, too', async () => {
    const brief = await SubtreeFolder.open(folder.path, { staleAfterMs: 1_000 })
    await folder.put(stale, Buffer.from('part'))
    await age(stale)
    const clock = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 1_001)
    try {
      await (await brief.createData(root)).discard()
    } finally {
      clock.mockRestore()
    }
    expect(await names()).toEqual([`${root}.subtree`])
  })
})

describe('the list of a subtree', () => {
  it('is read in parts, as long as it is', async () => {
    const nodes = await files.openSubtree(root)
    expect(nodes?.count).toBe(6)
    const head = await nodes?.read(0, 2)
    const tail = await nodes?.read(2, 100)
    expect([...(head ?? []), ...(tail ?? [])]).toEqual([
      { txid: PLACEHOLDER, sizeBytes: 0 },
      ...subtree.txs.map(({ txid, sizeBytes }) => ({ txid: Uint8Array.from(txid), sizeBytes })),
    ])
    expect(await nodes?.read(6, 1)).toEqual([])
    await nodes?.close()
  })

  it('is also found where the subtree is not validated yet', async () => {
    const unchecked = sampleSubtree(2, { magic: 'SC-1.0  ' })
    expect(await files.hasSubtree(unchecked.root)).toBe(false)
    expect(await files.openSubtree(unchecked.root)).toBeUndefined()
    await folder.put(`${unchecked.root}.subtreeToCheck`, unchecked.file)
    expect(await files.hasSubtree(unchecked.root)).toBe(true)
    const nodes = await files.openSubtree(unchecked.root)
    expect(nodes?.count).toBe(2)
    await nodes?.close()
  })

  const damage: [string, (file: Buffer) => Buffer][] = [
    ['has another magic', file => Buffer.concat([Buffer.from('SC-1.0  '), file.subarray(8)])],
    ['is of another root', () => sampleSubtree(5).file],
    ['ends in its head', file => file.subarray(0, 40)],
    ['ends before its last transaction', file => file.subarray(0, -20)],
    [
      'claims 2^63 transactions',
      file =>
        Buffer.concat([file.subarray(0, 56), Buffer.from('0000000000000080', 'hex'), file.subarray(64)]),
    ],
  ]
  it.each(damage)('that %s is refused', async (_what, change) => {
    await folder.put(`${root}.subtree`, change(subtree.file))
    await expect(files.openSubtree(root)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })
})

it.each([0, -1, 999, 1_000.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '60000'])(
  'refuses to take files for stale after %p ms',
  async staleAfterMs => {
    const options = { staleAfterMs: staleAfterMs as number }
    await expect(SubtreeFolder.open(folder.path, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'staleAfterMs',
    })
  },
)

it.each([undefined, 5, ''])('refuses %p for a folder', async path => {
  await expect(SubtreeFolder.open(path as string)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    field: 'folder',
  })
})

it('says at once that a folder cannot be used', async () => {
  await folder.put('file', Buffer.from(''))
  await expect(SubtreeFolder.open(join(folder.path, 'file', 'below'))).rejects.toMatchObject({
    code: 'STORAGE_UNAVAILABLE',
  })
})

it('does not take trouble for absence', async () => {
  const broken = await SubtreeFolder.open(join(folder.path, 'sub'))
  const tooLong = 'ab'.repeat(200)
  await expect(broken.hasData(tooLong)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  await expect(broken.openData(tooLong)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
})
