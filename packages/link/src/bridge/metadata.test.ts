// Every spelling and every disguise of a metadata address is one; its neighbours, in the same disguises, are not.
import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipBytesOf } from './ip-bytes.ts';
import { isMetadataAddress } from './metadata.ts';

const metadataIpv4 = ['169.254.169.254', '169.254.170.2', '169.254.170.23'];
const metadataIpv6 = ['fd00:ec2::254', 'fd00:ec2::23'];

/** All forms of inet_aton(3): one to four parts, each in decimal, octal or hexadecimal, with leading zeros and either case. */
function* spellings(dotted: string): Generator<string> {
  const bytes = dotted.split('.').map(Number);
  for (let parts = 1; parts <= 4; parts += 1) {
    const head = bytes.slice(0, parts - 1);
    const last = bytes.slice(parts - 1).reduce((value, byte) => value * 256 + byte, 0);
    yield* written([...head, last]);
  }
}

function* written(values: readonly number[]): Generator<string> {
  const [first, ...rest] = values;
  if (first === undefined) {
    yield '';
    return;
  }
  const hex = first.toString(16);
  const octal = `0${first.toString(8)}`;
  const forms = [`${first}`, octal, `000${octal}`, `0x${hex}`, `0X${hex.toUpperCase()}`, `0x00${hex}`];
  for (const form of forms) {
    for (const tail of written(rest)) yield tail === '' ? form : `${form}.${tail}`;
  }
}

/** Every prefix that carries an IPv4 address, with the address in it in each of its forms. */
function disguises(dotted: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
  const pair = (high: number, low: number): string => (high * 256 + low).toString(16);
  const [high, low] = [pair(a, b), pair(c, d)];
  const inverted = [pair(255 - a, 255 - b), pair(255 - c, 255 - d)];
  const tails = [`${high}:${low}`, `${high}:${low}`.toUpperCase(), dotted];
  return [
    ...['::', '::ffff:', '::FFFF:', '0:0:0:0:0:ffff:', '0000:0000:0000:0000:0000:ffff:', '::ffff:0:'].flatMap(
      (prefix) => tails.map((tail) => prefix + tail),
    ),
    ...['64:ff9b::', '0064:FF9B:0:0:0:0:', '64:ff9b:1::', '64:ff9b:1:ffff:0:0:'].flatMap((prefix) =>
      tails.map((tail) => prefix + tail),
    ),
    // RFC 6052 section 2.2, prefixes of 48, 56 and 64 bits: the octet at bits 64..71 is zero.
    `64:ff9b:1:${high}:${pair(0, c)}:${pair(d, 0)}::`,
    `64:ff9b:1:${pair(7, a)}:${pair(0, b)}:${pair(c, d)}::`,
    `64:ff9b:1:7:${pair(0, a)}:${pair(b, c)}:${pair(d, 0)}:0`,
    `2002:${high}:${low}::`,
    `2002:${high}:${low}:1:2:3:4:5`,
    `2001:0:${high}:${low}::1`,
    `2001:0:102:304:0:0:${inverted[0]}:${inverted[1]}`,
    `fe80::5efe:${high}:${low}`,
    `2001:db8::200:5efe:${dotted}`,
  ];
}

test('knows a metadata address in every spelling that a resolver takes for a number', () => {
  let count = 0;
  for (const address of metadataIpv4) {
    for (const text of spellings(address)) {
      count += 1;
      assert.ok(isMetadataAddress(text), text);
    }
  }
  assert.ok(count > 4_000, `${count} spellings`);
});

test('knows a metadata address under every prefix that carries IPv4, with a zone and in brackets', () => {
  for (const address of metadataIpv4) {
    for (const text of disguises(address)) {
      for (const form of [text, `${text}%eth0`, `${text}%1`, `[${text}]`]) assert.ok(isMetadataAddress(form), form);
    }
  }
});

test('knows the IPv6 addresses in every grouping', () => {
  for (const address of metadataIpv6) {
    const last = address.slice(address.lastIndexOf(':') + 1);
    const forms = [
      address,
      address.toUpperCase(),
      `fd00:0ec2:0:0:0:0:0:${last}`,
      `fd00:ec2:0::0:${last.padStart(4, '0')}`,
    ];
    for (const form of [...forms, `${address}%lo`, `[${address}]`]) assert.ok(isMetadataAddress(form), form);
  }
});

test('lets every neighbour pass, in every spelling and disguise', () => {
  for (const address of [
    '169.254.169.253',
    '169.254.169.255',
    '169.254.170.1',
    '169.254.170.3',
    '169.254.170.22',
    '169.254.170.24',
  ]) {
    for (const text of [...spellings(address), ...disguises(address)]) assert.ok(!isMetadataAddress(text), text);
  }
  for (const text of ['fd00:ec2::253', 'fd00:ec2::255', 'fd00:ec3::254', 'fd00:ec2::22', 'fd00:ec2:0:1::254']) {
    assert.ok(!isMetadataAddress(text), text);
  }
});

test('takes no name for an address', () => {
  for (const text of [
    '',
    'metadata',
    'instance-data.ec2.internal',
    '169.254.169.254.example',
    '169.254.169.254.',
    '0x',
    '08.1',
  ]) {
    assert.ok(!isMetadataAddress(text), text);
  }
});

test('reads numbers as the resolver of this system does', async () => {
  const sample = [...spellings('169.254.169.254')].filter((_, index) => index % 97 === 0);
  const odd = [
    '0',
    '1',
    '0x7f.1',
    '127.1',
    '0177.0.0.1',
    '4294967295',
    '1.2.3',
    '1.65535',
    '0xffffffff',
    '010.020.030.040',
  ];
  for (const text of [...sample, ...odd]) {
    const { address } = await lookup(text, { family: 4 });
    assert.equal(ipBytesOf(text)?.join('.'), address, text);
  }
});

test('reads what it wrote, for any IPv4 in any spelling and any IPv6', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const ipv4 = fc.tuple(byte, byte, byte, byte);
  fc.assert(
    fc.property(ipv4, fc.nat(), (bytes, choice) => {
      const forms = [...spellings(bytes.join('.'))];
      const text = forms[choice % forms.length] ?? '';
      assert.deepEqual([...(ipBytesOf(text) ?? [])], bytes, text);
    }),
    { seed: 1, numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const bytes = ipBytesOf(text);
      assert.equal(bytes?.length, 16, text);
      const url = new URL(`http://[${text}]/`).hostname;
      assert.deepEqual(ipBytesOf(url), bytes, text);
    }),
    { seed: 1, numRuns: 1_000 },
  );
});

test('never throws and never sees an address in garbage', () => {
  const letters = fc.constantFrom(...'0123456789abcdefxX.:%[]g ');
  fc.assert(
    fc.property(fc.string({ unit: letters, maxLength: 40 }), (text) => {
      const bytes = ipBytesOf(text);
      assert.ok(bytes === undefined || bytes.length === 4 || bytes.length === 16);
      assert.equal(typeof isMetadataAddress(text), 'boolean');
    }),
    { seed: 1, numRuns: 5_000 },
  );
});
