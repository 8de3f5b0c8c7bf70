// Cuts the stream of fd 3 into PID 1's frames. Keeps at most one frame that has not come whole.
import type { ProcessFrame } from './frame.ts';
import { maxFrameBytes, parseProcessFrame } from './frame.ts';

const lengthBytes = 4;
const headBytes = 5;

/** Returns what takes the next bytes; it answers false when they are no frames of PID 1, and must not be called again. */
export function createFrameReader(hear: (frame: ProcessFrame) => void): (bytes: Buffer) => boolean {
  let kept: Buffer = Buffer.of();
  return (bytes) => {
    kept = kept.length === 0 ? bytes : Buffer.concat([kept, bytes]);
    for (;;) {
      if (kept.length < lengthBytes) return true;
      const length = kept.readUInt32BE(0);
      if (length < headBytes || length > maxFrameBytes) return false;
      if (kept.length < lengthBytes + length) return true;
      const frame = parseProcessFrame(kept.subarray(lengthBytes, lengthBytes + length));
      if (frame === undefined) return false;
      kept = kept.subarray(lengthBytes + length);
      hear(frame);
    }
  };
}
