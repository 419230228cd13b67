import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type ExternalStore, openExternalStore } from '../../lib/external/index.ts'

const TXID = 'ab'.repeat(32)
const BODY = Uint8Array.of(1, 2, 3)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'external-store-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const backends: [string, () => Promise<ExternalStore>][] = [
  ['memory:', () => openExternalStore('memory:')],
  ['file:', () => openExternalStore(pathToFileURL(join(folder, 'new', 'folder')).href)],
]

describe.each(backends)('the %s backend', (_, open) => {
  it('gives back what was set, tells types apart, and deletes', async () => {
    const store = await open()
    expect(await store.get(TXID, 'tx')).toBeUndefined()
    await store.set(TXID, 'tx', BODY)
    expect(Uint8Array.from((await store.get(TXID, 'tx')) ?? [])).toEqual(BODY)
    expect(await store.get(TXID, 'outputs')).toBeUndefined()
    expect(await streamed(store)).toEqual([...BODY])
    await store.delete(TXID, 'tx')
    await store.delete(TXID, 'tx')
    expect(await streamed(store)).toEqual([])
    expect(await store.get(TXID, 'tx')).toBeUndefined()
  })

  it('hands out bytes that their reader may write into', async () => {
    const store = await open()
    await store.set(TXID, 'tx', BODY)
    ;(await store.get(TXID, 'tx'))?.fill(9)
    expect(await streamed(store)).toEqual([...BODY])
    await store.delete(TXID, 'tx')
  })

  it('keeps the first body: names are content hashes', async () => {
    const store = await open()
    await store.set(TXID, 'outputs', BODY)
    await store.set(TXID, 'outputs', Uint8Array.of(9))
    expect(Uint8Array.from((await store.get(TXID, 'outputs')) ?? [])).toEqual(BODY)
  })
})

async function streamed(store: ExternalStore): Promise<number[]> {
  const bytes: number[] = []
  for await (const piece of store.stream(TXID, 'tx')) bytes.push(...piece)
  return bytes
}

describe('files', () => {
  it.each([
    ['hashPrefix=2', 'ab'],
    ['hashSuffix=4', 'cdef'],
  ])('with %s lie in a folder named after their txid', async (query, name) => {
    const path = join(folder, 'many')
    const txid = `ab${'00'.repeat(29)}cdef`
    const store = await openExternalStore(`${pathToFileURL(path).href}?${query}`)
    await store.set(txid, 'outputs', BODY)
    expect(await readdir(join(path, name))).toEqual([`${txid}.outputs`])
    expect(Uint8Array.from((await store.get(txid, 'outputs')) ?? [])).toEqual(BODY)
    await store.delete(txid, 'outputs')
    expect(await readdir(join(path, name))).toEqual([])
  })

  it('that are large come in pieces, and a reader that leaves early holds no file open', async () => {
    const store = await openExternalStore(pathToFileURL(join(folder, 'large')).href)
    const large = Buffer.alloc(1_000_000, 'body')
    await store.set(TXID, 'tx', large)
    expect(Buffer.from(await streamed(store)).equals(large)).toBe(true)
    const before = (await readdir('/dev/fd')).length
    for (let reader = 0; reader < 5; reader++) {
      for await (const piece of store.stream(TXID, 'tx')) {
        expect(piece.byteLength).toBeLessThan(large.byteLength)
        break
      }
    }
    expect((await readdir('/dev/fd')).length).toBe(before)
  })

  it('of a call that was given up take no other’s place, and leave no temporary name behind', async () => {
    const path = join(folder, 'given-up')
    const store = await openExternalStore(pathToFileURL(path).href)
    const signal = AbortSignal.abort()
    await expect(store.set(TXID, 'outputs', BODY, { signal })).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
    })
    expect(await readdir(path)).toEqual([])
    await store.set(TXID, 'outputs', BODY)
    await expect(store.get(TXID, 'outputs', { signal })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it('are named by display hex, begin with the magic, and leave no temporary name behind', async () => {
    const path = join(folder, 'named')
    const store = await openExternalStore(pathToFileURL(path).href)
    await Promise.all([1, 2, 3].map(() => store.set(TXID, 'tx', BODY)))
    expect(await readdir(path)).toEqual([`${TXID}.tx`])
    expect(await readFile(join(path, `${TXID}.tx`), 'latin1')).toBe('T-1.0   \x01\x02\x03')
  })

  it.each([
    ['cut short', 'T-1.0'],
    ['of another type', 'O-1.0   body'],
    ['empty', ''],
  ])('a blob %s is STORAGE_ERROR', async (_, content) => {
    const path = join(folder, 'damaged')
    const store = await openExternalStore(pathToFileURL(path).href)
    await writeFile(join(path, `${TXID}.tx`), content)
    await expect(store.get(TXID, 'tx')).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await expect(streamed(store)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it.each([
    '?colour=red',
    '?hashPrefix=x',
    '?hashPrefix=1&hashSuffix=1',
    '#one',
    '?hashPrefix=1#one',
    '?hashPrefix=1?x',
  ])('refuses the parameters %s', async query => {
    await expect(openExternalStore(`file:///tmp/x${query}`)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })

  it('a folder that cannot be made is STORAGE_UNAVAILABLE', async () => {
    await writeFile(join(folder, 'a-file'), '')
    await expect(
      openExternalStore(pathToFileURL(join(folder, 'a-file', 'below')).href),
    ).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  })
})
