// `caisson nsm serve`: one simulated NSM that the processes of a simulated enclave share. It says SIMULATED first.
import type { Command } from 'commander';
import { collectPcr } from '../nsm-argument.ts';
import type { Surroundings } from '../surroundings.ts';

interface Options {
  readonly socket: string;
  readonly pcr: Readonly<Record<number, string>>;
  readonly state?: string;
  readonly moduleId?: string;
  readonly role?: string;
  readonly json?: boolean;
}

export function registerNsmServe(nsm: Command, { stdout, stop }: Surroundings): void {
  nsm
    .command('serve')
    .description('serve a simulated NSM on a unix socket (CAISSON_NSM=unix:PATH)')
    .requiredOption('--socket <path>', 'where to listen')
    .option('--pcr <n=hex>', 'a PCR that is measured at boot, 0..15; repeatable', collectPcr, {})
    .option('--state <dir>', 'keep the root certificate there over restarts, and write root.pem')
    .option('--module-id <id>', 'default: a fresh one of the shape AWS gives')
    .option('--role <arn>', 'IAM role of the parent, measured into PCR3')
    .option('--json', 'print one JSON document when it listens')
    .action(async (options: Options) => {
      const { serveSimulatedNsm } = await import('@caisson/host/simulator');
      const { socket, pcr, state, moduleId, role } = options;
      const served = await serveSimulatedNsm({ socketPath: socket, pcrs: pcr, state, moduleId, roleArn: role });
      const { rootSha256 } = served;
      stdout.write(
        options.json
          ? `${JSON.stringify({ v: 1, simulated: true, socket, moduleId: served.moduleId, rootSha256 })}\n`
          : [
              'SIMULATED NSM: its documents prove nothing about hardware',
              `  socket     ${socket}`,
              `  module id  ${served.moduleId}`,
              `  root       sha256 ${rootSha256}${state === undefined ? '' : ` in ${state}/root.pem`}`,
              '',
            ].join('\n'),
      );
      if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
      await served.close();
    });
}
