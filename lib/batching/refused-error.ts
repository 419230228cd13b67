import { StoreError } from '../errors/index.ts'

/** A batcher did not take a request: it is closed, or its queue is full. Nothing was sent. */
export class RefusedError extends StoreError {
  override readonly name = 'RefusedError'

  constructor(message: string) {
    super('SERVICE_UNAVAILABLE', message)
  }
}
