// `caisson kms lint`: what is wrong with a key policy; exit 1 when a fault is found.
import { withExitAction } from '../exit-action.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly json?: true;
}

export const registerKmsLint: RegisterCommand = (kms, surroundings) => {
  const command = kms
    .command('lint <policy>')
    .description('list the faults of a key policy (docs/kms.md); exit 0 when there is none, else 1')
    .option('--json', 'print one JSON document');
  withExitAction(command, (file: string, flags: Flags) => lint(file, flags, surroundings));
};

async function lint(file: string, { json }: Flags, { stdout }: Surroundings): Promise<number> {
  const { lintKeyPolicy, MAX_KEY_POLICY_BYTES } = await import('@caisson/host/kms');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const bytes = await readBoundedFile(file, { maxBytes: MAX_KEY_POLICY_BYTES, what: `key policy ${file}` });
  const findings = lintKeyPolicy(bytes);
  const faults = findings.filter(({ level }) => level === 'fault').length;
  if (json) stdout.write(`${JSON.stringify({ v: 1, ok: faults === 0, findings })}\n`);
  else {
    for (const { level, rule, path, sid, message } of findings) {
      stdout.write(`${path}${sid === undefined ? '' : ` (${sid})`}: ${level} ${rule}: ${message}\n`);
    }
    if (faults === 0) stdout.write(`ok: ${file} has no fault\n`);
  }
  return faults === 0 ? EXIT_OK : EXIT_FAILED;
}
