// A signed operator list from a file of people: dated from now, for the images that are named.
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ConfigTarget } from '@caisson/core/config';
import { ParseError } from '@caisson/core/errors';
import { type ControlIdentity, MAX_LIST_SECONDS, type OperatorList, signOperatorList } from '@caisson/link/control';
import type { OperatorErrorCode } from './error-code.ts';
import { MAX_LIST_FILE_CHARACTERS, parseListFile } from './list-file.ts';

export interface SignListOptions {
  readonly file: string;
  /** The root key that the images measure. */
  readonly root: ControlIdentity;
  readonly version: number;
  /** 1..604,800: seven days. */
  readonly validForSeconds: number;
  readonly target: ConfigTarget;
  /** Unix seconds; default now. */
  readonly now?: number;
}

export interface SignedOperatorList {
  readonly list: OperatorList;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

// Chosen: the signer's clock may be ahead of the enclave's.
const earlySeconds = 300;

/** Rejects ParseError OPERATOR_LIST_FILE with the place, COMPOSE_INPUT for a key, CONTROL_LIST_FORM. */
export async function signListFile(options: SignListOptions): Promise<SignedOperatorList> {
  const { file, root, version, validForSeconds, target, now = Math.floor(Date.now() / 1_000) } = options;
  const operators = await parseListFile(await readList(file), file, dirname(file));
  const notAfter = now + validForSeconds;
  const list = {
    version,
    notBefore: Math.max(now - earlySeconds, notAfter - MAX_LIST_SECONDS),
    notAfter,
    target,
    operators,
  };
  const key = root.privateKey.toCryptoKey('Ed25519', false, ['sign']);
  return { list, bytes: await signOperatorList(list, key, root.spki) };
}

async function readList(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size <= 3 * MAX_LIST_FILE_CHARACTERS) return await readFile(file, 'utf8');
    throw new Error(`it has ${size} bytes`);
  } catch (cause) {
    const message = `operator list ${file} cannot be read: ${(cause as Error).message}`;
    throw new ParseError<OperatorErrorCode>('OPERATOR_LIST_FILE', message, { cause });
  }
}
