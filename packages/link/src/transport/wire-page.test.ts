// The examples of docs/wire/{addresses,fabric,hybrid}.md, held against the code in both directions.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatAddress, hostPort, parseAddress, toCid, toVsockPort } from '@caisson/core/address';
import { formatPreamble, parsePreamble, preambleMaxBytes } from './fabric/preamble.ts';
import { formatConnect, parseReply, replyMaxBytes } from './hybrid/handshake.ts';

function page(name: string): string {
  return readFileSync(new URL(`../../../../docs/wire/${name}.md`, import.meta.url), 'utf8');
}

/** Fenced blocks `hex TITLE`, whose lines are hex, a bar and what a person reads. */
function* examples(text: string): Generator<{ title: string; bytes: Buffer }> {
  for (const [, title = '', body = ''] of text.matchAll(/^```hex (.+)\n([^`]+)^```/gm)) {
    const hex = body.replace(/\|.*$/gm, '').replace(/\s/g, '');
    yield { title, bytes: Buffer.from(hex, 'hex') };
  }
}

/** The cells of table rows that match `form`. */
function* rows(text: string, form: RegExp): Generator<string[]> {
  for (const match of text.matchAll(form)) yield match.slice(1);
}

test('fabric.md shows preambles as they are written and read', () => {
  let seen = 0;
  for (const { title, bytes } of examples(page('fabric'))) {
    const [, cid, port] = /^preamble of cid ([0-9]+), port ([0-9]+)$/.exec(title) ?? [];
    const peer = { cid: toCid(Number(cid)), port: toVsockPort(Number(port)) };
    equal(bytes.toString('latin1'), formatPreamble(peer));
    deepEqual(parsePreamble(bytes.toString('latin1').slice(0, -1)), peer);
    ok(bytes.length <= preambleMaxBytes);
    seen += 1;
  }
  equal(seen, 2);
});

test('hybrid.md shows the request as it is written and the answer as it is read', () => {
  const shown = [...examples(page('hybrid'))];
  equal(shown.length, 2);
  const [request, answer] = shown;
  const port = toVsockPort(Number(/^CONNECT to port ([0-9]+)$/.exec(request!.title)?.[1]));
  equal(request!.bytes.toString('latin1'), formatConnect(port));
  const chosen = Number(/^OK with port ([0-9]+)$/.exec(answer!.title)?.[1]);
  equal(parseReply(answer!.bytes.toString('latin1').slice(0, -1)), chosen);
  equal(answer!.bytes.at(-1), 0x0a);
  ok(answer!.bytes.length <= replyMaxBytes);
});

test('addresses.md shows what each form is read as', () => {
  const fields = { vsock: ['cid', 'port'], tcp: ['host', 'port'], unix: ['path'] } as const;
  let seen = 0;
  for (const [text = '', meaning] of rows(page('addresses'), /^\| `((?:vsock|tcp|unix):[^A-Z`]+)` \| (.+) \|$/gm)) {
    const address = parseAddress(text);
    const values = new Map<string, unknown>(Object.entries(address));
    equal(fields[address.kind].map((field) => `${field} ${values.get(field)}`).join(', '), meaning);
    equal(formatAddress(address), text);
    seen += 1;
  }
  equal(seen, 4);
});

test('addresses.md shows host ports as they are computed', () => {
  let seen = 0;
  for (const [cid, n, port] of rows(page('addresses'), /^\| ([0-9]+) \| ([0-9]+) \| (0x[0-9a-f]+) \|$/gm)) {
    equal(hostPort(Number(cid), Number(n)), Number(port));
    seen += 1;
  }
  equal(seen, 3);
});
