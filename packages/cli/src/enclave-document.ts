// A document of an enclave that runs, asked for now over an operator's session: whether a word on the command line means one, and the asking. What the
// enclave must be is the operator's own policy (docs/control.md); of its host come the way to it, and reasons to refuse.
import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { RecordErrorCode } from '@caisson/host/record';
import type { ProvenEnclave } from '@caisson/link/control';
import type { AttestationPolicy } from '@caisson/verify/policy';
import type { Command } from 'commander';
import { type ControlFlags, openControlSession } from './control-flag.ts';
import { openEnclaveSource } from './enclave-source.ts';
import { UsageError } from './exit-code.ts';
import { parseHexOption } from './nsm-argument.ts';
import type { Surroundings } from './surroundings.ts';

/** `policy` is an option of the command itself. */
export type EnclaveFlags = ControlFlags;

export function withEnclaveFlags(command: Command): Command {
  return command
    .option(
      '--operator <name>',
      'of an enclave: operator key by name or path; default CAISSON_OPERATOR, else the only one',
    )
    .option('-f, --file <file>', 'of an enclave: caisson.yaml')
    .option('--via <ssh:host>', 'of an enclave: through caisson proxy on another machine; the session ends here')
    .option('--allow-simulated', 'with --via, take a policy with roots of its own');
}

// Given: docs/control.md.
const nonceBytes = 32;
const cidForm = /^(?:vsock:)?[0-9]{1,10}(?::[0-9]{1,10})?$/;

/**
 * A file stays what it always was. Throws UsageError for a word that is both a file and the name of an enclave, since a document that lay about must not
 * pass for one of now; CaissonError RECORD_UNKNOWN for one that is neither.
 */
export async function meansEnclave(
  word: string,
  { via }: EnclaveFlags,
  surroundings: Pick<Surroundings, 'env'>,
): Promise<boolean> {
  if (via !== undefined) return true;
  const isFile = word === '-' || (existsSync(word) && !statSync(word).isDirectory());
  if (cidForm.test(word)) return !isFile;
  const { isEnclaveName } = await import('@caisson/host/record');
  if (isFile && !isEnclaveName(word)) return false;
  const source = await openEnclaveSource(surroundings);
  const names = (await source.list().catch(() => [])).map(({ name }) => name);
  const isEnclave = names.includes(word);
  if (isFile && isEnclave) {
    throw new UsageError(
      `${word} must be a document or an enclave, got a file here and an enclave of this host`,
      `./${word} is the file; where there is no such file ${word} is the enclave`,
    );
  }
  if (!isFile && !isEnclave) throw await neither(word, names);
  return isEnclave;
}

async function neither(word: string, names: readonly string[]): Promise<CaissonError<RecordErrorCode>> {
  const { adviseName } = await import('@caisson/host/record');
  const { nearestWord } = await import('@caisson/host/service');
  const files = await readdir(dirname(word)).catch(() => []);
  const file = nearestWord(basename(word), files);
  const isNear = nearestWord(word, names) !== undefined;
  const enclaves = isNear ? adviseName(word, names) : `enclaves: ${adviseName(word, names)}`;
  const hint = file === undefined || isNear ? enclaves : `did you mean the file ${plain(join(dirname(word), file))}?`;
  const what = existsSync(word) ? 'a folder' : 'no such file and no enclave of that name';
  return new CaissonError('RECORD_UNKNOWN', `${word} must be a document or an enclave of this host, got ${what}`, {
    hint,
  });
}

/** A flag that would do nothing is one that somebody counts on. */
export function refuseEnclaveFlags({ operator, file, allowSimulated }: EnclaveFlags, what: string): void {
  const given = [
    ...(operator === undefined ? [] : ['--operator']),
    ...(file === undefined ? [] : ['--file']),
    ...(allowSimulated === undefined ? [] : ['--allow-simulated']),
  ];
  if (given.length === 0) return;
  throw new UsageError(
    `${given.join(', ')} must stand with an enclave, got ${what}`,
    'caisson ps -a shows the enclaves of this host',
  );
}

export interface AskOptions {
  /** 32 bytes; default: fresh ones. */
  readonly nonce?: Uint8Array;
  /** Called with the policy before the enclave is dialled. */
  readonly onPolicy?: (policy: AttestationPolicy, source: string) => void;
}

/**
 * The nonce. Of an enclave the other fields are its own: with a key or words of the asker in it, whoever may look at an enclave could have it vouch for a
 * key that is his, and be given its secrets by whoever relies on that. Throws UsageError.
 */
export function fieldsOfEnclave(
  enclave: string,
  { nonce, userData, publicKey }: { readonly nonce: string; readonly userData?: string; readonly publicKey?: string },
): Uint8Array {
  if (userData !== undefined || publicKey !== undefined) {
    throw new UsageError(
      `${userData === undefined ? '--public-key' : '--user-data'} must not stand with enclave ${enclave}, whose documents name its own session and key`,
      'a service inside can have a document with words of its own: docs/wire/attest-socket.md',
    );
  }
  const bytes = parseHexOption('--nonce', nonce, nonceBytes);
  if (bytes.length === nonceBytes) return bytes;
  throw new UsageError(`--nonce must have ${nonceBytes} bytes for an enclave, got ${bytes.length}`);
}

/**
 * Rejects VerificationError of the first check that does not hold; ENGINE_IMAGE, ENGINE_PCR and ENGINE_UNSIGNED for an enclave that can prove nothing;
 * UsageError without a policy; what opening a session rejects.
 */
export async function askEnclave(
  enclave: string,
  flags: EnclaveFlags,
  surroundings: Pick<Surroundings, 'env' | 'stderr' | 'stop'>,
  { nonce, onPolicy }: AskOptions = {},
): Promise<ProvenEnclave> {
  const { isEnclaveName } = await import('@caisson/host/record');
  if (flags.via === undefined && isEnclaveName(enclave)) {
    const { verifyProvable } = await import('@caisson/host/engine');
    verifyProvable(await (await openEnclaveSource(surroundings)).find(enclave));
  }
  const session = await openControlSession(enclave, flags, surroundings, (found) =>
    onPolicy?.(found.policy, found.source),
  );
  try {
    return nonce === undefined ? session.enclave : await session.prove(nonce);
  } finally {
    await session.close();
  }
}
