// A text as numbers: how often each of its groups of three characters occurs, hashed into as many buckets as the model has.

/** Of length 1 in the Euclidean sense. */
export function featuresOf(text: string, buckets: number): Float32Array {
  const characters = [
    ...` ${text
      .toLowerCase()
      .normalize('NFC')
      .replace(/[^\p{L}']+/gu, ' ')} `,
  ];
  const counts = new Float32Array(buckets);
  for (let at = 0; at + 3 <= characters.length; at += 1) {
    const bucket = hash(characters[at]! + characters[at + 1]! + characters[at + 2]!) % buckets;
    counts[bucket] = counts[bucket]! + 1;
  }
  const length = Math.hypot(...counts) || 1;
  return counts.map((count) => count / length);
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
