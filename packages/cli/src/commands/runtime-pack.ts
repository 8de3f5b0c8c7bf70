// `caisson runtime pack`: the archive of the ledger, from npm and a Debian mirror, or from what is in the cache.
import { endedBy } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly arch?: string;
  readonly output?: string;
  readonly mirror?: string;
  readonly json?: true;
}

export const registerRuntimePack: RegisterCommand = (runtime, surroundings) => {
  const command = runtime
    .command('pack')
    .description('make runtime-node-VERSION-ARCH.tar, the same bytes everywhere; needs npm and a Debian mirror once')
    .option('--arch <name>', 'x86_64 or aarch64; default: of this machine')
    .option('-o, --output <file>', 'default: the name of the archive, in this folder')
    .option('--mirror <url>', 'root of a Debian mirror; default: the mirror of apt, then deb.debian.org')
    .option('--json', 'print one JSON document');
  withExitAction(command, (flags: Flags) => endedBy(surroundings.stop, pack(flags, surroundings)));
};

async function pack(flags: Flags, { stdout, stderr, env, stop }: Surroundings): Promise<void> {
  const { packRuntime, parseArchitecture, readArchitecture, readArchiveLedger } = await import('@caisson/host/runtime');
  const architecture = flags.arch === undefined ? readArchitecture() : parseArchitecture(flags.arch);
  const { path, name, files, size, sha256, sha384 } = await packRuntime(
    architecture,
    flags.output ?? readArchiveLedger(architecture).name,
    {
      env,
      signal: stop,
      progress: (line) => void stderr.write(`${line}\n`),
      ...(flags.mirror !== undefined && { mirror: flags.mirror }),
    },
  );
  const facts = { v: 1, path, name, architecture, files, size, sha256, sha384 };
  stdout.write(
    flags.json ? `${JSON.stringify(facts)}\n` : `${path}  ${files} files, ${size} bytes\nSHA-384 ${sha384}\n`,
  );
}
