/** The code byte of an operation (protocol 3.3). Requests and the bins of replies share the layout. */
export const OPERATION_CODES = {
  READ: 1,
  WRITE: 2,
  CDT_READ: 3,
  CDT_MODIFY: 4,
  INCREMENT: 5,
  EXPRESSION_READ: 7,
  EXPRESSION_MODIFY: 8,
  APPEND: 9,
  PREPEND: 10,
  TOUCH: 11,
  BITS_READ: 12,
  BITS_MODIFY: 13,
  DELETE_ALL: 14,
  HLL_READ: 15,
  HLL_MODIFY: 16,
} as const
