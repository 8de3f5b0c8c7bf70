// `caisson cp`: files and trees into an enclave and out of it, each file whole or not there.
import { withApprovedAction } from '../approving-session.ts';
import { EXIT_OK } from '../exit-code.ts';
import { exitOfCopyFailure, failingAs, type SessionFlags, withSession } from '../pipeline-session.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags extends SessionFlags {
  readonly recursive?: true;
  readonly resume?: true;
  readonly checksum?: true;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('cp <source> <target>')
    .description('copy files: caisson cp FILE NAME:/path, caisson cp -r NAME:/path FOLDER')
    .option('-r, --recursive', 'a folder with what it holds')
    .option('--resume', 'keep the part of a cut file, take it up, and skip files that are there by length and time')
    .option('--checksum', 'skip files that are there by their SHA-256')
    .option('--json', 'one JSON document at the end');
  withApprovedAction(command, surroundings, (source: string, target: string, flags: Flags) =>
    copy(source, target, flags, surroundings),
  );
};

async function copy(source: string, target: string, flags: Flags, surroundings: Surroundings): Promise<number> {
  const { parseSides } = await import('../copy-place.ts');
  const { describeCopy, runCopy } = await import('../run-copy.ts');
  const { enclave, ...sides } = parseSides(source, target);
  const { recursive = false, resume = false, checksum = false } = flags;
  const { stdout, stderr } = surroundings;
  const beganMs = performance.now();
  try {
    const result = await withSession(enclave, flags, surroundings, (session) =>
      runCopy(session, { ...sides, recursive, resume, checksum, into: true }, surroundings),
    );
    const seconds = (performance.now() - beganMs) / 1_000;
    if (flags.json === true) stdout.write(`${JSON.stringify({ v: 1, ...result, seconds })}\n`);
    else stderr.write(`${describeCopy(result, seconds)}\n`);
    return EXIT_OK;
  } catch (error) {
    const code = exitOfCopyFailure(error);
    if (code === undefined) throw error;
    return failingAs(code, surroundings, () => Promise.reject(error));
  }
}
