// Approvals that are given elsewhere: the act that somebody means to do, in a file that others look at and sign on machines of their own, and
// the signature that comes back. Both are JSON, so that they can be looked at and mailed; nothing in them is secret, and nothing is
// believed: the enclave judges the signature, its signer the act.
import { equalBytes, parseBase64, parseHex, toBase64, toHex } from '@caisson/core/bytes';
import { isJsonObject, JsonNumber, parseStrictJson } from '@caisson/core/config';
import { CaissonError, ParseError } from '@caisson/core/errors';
import { type Approval, hashAct, type SignedApproval } from './approval.ts';
import type { ControlErrorCode } from './error-code.ts';
import { isControlVerb } from './verb.ts';

/** An act as it is asked of others: they see what it is, not only its hash. */
export interface ApprovalRequest {
  readonly approval: Approval;
  /** The request's type and first payload. */
  readonly type: number;
  readonly payload: Uint8Array;
}

// Chosen: a command has up to 8 KiB of words for PID 1, and a path 4 KiB.
const maxApprovalFileBytes = 131_072;

const requestKeys = [
  'v',
  'approvalRequest',
  'verb',
  'type',
  'payload',
  'bootId',
  'serverKeySha256',
  'actId',
  'notAfter',
];
const approvalKeys = ['v', 'approval', 'key'];

export function encodeApprovalRequest({ approval, type, payload }: ApprovalRequest): string {
  const { verb, bootId, serverKeySha256, actId, notAfter } = approval;
  const fields = {
    v: 1,
    approvalRequest: 'caisson-approval/1',
    verb,
    type,
    payload: toBase64(payload),
    notAfter,
    bootId: toHex(bootId),
    serverKeySha256: toHex(serverKeySha256),
    actId: toHex(actId),
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/** The hash of the act is made here from what the file shows. Throws ParseError CONTROL_APPROVAL. */
export function parseApprovalRequest(bytes: Uint8Array): ApprovalRequest {
  return reading('approval request', () => {
    const { text, number } = fieldsOf(bytes, requestKeys);
    const [verb, type] = [text('verb'), number('type', 255)];
    if (text('approvalRequest') !== 'caisson-approval/1' || !isControlVerb(verb)) throw wrong('a verb of the channel');
    const payload = parseBase64(text('payload'));
    const approval = {
      verb,
      bootId: hex(text('bootId'), 16),
      serverKeySha256: hex(text('serverKeySha256'), 32),
      actId: hex(text('actId'), 16),
      actSha256: hashAct(type, payload),
      notAfter: number('notAfter', 2 ** 40),
    };
    return { approval, type, payload };
  });
}

export function encodeApprovalFile({ spki, message }: SignedApproval): string {
  return `${JSON.stringify({ v: 1, approval: toBase64(message), key: toBase64(spki) }, null, 2)}\n`;
}

/** Not verified. Throws ParseError CONTROL_APPROVAL. */
export function parseApprovalFile(bytes: Uint8Array): SignedApproval {
  return reading('approval', () => {
    const { text } = fieldsOf(bytes, approvalKeys);
    return { message: parseBase64(text('approval')), spki: parseBase64(text('key')) };
  });
}

/** The same act of the same enclave, until the same time. */
export function isSameApproval(one: Approval, other: Approval): boolean {
  const bytes = (of: Approval): Uint8Array[] => [of.bootId, of.serverKeySha256, of.actId, of.actSha256];
  const isSame = bytes(one).every((value, index) => equalBytes(value, bytes(other)[index]!));
  return isSame && one.verb === other.verb && one.notAfter === other.notAfter;
}

function fieldsOf(bytes: Uint8Array, keys: readonly string[]) {
  const root = parseStrictJson(bytes, { maxBytes: maxApprovalFileBytes, maxDepth: 2 });
  if (!isJsonObject(root)) throw wrong('an object');
  for (const key of root.keys()) if (!keys.includes(key)) throw wrong(`the keys ${keys.join(', ')}`);
  const number = (key: string, highest: number): number => {
    const value = root.get(key);
    const got = value instanceof JsonNumber ? value.unsigned : undefined;
    if (got !== undefined && got <= highest) return got;
    throw wrong(`${key} in 0..${highest}`);
  };
  const text = (key: string): string => {
    const value = root.get(key);
    if (typeof value === 'string') return value;
    throw wrong(`a text as ${key}`);
  };
  if (number('v', 1) !== 1) throw wrong('v 1');
  return { text, number };
}

function hex(text: string, length: number): Uint8Array {
  const bytes = parseHex(text);
  if (bytes.length === length) return bytes;
  throw wrong(`${length} bytes, got ${bytes.length}`);
}

function reading<Result>(what: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CaissonError)) throw cause;
    throw new ParseError<ControlErrorCode>('CONTROL_APPROVAL', `${what} cannot be read: ${cause.message}`, { cause });
  }
}

function wrong(rule: string): ParseError<ControlErrorCode> {
  return new ParseError('CONTROL_APPROVAL', `file must have ${rule}`);
}
