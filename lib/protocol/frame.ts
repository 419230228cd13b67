/** The type byte of a frame (protocol 1.1). */
export const FRAME_TYPES = {
  INFO: 1,
  SECURITY: 2,
  MESSAGE: 3,
  COMPRESSED: 4,
  INTERNAL: 5,
} as const

export const FRAME_VERSION = 2
/** version u8 · type u8 · size of the body u48 BE */
export const FRAME_HEADER_BYTES = 8
/** The largest body either side accepts. */
export const FRAME_BODY_BYTES_MAX = 128 * 1024 * 1024

/** Writes a frame header; returns the offset behind it. */
export function writeFrameHeader(target: Buffer, offset: number, type: number, bodyBytes: number): number {
  target[offset] = FRAME_VERSION
  target[offset + 1] = type
  return target.writeUIntBE(bodyBytes, offset + 2, 6)
}

/** A whole frame around a copy of the body. */
export function encodeFrame(type: number, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + body.length)
  frame.set(body, writeFrameHeader(frame, 0, type, body.length))
  return frame
}
