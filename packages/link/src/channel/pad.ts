// Sizes of writes that tell the parent less: each is filled up to a bucket with frames that the receiver drops. The parent
// sees lengths even where TLS hides content, and a length can be the secret (which key was asked for, how long an answer is).
import { MESSAGE_HEADER_BYTES } from '@caisson/core/frame';

/** Throws TypeError unless the buckets rise and each holds a frame. */
export function checkBuckets(buckets: readonly number[]): void {
  buckets.forEach((bytes, index) => {
    const least = index === 0 ? 2 * MESSAGE_HEADER_BYTES : buckets[index - 1]! + 1;
    if (!Number.isSafeInteger(bytes) || bytes < least || bytes > 1_048_576) {
      throw new TypeError(`padTo[${index}] must be an integer in ${least}..1048576, got ${bytes}`);
    }
  });
}

/** Bytes to add to `length`: none, or at least `leastFrame`. Beyond the greatest bucket its multiples count. */
export function paddingOf(length: number, buckets: readonly number[], leastFrame: number): number {
  const fits = (size: number): boolean => size === length || size >= length + leastFrame;
  const bucket = buckets.find(fits);
  if (bucket !== undefined) return bucket - length;
  const greatest = buckets.at(-1) ?? 0;
  let size = Math.ceil(length / greatest) * greatest;
  if (!fits(size)) size += greatest;
  return size - length;
}
