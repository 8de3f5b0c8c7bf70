// A second opinion that shares no line with ours: a lenient CBOR reader of its own, and Node's OpenSSL for certificates and signatures.
// It is as loose as popular verifiers are, so whatever it refuses ours must refuse too.
import { verify, X509Certificate } from 'node:crypto';

type Item = number | bigint | string | Uint8Array | boolean | null | undefined | Item[] | Map<unknown, Item>;

/** True when the document holds under `rootDer` at `at` (unix seconds); false for any reason at all. */
export function secondOpinion(document: Uint8Array, rootDer: Uint8Array, at: number): boolean {
  try {
    return holds(document, rootDer, at);
  } catch {
    return false;
  }
}

function holds(document: Uint8Array, rootDer: Uint8Array, at: number): boolean {
  const [header, , payload, signature] = read(document) as [Uint8Array, unknown, Uint8Array, Uint8Array];
  if ((read(header) as Map<unknown, Item>).get(1) !== -35) return false;
  const fields = read(payload) as Map<unknown, Item>;
  const bundle = fields.get('cabundle') as Uint8Array[];
  if (Buffer.compare(Buffer.from(bundle[0]!), Buffer.from(rootDer)) !== 0) return false;
  const path = [...bundle, fields.get('certificate') as Uint8Array].map((der) => new X509Certificate(der));
  for (const [level, certificate] of path.entries()) {
    const issuer = path[Math.max(0, level - 1)]!;
    const isValid = Date.parse(certificate.validFrom) <= at * 1000 && at * 1000 <= Date.parse(certificate.validTo);
    if (!isValid || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) return false;
    if (certificate.ca !== level < path.length - 1) return false;
  }
  const signed = Buffer.concat([
    Buffer.from([0x84, 0x6a]),
    Buffer.from('Signature1'),
    byteString(header),
    Buffer.from([0x40]),
    byteString(payload),
  ]);
  const key = { key: path[path.length - 1]!.publicKey, dsaEncoding: 'ieee-p1363' as const };
  return verify('sha384', signed, key, signature);
}

function byteString(bytes: Uint8Array): Buffer {
  const head = bytes.length < 24 ? [0x40 | bytes.length] : [0x59, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** The first item; what follows it is not looked at. Tags are skipped, a later key wins. */
function read(bytes: Uint8Array): Item {
  const view = Buffer.from(bytes);
  let offset = 0;
  const item = (): Item => {
    const initial = view.readUInt8(offset++);
    const [type, low] = [initial >> 5, initial & 31];
    const argument = low < 24 || low === 31 ? low : view.readUIntBE(offset, Math.min(6, 1 << (low - 24)));
    if (low === 27) return wide(type);
    if (low >= 24 && low < 27) offset += 1 << (low - 24);
    return ofType(type, low, argument);
  };
  const wide = (type: number): Item => {
    const value = view.readBigUInt64BE(offset);
    offset += 8;
    return ofType(type, 27, Number(value));
  };
  const isOpen = (low: number, count: number, done: number): boolean => {
    if (low !== 31) return done < count;
    if (view[offset] !== 0xff) return true;
    offset += 1;
    return false;
  };
  const ofType = (type: number, low: number, argument: number): Item => {
    if (type === 0) return argument;
    if (type === 1) return -1 - argument;
    if (type === 2 || type === 3) {
      if (offset + argument > view.length) throw new RangeError('string past the end');
      const content = Uint8Array.from(view.subarray(offset, offset + argument));
      offset += argument;
      return type === 2 ? content : Buffer.from(content).toString('utf8');
    }
    if (type === 4) {
      const items: Item[] = [];
      while (isOpen(low, argument, items.length)) items.push(item());
      return items;
    }
    if (type === 5) {
      const map = new Map<unknown, Item>();
      for (let done = 0; isOpen(low, argument, done); done += 1) map.set(item(), item());
      return map;
    }
    if (type === 6) return item();
    return low === 20 ? false : low === 21 ? true : null;
  };
  return item();
}
