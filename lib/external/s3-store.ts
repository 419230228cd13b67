import { setTimeout } from 'node:timers/promises'
import type { GetObjectCommandOutput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { InvalidArgumentError, messageOf, StoreError } from '../errors/index.ts'
import { blobParts, streamWithoutMagic, withoutMagic } from './blob-format.ts'
import { blobName, type NameOptions, refuseOthers, takeNameOptions } from './blob-name.ts'
import type { BlobType, ExternalCallOptions, ExternalStore } from './external-store.ts'

type S3Library = typeof import('@aws-sdk/client-s3')

/** Without these a request that is never answered would wait for ever; with them the library tries it again. */
const CONNECTION_MS_MAX = 5_000
/** No byte in either direction. */
const SILENCE_MS_MAX = 30_000

/** How often an upload that met another one of the same object is tried again. */
const CONFLICT_RETRIES = 3
const CONFLICT_PAUSE_MS = 50

/** Where bodies lie in S3 or in what speaks its protocol. */
export interface S3Location {
  readonly bucket: string
  /** Ends with a slash, or is empty. */
  readonly prefix: string
  readonly names: NameOptions
  readonly client: S3ClientConfig
}

const PARAMETERS = ['region', 'endpoint', 'forcePathStyle', 'hashPrefix', 'hashSuffix'] as const

/**
 * Parses `s3://bucket[/prefix][?region=…&endpoint=http://…&forcePathStyle=true&hashPrefix=2]`. Credentials are no
 * part of a URL, which ends up in logs: the library takes them from the environment, a profile or the machine's
 * role.
 */
export function parseS3Url(text: string): S3Location {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^?#]*))?(?:\?(.*))?$/s.exec(text)
  if (match?.[1] === undefined) {
    throw new InvalidArgumentError(
      'externalStore',
      's3://bucket/prefix?region=…, the bucket with 3 to 63 lower-case letters, digits, dots and hyphens',
      text,
    )
  }
  const [, bucket, path = '', query = ''] = match
  const parameters = new URLSearchParams(query)
  const names = takeNameOptions(parameters)
  const client = takeClientConfig(parameters)
  refuseOthers(parameters, PARAMETERS)
  const prefix = path.replace(/\/+$/, '')
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/`, names, client }
}

function takeClientConfig(parameters: URLSearchParams): S3ClientConfig {
  const take = (name: string): string | undefined => {
    const value = parameters.get(name) ?? undefined
    parameters.delete(name)
    return value
  }
  const region = take('region')
  const endpoint = take('endpoint')
  const forcePathStyle = take('forcePathStyle')
  if (endpoint !== undefined && !/^https?:\/\/[^/@]+\/?$/.test(endpoint)) {
    throw new InvalidArgumentError(
      'externalStore endpoint',
      'http://host:port or https://host:port',
      endpoint,
    )
  }
  if (forcePathStyle !== undefined && forcePathStyle !== 'true' && forcePathStyle !== 'false') {
    throw new InvalidArgumentError('externalStore forcePathStyle', 'true or false', forcePathStyle)
  }
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle: forcePathStyle === 'true' }),
    // Many stores that speak S3 refuse the newer checksums; bodies are proven by their txid when they are read.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECTION_MS_MAX, socketTimeout: SILENCE_MS_MAX },
  }
}

/** Keeps bodies as objects `<prefix>/<display-hex txid>.<type>` of a bucket. */
export class S3Store implements ExternalStore {
  readonly #library: S3Library
  readonly #client: S3Client
  readonly #location: S3Location

  private constructor(library: S3Library, location: S3Location) {
    this.#library = library
    this.#location = location
    this.#client = new library.S3Client(location.client)
  }

  /** Loads `@aws-sdk/client-s3`, an optional peer dependency; throws `STORAGE_UNAVAILABLE` when it is not installed. */
  static async open(
    location: S3Location,
    load: () => Promise<S3Library> = () => import('@aws-sdk/client-s3'),
  ): Promise<S3Store> {
    try {
      return new S3Store(await load(), location)
    } catch (error) {
      throw new StoreError(
        'STORAGE_UNAVAILABLE',
        `an external store in S3 needs the package @aws-sdk/client-s3; install it beside this one (npm install @aws-sdk/client-s3): ${messageOf(error)}`,
        { cause: error },
      )
    }
  }

  async set(
    txid: string,
    type: BlobType,
    body: Uint8Array,
    { signal }: ExternalCallOptions = {},
  ): Promise<void> {
    try {
      // Asked first, because a refused upload of gigabytes costs more than a question.
      if (await this.#exists(txid, type, signal)) return
      await this.#upload(txid, type, Buffer.concat(blobParts(type, body)), signal)
    } catch (error) {
      if (statusOf(error) === PRECONDITION_FAILED) return
      throw failure(txid, type, 'written', error)
    }
  }

  async get(
    txid: string,
    type: BlobType,
    { signal }: ExternalCallOptions = {},
  ): Promise<Uint8Array | undefined> {
    try {
      const answer = await this.#fetch(txid, type, signal)
      const blob = await answer?.Body?.transformToByteArray()
      return blob === undefined ? undefined : withoutMagic(txid, type, blob)
    } catch (error) {
      throw failure(txid, type, 'read', error)
    }
  }

  async *stream(
    txid: string,
    type: BlobType,
    { signal }: ExternalCallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      const answer = await this.#fetch(txid, type, signal)
      // In Node a body is a Readable, which ends its request when the iteration is left.
      const blob = answer?.Body as AsyncIterable<Uint8Array> | undefined
      if (blob !== undefined) yield* streamWithoutMagic(txid, type, blob)
    } catch (error) {
      throw failure(txid, type, 'read', error)
    }
  }

  async delete(txid: string, type: BlobType, { signal }: ExternalCallOptions = {}): Promise<void> {
    const { DeleteObjectCommand } = this.#library
    try {
      const command = new DeleteObjectCommand(this.#object(txid, type))
      await foundOf(this.#client.send(command, sendOptions(signal)))
    } catch (error) {
      throw failure(txid, type, 'deleted', error)
    }
  }

  async #exists(txid: string, type: BlobType, signal: AbortSignal | undefined): Promise<boolean> {
    const { HeadObjectCommand } = this.#library
    const command = new HeadObjectCommand(this.#object(txid, type))
    return (await foundOf(this.#client.send(command, sendOptions(signal)))) !== undefined
  }

  /** S3 shows an object when all of it has arrived; one that came meanwhile stays as it is. */
  async #upload(
    txid: string,
    type: BlobType,
    blob: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { PutObjectCommand } = this.#library
    const input = { ...this.#object(txid, type), Body: blob, IfNoneMatch: '*' }
    for (let retriesLeft = CONFLICT_RETRIES; ; retriesLeft -= 1) {
      try {
        await this.#client.send(new PutObjectCommand(input), sendOptions(signal))
        return
      } catch (error) {
        // Another upload of it is ending at this moment; which of them there will be is not said.
        if (retriesLeft === 0 || !isConflict(error)) throw error
        await setTimeout(CONFLICT_PAUSE_MS, undefined, { signal })
        if (await this.#exists(txid, type, signal)) return
      }
    }
  }

  #fetch(
    txid: string,
    type: BlobType,
    signal: AbortSignal | undefined,
  ): Promise<GetObjectCommandOutput | undefined> {
    const { GetObjectCommand } = this.#library
    return foundOf(this.#client.send(new GetObjectCommand(this.#object(txid, type)), sendOptions(signal)))
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  #object(txid: string, type: BlobType): { Bucket: string; Key: string } {
    const { bucket, prefix, names } = this.#location
    return { Bucket: bucket, Key: `${prefix}${blobName(txid, type, names)}` }
  }
}

const NOT_FOUND = 404
const PRECONDITION_FAILED = 412

/** Undefined where the object is missing. A missing bucket is none: it would look like an empty store. */
async function foundOf<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    const isBucket = error instanceof Error && error.name === 'NoSuchBucket'
    if (statusOf(error) === NOT_FOUND && !isBucket) return undefined
    throw error
  }
}

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConditionalRequestConflict'
}

function statusOf(error: unknown): number | undefined {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } }
  return $metadata?.httpStatusCode
}

function failure(txid: string, type: BlobType, what: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  return new StoreError(
    'STORAGE_ERROR',
    `the external body ${txid}.${type} cannot be ${what}: ${messageOf(error)}`,
    { cause: error },
  )
}
