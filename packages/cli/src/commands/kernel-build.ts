// `caisson kernel build`: bzImage, its configuration and a manifest, in a folder that did not exist or in the cache.

import { endedBy } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import { UsageError } from '../exit-code.ts';
import { parseKernelProfile } from '../kernel-profile.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly profile: string;
  readonly config?: string;
  readonly source?: string;
  readonly sha256?: string;
  readonly output?: string;
  readonly mirror?: string;
  readonly jobs?: string;
  readonly json?: true;
}

export const registerKernelBuild: RegisterCommand = (kernel, surroundings) => {
  const command = kernel
    .command('build')
    .description(
      'build an enclave kernel for x86_64, the same bytes every time with the same compiler (minutes; 2 GB of disk)',
    )
    .option('--profile <name>', 'minimal, or network: tun, netfilter, TPROXY', 'minimal')
    .option('--config <fragment>', 'options on top of the profile’s; one that does not survive fails the build')
    .option('--source <tarball>', 'a kernel of 6.8 or later; default: Debian’s linux-source of the ledger')
    .option('--sha256 <hex>', 'of the tarball; needed with --source')
    .option('-o, --output <dir>', 'a new folder; default: the cache, where the name caisson finds it')
    .option('--mirror <url>', 'root of a Debian mirror; default: the mirror of apt, then deb.debian.org')
    .option('--jobs <n>', 'processes at a time; default: as many as processors')
    .option('--json', 'print one JSON document');
  withExitAction(command, (flags: Flags) => endedBy(surroundings.stop, build(flags, surroundings)));
};

async function build(flags: Flags, { stdout, stderr, env, stop }: Surroundings): Promise<void> {
  const profile = parseKernelProfile(flags.profile);
  const tarball = parseTarball(flags);
  const jobs = parseJobs(flags.jobs);
  const { buildKernel, kernelCacheFolder } = await import('@caisson/host/kernel');
  const folder = flags.output ?? kernelCacheFolder(profile, env);
  const manifest = await buildKernel(folder, {
    profile,
    env,
    signal: stop,
    progress: (line) => void stderr.write(`${line}\n`),
    ...(flags.config !== undefined && { fragment: flags.config }),
    ...(flags.mirror !== undefined && { mirror: flags.mirror }),
    ...(tarball !== undefined && { tarball }),
    ...(jobs !== undefined && { jobs }),
  });
  const { size, sha384 } = manifest.files.bzImage;
  stdout.write(
    flags.json
      ? `${JSON.stringify({ ...manifest, folder })}\n`
      : `${folder}/bzImage  Linux ${manifest.kernel}, ${size} bytes\nSHA-384 ${sha384}\n`,
  );
}

function parseTarball({ source, sha256 }: Flags): { path: string; sha256: string } | undefined {
  if (source === undefined && sha256 === undefined) return undefined;
  if (source !== undefined && sha256 !== undefined && /^[0-9a-fA-F]{64}$/.test(sha256)) return { path: source, sha256 };
  throw new UsageError('--source and --sha256 go together, the digest as 64 hex digits', 'sha256sum prints it');
}

function parseJobs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new UsageError(`--jobs must be an integer in 1..999, got ${JSON.stringify(text)}`);
}
