import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { parseS3Url, S3Store } from '../../lib/external/s3-store.ts'
import { S3Imitation } from './s3-imitation.ts'

const TXID = `12${'ab'.repeat(30)}89`
const BODY = Uint8Array.of(1, 2, 3)
const BLOB = 'T-1.0   \x01\x02\x03'

let s3: S3Imitation
beforeEach(async () => {
  s3 = await S3Imitation.start('utxo-bodies')
})
afterEach(() => s3.close())

async function open(rest = '', bucket = 'utxo-bodies'): Promise<S3Store> {
  const [path = '', query = ''] = rest.split('?', 2)
  const location = parseS3Url(
    `s3://${bucket}${path}?region=eu-central-1&endpoint=${s3.endpoint}&forcePathStyle=true&${query}`,
  )
  const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' }
  return S3Store.open({ ...location, client: { ...location.client, credentials, maxAttempts: 1 } })
}

const text = (key: string): string | undefined => s3.objects.get(key)?.toString('latin1')

describe('S3Store', () => {
  it.each([
    ['', `${TXID}.tx`],
    ['/mainnet/bodies', `mainnet/bodies/${TXID}.tx`],
    ['/mainnet/?hashPrefix=2', `mainnet/12/${TXID}.tx`],
    ['?hashSuffix=3', `b89/${TXID}.tx`],
  ])('at %j an object is named %s and begins with the magic', async (rest, key) => {
    const store = await open(rest)
    await store.set(TXID, 'tx', BODY)
    expect(text(key)).toBe(BLOB)
    expect(await store.get(TXID, 'tx')).toEqual(BODY)
    await store.close()
  })

  it('does not upload what is there', async () => {
    const store = await open()
    await store.set(TXID, 'tx', BODY)
    await store.set(TXID, 'tx', Uint8Array.of(9))
    expect(s3.requests.filter(request => request.startsWith('PUT'))).toHaveLength(1)
    expect(text(`${TXID}.tx`)).toBe(BLOB)
  })

  it('leaves alone what came between its question and its upload, and takes it for success', async () => {
    s3.refuse = (method, key) => {
      if (method === 'HEAD') s3.objects.set(key, Buffer.from('first'))
      return method === 'HEAD' ? { status: 404, code: 'NotFound' } : undefined
    }
    await (await open()).set(TXID, 'tx', BODY)
    expect(text(`${TXID}.tx`)).toBe('first')
  })

  it('a stream fetches no more than its reader takes', async () => {
    const store = await open()
    const large = new Uint8Array(24 * 1024 * 1024).fill(7)
    await store.set(TXID, 'tx', large)
    for await (const piece of store.stream(TXID, 'tx')) {
      expect(piece[0]).toBe(7)
      break
    }
    await store.close()
    expect(s3.sentBytes).toBeLessThan(large.byteLength / 2)
  })

  it.each([
    ['without a magic', Buffer.from('T-1')],
    ['of another type', Buffer.from('O-1.0   body')],
  ])('an object %s is STORAGE_ERROR', async (_, object) => {
    s3.objects.set(`${TXID}.tx`, object)
    const store = await open()
    await expect(store.get(TXID, 'tx')).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await expect(drain(store.stream(TXID, 'tx'))).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it('a missing object is none, but a missing bucket or a refusal is STORAGE_ERROR', async () => {
    const store = await open()
    expect(await store.get(TXID, 'tx')).toBeUndefined()
    expect(await drain(store.stream(TXID, 'tx'))).toBe(0)
    await store.delete(TXID, 'tx')
    const elsewhere = await open('', 'other-bucket')
    await expect(elsewhere.get(TXID, 'tx')).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    s3.refuse = () => ({ status: 403, code: 'AccessDenied' })
    for (const call of [
      store.get(TXID, 'tx'),
      store.set(TXID, 'tx', BODY),
      store.delete(TXID, 'tx'),
      drain(store.stream(TXID, 'tx')),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    }
  })

  it.each([
    ['that is not there in the end, is tried again', undefined, 2],
    ['that is there then, has succeeded', 'theirs', 1],
  ])('an upload that meets another one, %s', async (_, theirs, uploads) => {
    let conflicts = 1
    s3.refuse = (method, key) => {
      if (method !== 'PUT' || conflicts === 0) return undefined
      conflicts -= 1
      if (theirs !== undefined) s3.objects.set(key, Buffer.from(theirs))
      return { status: 409, code: 'ConditionalRequestConflict' }
    }
    await (await open()).set(TXID, 'tx', BODY)
    expect(s3.requests.filter(request => request.startsWith('PUT'))).toHaveLength(uploads)
    expect(text(`${TXID}.tx`)).toBe(theirs ?? BLOB)
  })

  it('an upload that meets another one for ever is STORAGE_ERROR', async () => {
    s3.refuse = method => (method === 'PUT' ? { status: 409, code: 'ConditionalRequestConflict' } : undefined)
    await expect((await open()).set(TXID, 'tx', BODY)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(s3.requests.filter(request => request.startsWith('PUT'))).toHaveLength(4)
  })

  it.each(['before it answers', 'in the middle of a body'])(
    'a request is given up %s when its signal fires',
    async moment => {
      const store = await open()
      await store.set(TXID, 'tx', BODY)
      s3.hang = moment === 'before it answers' ? 'at once' : 'in bodies'
      const calls = [
        (signal: AbortSignal) => store.get(TXID, 'tx', { signal }),
        (signal: AbortSignal) => drain(store.stream(TXID, 'tx', { signal })),
        ...(s3.hang === 'in bodies'
          ? []
          : [
              (signal: AbortSignal) => store.set(TXID, 'tx', BODY, { signal }),
              (signal: AbortSignal) => store.delete(TXID, 'tx', { signal }),
            ]),
      ]
      for (const call of calls) {
        const caller = new AbortController()
        const hung = s3.hung()
        const ended = call(caller.signal)
        await hung
        caller.abort()
        await expect(ended).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
      }
    },
  )

  it('without its package says what to install', async () => {
    const load = (): Promise<never> => Promise.reject(new Error("Cannot find package '@aws-sdk/client-s3'"))
    await expect(S3Store.open(parseS3Url('s3://bucket'), load)).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('npm install @aws-sdk/client-s3'),
    })
  })

  it.each([
    's3://',
    's3://UPPER',
    's3://b',
    's3://bucket?colour=red',
    's3://bucket?endpoint=ftp://host',
    's3://bucket?endpoint=http://id:secret@host',
    's3://bucket?forcePathStyle=maybe',
    's3://bucket?hashPrefix=0',
    's3://bucket?hashPrefix=5',
    's3://bucket?hashPrefix=1&hashSuffix=1',
  ])('refuses %s', url => {
    expect(() => parseS3Url(url)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0
  for await (const piece of pieces) bytes += piece.byteLength
  return bytes
}
