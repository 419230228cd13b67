import { expect, it } from '@jest/globals'
import { StoreError } from '../../../lib/errors/index.ts'
import { isLoadSignal } from '../../../lib/store/dispatch/server-trouble.ts'
import { doubtfulError, rowError } from '../../../lib/store/store-errors.ts'
import { BatchError, RESULT_CODES } from '../../../lib/transport/index.ts'

it.each<[boolean, string, StoreError]>([
  [true, 'a row refused for load', rowError('reading', RESULT_CODES.DEVICE_OVERLOAD, false)],
  [true, 'a batch that timed out', new BatchError('late', RESULT_CODES.TIMEOUT, false)],
  [true, 'a queue that is full', new StoreError('SERVICE_UNAVAILABLE', 'full')],
  [false, 'a parameter that is refused', new BatchError('refused', RESULT_CODES.PARAMETER, false)],
  [false, 'a verdict', new StoreError('TX_NOT_FOUND', 'none')],
])('%s, after a write in doubt or not: %s asks for fewer batches in flight', (expected, _, failure) => {
  expect(isLoadSignal(failure)).toBe(expected)
  expect(isLoadSignal(doubtfulError(failure))).toBe(expected)
})
