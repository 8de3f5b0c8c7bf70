// A protobuf message (proto3: 1 uint64 id, 2 string name, 3 bytes body), read and written by hand: the work that an application's codec
// does on each message, so that a bench shows what is left of the channel's speed beside it.
import { ParseError } from '@caisson/core/errors';
import type { BenchErrorCode } from './error-code.ts';

export interface ProtobufMessage {
  readonly id: number;
  readonly name: string;
  readonly body: Uint8Array;
}

// Given: protobuf encoding, "message structure": field number * 8 + wire type (0 varint, 2 length and bytes).
const tag = { id: 0x08, name: 0x12, body: 0x1a } as const;
const maxVarintBytes = 7;

export function encodeProtobuf({ id, name, body }: ProtobufMessage): Uint8Array {
  const text = Buffer.from(name);
  const bytes = Buffer.allocUnsafe(3 + 3 * maxVarintBytes + text.length + body.length);
  let at = 0;
  const varint = (value: number): void => {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 0x80;
    bytes[at++] = rest;
  };
  const field = (head: number, content: Uint8Array): void => {
    bytes[at++] = head;
    varint(content.length);
    bytes.set(content, at);
    at += content.length;
  };
  bytes[at++] = tag.id;
  varint(id);
  field(tag.name, text);
  field(tag.body, body);
  return bytes.subarray(0, at);
}

/** Throws ParseError BENCH_PROTOBUF for another form; fields that are not known are one. */
export function parseProtobuf(bytes: Uint8Array): ProtobufMessage {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let digit = 0; digit < maxVarintBytes; digit += 1) {
      const byte = bytes[at];
      if (byte === undefined) break;
      at += 1;
      value += (byte & 0x7f) * 128 ** digit;
      if (byte < 0x80) return value;
    }
    throw fault(`a varint of at most ${maxVarintBytes} bytes`, at);
  };
  const content = (): Uint8Array => {
    const length = varint();
    if (length > bytes.length - at) throw fault(`${length} bytes`, at);
    at += length;
    return bytes.subarray(at - length, at);
  };
  let message: ProtobufMessage = { id: 0, name: '', body: new Uint8Array() };
  while (at < bytes.length) {
    const head = bytes[at];
    at += 1;
    if (head === tag.id) message = { ...message, id: varint() };
    else if (head === tag.name) message = { ...message, name: new TextDecoder().decode(content()) };
    else if (head === tag.body) message = { ...message, body: content() };
    else throw fault('field 1, 2 or 3', at - 1);
  }
  return message;
}

function fault(what: string, at: number): ParseError<BenchErrorCode> {
  return new ParseError('BENCH_PROTOBUF', `protobuf message must have ${what} at offset ${at}`);
}
