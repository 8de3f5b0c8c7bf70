// The approval of one act: what it is, in words, before it is signed.
import { readFileSync, writeFileSync } from 'node:fs';
import { toHex } from '@caisson/core/bytes';
import { plain } from '@caisson/core/log';
import { findOperator, readOperatorKey } from '@caisson/host/operator';
import { encodeApprovalFile, parseApprovalRequest, signApproval } from '@caisson/link/control';
import { describeAct, verbOfAct } from '@caisson/link/pipeline';
import { UsageError } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

export interface ApproveFlags {
  readonly operator?: string;
  readonly output?: string;
  readonly show?: true;
  readonly json?: true;
}

/** Rejects CONTROL_APPROVAL, PIPELINE_REQUEST, OPERATOR_*; then nothing is signed. */
export async function approveRequest(
  file: string,
  { operator, output = `${file}.approval`, show, json }: ApproveFlags,
  { env, stdout }: Pick<Surroundings, 'env' | 'stdout'>,
): Promise<void> {
  const { approval, type, payload } = parseApprovalRequest(readFileSync(file));
  const act = describeAct(type, payload);
  // The verb that a person is shown must be that of the act that he signs; a file in which they differ is meant to mislead.
  if (verbOfAct(type) !== approval.verb)
    throw new UsageError(`request ${file} must have the verb of its act, ${verbOfAct(type)}, got ${approval.verb}`);
  const about = {
    verb: approval.verb,
    act,
    enclaveKeySha256: toHex(approval.serverKeySha256),
    bootId: toHex(approval.bootId),
    notAfter: approval.notAfter,
  };
  let written: string | null = null;
  if (show !== true) {
    const name = await findOperator({ env, operator, enclave: '' });
    const identity = await readOperatorKey(name, env, env['CAISSON_KEY_PASSPHRASE']);
    writeFileSync(output, encodeApprovalFile(await signApproval(approval, identity)), { flag: 'wx' });
    written = output;
  }
  if (json === true) {
    stdout.write(`${JSON.stringify({ v: 1, ...about, ...(written !== null && { file: written }) })}\n`);
    return;
  }
  const until = new Date(approval.notAfter * 1_000).toISOString();
  const lines = [
    ...[`${approval.verb}: ${act}`, `  enclave key  ${about.enclaveKeySha256}`, `  boot         ${about.bootId}`],
    `  until        ${until}`,
    written === null ? 'nothing was signed' : `approved in ${plain(written)}`,
  ];
  stdout.write(`${lines.join('\n')}\n`);
}
