// `caisson kernel config`: what a .config lacks for an enclave; exit 2 when it lacks what an image does not boot or work without.
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, EXIT_REFUSED } from '../exit-code.ts';
import { parseKernelProfile } from '../kernel-profile.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly profile: string;
  readonly arch: string;
  readonly json?: true;
}

export const registerKernelConfig: RegisterCommand = (kernel, surroundings) => {
  const command = kernel
    .command('config <file>')
    .description('judge a kernel’s .config by what an enclave needs (docs/kernel.md); exit 2 for any fault')
    .option('--profile <name>', 'minimal or network', 'minimal')
    .option('--arch <name>', 'x86_64 or aarch64', 'x86_64')
    .option('--json', 'print one JSON document');
  withExitAction(command, (file: string, flags: Flags) => judge(file, flags, surroundings));
};

async function judge(file: string, { profile, arch, json }: Flags, { stdout }: Surroundings): Promise<number> {
  const asked = parseKernelProfile(profile);
  const { judgeKernelConfig, MAX_KERNEL_CONFIG_BYTES, parseKernelConfig } = await import('@caisson/host/kernel');
  const { parseArchitecture } = await import('@caisson/host/runtime');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const architecture = parseArchitecture(arch);
  const bytes = await readBoundedFile(file, {
    maxBytes: MAX_KERNEL_CONFIG_BYTES,
    what: `kernel configuration ${file}`,
  });
  const config = parseKernelConfig(Buffer.from(bytes).toString(), file);
  const findings = judgeKernelConfig(config, { profile: asked, architecture });
  const ok = findings.every(({ level }) => level !== 'fault');
  if (json)
    stdout.write(`${JSON.stringify({ v: 1, ok, kernel: config.version, profile: asked, architecture, findings })}\n`);
  else {
    for (const { level, option, want, found, reason } of findings) {
      stdout.write(`${level} CONFIG_${option} must be ${want}, got ${found}: ${reason}\n`);
    }
    if (ok) stdout.write(`ok: ${file} has no fault for profile ${asked}\n`);
  }
  return ok ? EXIT_OK : EXIT_REFUSED;
}
