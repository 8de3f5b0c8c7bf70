// Frames with a u32 length in front: the small one of every request and answer, and the message channel's.

export { crc32c } from './crc32c.ts';
export type { FrameErrorCode, FrameReaderOptions } from './frame.ts';
export { encodeFrame, FRAME_ERROR_CODES, FRAME_HEADER_BYTES, FrameReader } from './frame.ts';
export type { MessageFrame } from './message-frame.ts';
export {
  encodeMessageFrame,
  MESSAGE_CRC_BYTES,
  MESSAGE_FLAG_CRC,
  MESSAGE_FLAG_LAST,
  MESSAGE_HEADER_BYTES,
  MESSAGE_MAX_FRAME_BYTES,
  MESSAGE_MIN_LENGTH,
  readUint32,
  writeMessageHeader,
  writeUint32,
} from './message-frame.ts';
export type { MessageFrameErrorCode, MessageSink } from './message-reader.ts';
export { MESSAGE_FRAME_ERROR_CODES, MessageReader } from './message-reader.ts';
