export {
  BatchRequest,
  type BatchRow,
  type BatchRowInit,
  type BatchRowTemplate,
  encodeBatch,
} from './batch-message.ts'
export { ByteWriter } from './byte-writer.ts'
export { LIST_FLAGS, MAP_FLAGS } from './container-flags.ts'
export { DIGEST_BYTES, PARTITION_COUNT, partitionId, recordDigest, type UserKey, userKey } from './digest.ts'
export { EncodedOperations } from './encoded-operations.ts'
export { FIELD_TYPES } from './field-types.ts'
export {
  encodeFrame,
  FRAME_BODY_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FRAME_TYPES,
  FRAME_VERSION,
  writeFrameHeader,
} from './frame.ts'
export { type Frame, FrameReader, type FrameReaderOptions } from './frame-reader.ts'
export {
  decodeInfoReply,
  decodeInfoRequest,
  encodeInfoReply,
  encodeInfoRequest,
  type InfoCommand,
  parseInfoCommand,
} from './info-message.ts'
export {
  binNameFromText,
  binNameToText,
  decodeMessage,
  decodeMessageAt,
  decodeMessageHeader,
  decodeOperations,
  encodeMessage,
  type Field,
  findField,
  MESSAGE_HEADER_BYTES,
  type Message,
  type MessageHeader,
  type MessageInit,
  OPERATION_HEADER_BYTES,
  type Operation,
  type OperationInit,
  operationBytes,
  writeBin,
  writeField,
  writeMessageHeader,
  writeOperation,
} from './message.ts'
export { BATCH_FLAGS, BATCH_ROW_FLAGS, INFO1, INFO2, INFO3, INFO4 } from './message-flags.ts'
export { decodeMsgpack, encodeMsgpack, writeValue } from './msgpack.ts'
export { normaliseContainer, normaliseValue } from './msgpack-normalise.ts'
export { compareElements, compareOrderedElements, MARKER_EXTENSION_TYPE } from './msgpack-order.ts'
export { MSGPACK_DEPTH_MAX, MSGPACK_KINDS, MsgpackReader } from './msgpack-reader.ts'
export {
  writeBoolean,
  writeBytesHeader,
  writeDouble,
  writeInteger,
  writeListFlags,
  writeListHeader,
  writeMapFlags,
  writeMapHeader,
  writeNil,
  writeTypedBytes,
} from './msgpack-writer.ts'
export { OPERATION_CODES } from './operation-codes.ts'
export { decodeParticle, encodeParticle, geoJsonText, type Particle } from './particle.ts'
export { PARTICLE_TYPES } from './particle-types.ts'
export { ProtocolError } from './protocol-error.ts'
export { RESULT_CODES, resultCodeName } from './result-codes.ts'
export { Double, GeoJson, type Value } from './value.ts'
