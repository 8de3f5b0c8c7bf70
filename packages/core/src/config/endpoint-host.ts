// The name or address an endpoint may carry, and the two kinds that deserve a second look: the parent's credentials
// services, and the parent itself. Pure text; what a name resolves to is judged again by the bridge when it dials.

// Given: argonaut config v0.1.
const maxHostCharacters = 253;
const maxLabelCharacters = 63;

// Given by AWS: instance metadata (IMDS), ECS task credentials, EKS pod identity.
const metadataAddresses = ['169.254.169.254', '169.254.170.2', '169.254.170.23'];

/** What is wrong with `host`, as the rest of a sentence; undefined when nothing is. */
export function findHostFault(host: string): string | undefined {
  if (host === '') return 'must be a non-empty string';
  if (host.length > maxHostCharacters) {
    return `must have at most ${maxHostCharacters} characters, got ${host.length}`;
  }
  const stray = /[^A-Za-z0-9._-]/u.exec(host);
  if (stray !== null) {
    return `must contain only letters, digits, ".", "_" and "-", got ${JSON.stringify(stray[0])} at ${stray.index}`;
  }
  const labels = host.split('.');
  if (labels.includes('')) return `must have no empty label, got ${JSON.stringify(host)}`;
  const long = labels.find((label) => label.length > maxLabelCharacters);
  if (long !== undefined) return `must have labels of at most ${maxLabelCharacters} characters, got ${long.length}`;
  return undefined;
}

/**
 * 'metadata' for an address that hands out the parent's credentials, 'loopback' for the parent's own services. Every
 * spelling that getaddrinfo(3) takes for an IPv4 address counts: 0xa9fea9fe and 2852039166 are 169.254.169.254 too.
 */
export function classifyHost(host: string): 'metadata' | 'loopback' | undefined {
  const address = readInetAton(host);
  if (address === undefined) return /(?:^|\.)localhost$/i.test(host) ? 'loopback' : undefined;
  const dotted = [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
  if (metadataAddresses.includes(dotted)) return 'metadata';
  // Linux takes 0.0.0.0 as a destination for this machine.
  return dotted.startsWith('127.') || dotted === '0.0.0.0' ? 'loopback' : undefined;
}

/** True for canonical dotted decimal in 127.0.0.0/8: no leading zeros, which some readers take for octal. */
export function isLoopbackIpv4(text: string): boolean {
  const octets = text.split('.');
  return (
    octets.length === 4 &&
    octets[0] === '127' &&
    octets.every((octet) => /^(?:0|[1-9][0-9]{0,2})$/.test(octet) && Number(octet) <= 255)
  );
}

/** inet_aton(3): one to four parts in decimal, octal or hexadecimal, the last one filling what is left. */
function readInetAton(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length > 4) return undefined;
  const numbers = parts.map(readPart);
  const last = numbers.pop();
  if (last === undefined || Number.isNaN(last) || last >= 256 ** (4 - numbers.length)) return undefined;
  if (!numbers.every((part) => part <= 255)) return undefined;
  return numbers.reduce((address, part, index) => address + part * 256 ** (3 - index), last);
}

function readPart(text: string): number {
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN;
}
