// What a builder says of an image, signed: an in-toto Statement (in-toto/attestation, spec/v1/statement.md) whose subject is the image file and
// whose predicate is its manifest. Whoever has the key, the file and the statement needs nothing else.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { ParseError, VerificationError } from '@caisson/core/errors';
import { openImageFile } from '../image/index.ts';
import { openEnvelope, signEnvelope } from './envelope.ts';
import type { StatementErrorCode } from './error-code.ts';

export interface FileDigests {
  readonly sha256: string;
  readonly sha384: string;
}

export interface ImageStatement {
  readonly subject: { readonly name: string; readonly digest: FileDigests };
  readonly predicate: Readonly<Record<string, unknown>>;
}

// Given.
const payloadType = 'application/vnd.in-toto+json';
const statementType = 'https://in-toto.io/Statement/v1';
const pieceBytes = 1_048_576;
// Chosen: a URI of our own, as the specification asks; the manifest's own `v` says its version.
const predicateType = 'urn:caisson:image-manifest:1';

/** The envelope as text. Throws ParseError STATEMENT_KEY. */
export function signStatement({ subject, predicate }: ImageStatement, keyPem: Uint8Array, passphrase?: string): string {
  const statement = { _type: statementType, subject: [subject], predicateType, predicate };
  return signEnvelope(Buffer.from(JSON.stringify(statement)), payloadType, keyPem, passphrase);
}

/** Throws what `openEnvelope` throws, and ParseError STATEMENT_FORM for what is signed but no statement about an image. */
export function verifyStatement(text: string, publicKeyPem: Uint8Array): ImageStatement {
  const payload = Buffer.from(openEnvelope(text, payloadType, publicKeyPem));
  let parsed: { _type?: unknown; predicateType?: unknown; subject?: unknown; predicate?: unknown };
  try {
    parsed = JSON.parse(payload.toString()) as typeof parsed;
  } catch (cause) {
    throw form('its payload must be JSON', cause);
  }
  const subjects = parsed?.subject;
  if (parsed?._type !== statementType || parsed.predicateType !== predicateType || !Array.isArray(subjects)) {
    throw form(`its payload must be a ${statementType} with ${predicateType}`);
  }
  const [subject, ...more] = subjects as readonly Partial<ImageStatement['subject']>[];
  const { sha256, sha384 } = (subject?.digest ?? {}) as Partial<FileDigests>;
  const isHex = (value: unknown, digits: number): value is string =>
    typeof value === 'string' && value.length === digits && /^[0-9a-f]*$/.test(value);
  if (more.length > 0 || typeof subject?.name !== 'string' || !isHex(sha256, 64) || !isHex(sha384, 96)) {
    throw form('its subject must be one file with SHA-256 and SHA-384');
  }
  const { predicate } = parsed;
  if (typeof predicate !== 'object' || predicate === null) throw form('its predicate must be a manifest');
  return {
    subject: { name: subject.name, digest: { sha256, sha384 } },
    predicate: predicate as ImageStatement['predicate'],
  };
}

/** Throws VerificationError STATEMENT_SUBJECT when the file at `path` is not the one that the statement is about. */
export async function verifySubject({ subject }: ImageStatement, path: string): Promise<void> {
  const { sha256, sha384 } = await digestFile(path);
  if (sha256 === subject.digest.sha256 && sha384 === subject.digest.sha384) return;
  throw new VerificationError<StatementErrorCode>(
    'STATEMENT_SUBJECT',
    `statement must be about ${basename(path)} with SHA-384 ${sha384}, got ${subject.digest.sha384}`,
  );
}

/** Of a file that is being made, from its first `size` bytes. */
export async function digestHandle(file: FileHandle, size: number): Promise<FileDigests> {
  const [sha256, sha384] = [createHash('sha256'), createHash('sha384')];
  const buffer = Buffer.alloc(pieceBytes);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) throw form(`its file must have ${size} bytes, got ${at}`);
    for (const hash of [sha256, sha384]) hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return { sha256: sha256.digest('hex'), sha384: sha384.digest('hex') };
}

/** Hex. Throws what `openImageFile` throws. */
export async function digestFile(path: string): Promise<FileDigests> {
  const file = await openImageFile(path);
  try {
    const [sha256, sha384] = [createHash('sha256'), createHash('sha384')];
    for await (const piece of file.pieces(0, file.size)) {
      sha256.update(piece);
      sha384.update(piece);
    }
    await file.requireUnchanged();
    return { sha256: sha256.digest('hex'), sha384: sha384.digest('hex') };
  } finally {
    await file.close();
  }
}

function form(what: string, cause?: unknown): ParseError<StatementErrorCode> {
  return new ParseError('STATEMENT_FORM', `statement: ${what}`, cause === undefined ? {} : { cause });
}
