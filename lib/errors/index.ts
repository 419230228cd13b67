export { checkCallOptions, checkFunction, checkObject } from './argument-checks.ts'
export { ERROR_CODES, type ErrorCode } from './codes.ts'
export {
  describe,
  InvalidArgumentError,
  messageOf,
  StoreError,
  type StoreErrorOptions,
} from './store-error.ts'
export { TIMER_MS_MAX, wholeNumber } from './whole-number.ts'
export { noteWorkBehind, workBehind } from './work-behind.ts'
