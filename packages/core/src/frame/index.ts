// Frames with a u32 length in front.
export type { FrameErrorCode, FrameReaderOptions } from './frame.ts';
export { encodeFrame, FRAME_ERROR_CODES, FRAME_HEADER_BYTES, FrameReader } from './frame.ts';
