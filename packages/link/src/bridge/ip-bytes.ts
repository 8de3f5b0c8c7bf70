// Numeric addresses as bytes, in every spelling that a resolver takes for a number instead of a name: inet_aton(3) with
// one to four parts in decimal, octal and hexadecimal, inet_pton(3) for IPv6 (RFC 4291 section 2.2), zones (RFC 4007).
// A filter that reads fewer spellings than the resolver is a filter that 0xA9FEA9FE walks through.

/** 4 or 16 bytes; undefined when `text` is a name or nothing. Never throws. */
export function ipBytesOf(text: string): Uint8Array | undefined {
  const unwrapped = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  return unwrapped.includes(':') ? ipv6Bytes(unwrapped) : ipv4Bytes(unwrapped);
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length > 4) return undefined;
  const values = parts.map(partValue);
  const last = values.pop();
  // inet_aton: the last part fills all bytes that the others leave.
  const lastBytes = 4 - values.length;
  if (last === undefined || last >= 2 ** (8 * lastBytes)) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, value] of values.entries()) {
    if (value === undefined || value > 0xff) return undefined;
    bytes[index] = value;
  }
  for (let index = 0; index < lastBytes; index += 1) bytes[3 - index] = Math.floor(last / 256 ** index) % 256;
  return bytes;
}

function partValue(part: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(part)) return Number.parseInt(part.slice(2), 16);
  if (/^0[0-7]*$/.test(part)) return Number.parseInt(part, 8);
  return /^[1-9][0-9]*$/.test(part) ? Number(part) : undefined;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const [address = '', ...zone] = text.split('%');
  if (zone.length > 1) return undefined;
  const halves = address.split('::');
  if (halves.length > 2) return undefined;
  const head = groupBytes(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupBytes(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // RFC 4291 section 2.2: `::` stands for one or more groups of zeros.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

function groupBytes(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (mayEndDotted && index === groups.length - 1 && group.includes('.')) {
      // Only the plain form stands inside IPv6: inet_pton takes neither octal nor short forms there.
      if (!/^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$/.test(group)) return undefined;
      const dotted = ipv4Bytes(group);
      if (dotted === undefined) return undefined;
      bytes.push(...dotted);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}
