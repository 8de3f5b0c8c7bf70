// What guest/wall.ts listens on inside the enclave, for both sides of the test.
import { toVsockPort } from '@caisson/core/address';

export const wallPort = {
  /** Answers the end of a stream with `{sha256, bytes, peerCid}`. */
  digest: toVsockPort(4001),
  /** Reads `{bytes, writeBytes}` to the end, then sends that many bytes of the pattern in writes of that size. */
  source: toVsockPort(4002),
  echo: toVsockPort(4003),
  /** Resets whoever sends it a byte. */
  reset: toVsockPort(4004),
  /** Backlog 5; answers everybody with `x`. */
  narrow: toVsockPort(4005),
  /** Stops the enclave's JavaScript for two seconds, during which nobody is accepted. */
  stall: toVsockPort(4006),
  /** Reads a host port to the end, dials it, says `question` and ends, answers with the digest of the reply or the error's code. */
  dial: toVsockPort(4007),
  /** Ends the program. */
  stop: toVsockPort(4008),
} as const;

/** Bytes whose place can be told from their value, so that a swapped or lost piece changes the digest. */
export function patternOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((Math.imul(at, 2_654_435_761) ^ at) >>> 0, at);
  return bytes;
}
